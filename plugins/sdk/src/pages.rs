//! Requests to the source, and its answers.

use serde::de::DeserializeOwned;

use crate::bindings::tidegate::strategy::pages as host;
use crate::{Batch, Error, Result};

/// A request, built step by step. The host adds address and credentials.
#[derive(Clone, Debug)]
#[must_use]
pub struct Request(host::Request);

impl Request {
    /// A request with any method.
    pub fn new(method: &str, path: &str) -> Request {
        Request(host::Request {
            method: method.into(),
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
        })
    }

    /// A GET request.
    pub fn get(path: &str) -> Request {
        Request::new("GET", path)
    }

    /// With one more query parameter.
    pub fn query(mut self, name: &str, value: impl ToString) -> Request {
        self.0.query.push((name.into(), value.to_string()));
        self
    }

    /// With one more query parameter, where there is a value.
    pub fn query_some(self, name: &str, value: Option<impl ToString>) -> Request {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// With one more header.
    pub fn header(mut self, name: &str, value: &str) -> Request {
        self.0.headers.push((name.into(), value.into()));
        self
    }

    /// With a body.
    pub fn body(mut self, body: Vec<u8>) -> Request {
        self.0.body = Some(body);
        self
    }

    /// Sends it and waits for its page. Answers outside 200 to 299 are errors.
    pub fn fetch(&self) -> Result<Page> {
        host::fetch(&self.0).map(Page)
    }

    /// Sends it and does not wait.
    pub fn begin(&self) -> Result<Pending> {
        host::begin(&self.0).map(Pending)
    }
}

/// A request in flight. Dropping it cancels it.
#[derive(Debug)]
#[must_use]
pub struct Pending(host::Pending);

impl Pending {
    /// Waits for the page.
    pub fn wait(self) -> Result<Page> {
        host::Pending::wait(self.0).map(Page)
    }
}

impl PartialEq for Request {
    fn eq(&self, other: &Request) -> bool {
        let host::Request { method, path, query, headers, body } = &other.0;
        let own = &self.0;
        own.method == *method
            && own.path == *path
            && own.query == *query
            && own.headers == *headers
            && own.body == *body
    }
}

/// An answer of the source. It stays in the host.
#[derive(Debug)]
pub struct Page(host::Page);

impl Page {
    /// The HTTP status, 200 to 299.
    pub fn status(&self) -> u16 {
        self.0.status()
    }

    /// A header's first value.
    pub fn header(&self, name: &str) -> Option<String> {
        self.0.header(name)
    }

    /// The value at an RFC 6901 pointer; none where there is nothing, or null.
    pub fn get<T: DeserializeOwned>(&self, pointer: &str) -> Result<Option<T>> {
        let Some(text) = self.0.get(pointer) else { return Ok(None) };
        crate::json::from_str(&text)
            .map_err(|error| Error::new("source.body", format!("the value at `{pointer}` is not as expected: {error}")))
    }

    /// The text at an RFC 6901 pointer: a string without its quotes, or a number or boolean as it stands. None where
    /// there is nothing, null, or an empty string.
    pub fn text(&self, pointer: &str) -> Result<Option<String>> {
        let Some(json) = self.0.get(pointer) else { return Ok(None) };
        let text = match json.as_bytes() {
            [b'"', ..] => self.get::<String>(pointer)?,
            [b'n', ..] => None,
            [b'{' | b'[', ..] => {
                let message = format!("the value at `{pointer}` should be a text or a number, and is a list or object");
                return Err(Error::new("source.body", message));
            }
            _ => Some(json),
        };
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// The records in the list at an RFC 6901 pointer.
    pub fn records(&self, pointer: &str) -> Result<Batch> {
        self.0.records(pointer).map(Batch)
    }

    /// The whole body, decompressed.
    pub fn body(&self) -> Vec<u8> {
        self.0.body()
    }
}
