//! An answer as a strategy sees it: the response, and its body as a checked document.

use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result};
use crate::http::Response;
use crate::model::{Batch, Document};

/// An answer of the source. Cheap to clone; the body is parsed once, when it is first asked for.
#[derive(Clone, Debug)]
pub struct Page(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// What was asked for, as in `GET /users`, for messages.
    asked: String,
    response: Response,
    document: OnceLock<Result<Document>>,
}

impl Page {
    /// The page of a response to a request that messages call `asked`, as in `GET /users`.
    pub fn new(asked: impl Into<String>, response: Response) -> Page {
        Page(Arc::new(Inner { asked: asked.into(), response, document: OnceLock::new() }))
    }

    /// The response, unparsed.
    pub fn response(&self) -> &Response {
        &self.0.response
    }

    /// The body as a JSON document. The error says what is wrong with it, and where.
    pub fn document(&self) -> Result<&Document> {
        let parsed = self.0.document.get_or_init(|| Document::parse(self.0.response.body.clone()));
        parsed.as_ref().map_err(|fault| self.not_json(fault))
    }

    /// The JSON text of the value at an RFC 6901 pointer; nothing where the body is no JSON.
    pub fn get(&self, pointer: &str) -> Option<&str> {
        self.document().ok()?.get(pointer)
    }

    /// The records in the list at an RFC 6901 pointer.
    pub fn records(&self, pointer: &str) -> Result<Batch> {
        self.document()?.records(pointer).map_err(|error| error.at(&self.0.asked))
    }

    fn not_json(&self, fault: &Error) -> Error {
        let kind = match self.0.response.header("content-type") {
            Some(kind) => format!("its content type is `{kind}`"),
            None => "it has no content type".to_owned(),
        };
        let message = format!("{}: the answer is not JSON: {}; {kind}", self.0.asked, fault.message());
        Error::new(crate::error::Origin::Source, fault.code(), message)
            .help("check the path and the base URL; `tidegate check FILE` shows what the source answers")
    }
}
