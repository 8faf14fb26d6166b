//! A request and its answer, as they stand in a file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::http::{Request, Response};

/// A request, as a strategy made it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Asked {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<Body>,
}

/// An answer, as a strategy got it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Body,
}

/// Bytes: as text where they are text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Body {
    Text(String),
    Base64(String),
}

impl Body {
    fn of(bytes: &[u8]) -> Body {
        match std::str::from_utf8(bytes) {
            Ok(text) => Body::Text(text.to_owned()),
            Err(_) => Body::Base64(BASE64.encode(bytes)),
        }
    }

    fn read(self) -> Option<Bytes> {
        match self {
            Body::Text(text) => Some(text.into()),
            Body::Base64(text) => BASE64.decode(text).ok().map(Into::into),
        }
    }
}

impl Asked {
    pub(crate) fn of(request: &Request) -> Asked {
        let Request { method, path, query, headers, body } = request.clone();
        Asked { method, path, query, headers, body: body.map(|body| Body::of(&body)) }
    }

    /// The request; none where its body is no base64.
    pub(crate) fn read(self) -> Option<Request> {
        let Asked { method, path, query, headers, body } = self;
        let body = match body {
            Some(body) => Some(body.read()?),
            None => None,
        };
        Some(Request { method, path, query, headers, body })
    }
}

impl Answer {
    pub(crate) fn of(response: &Response) -> Answer {
        let Response { status, headers, body } = response.clone();
        Answer { status, headers, body: Body::of(&body) }
    }

    /// The answer; none where its body is no base64.
    pub(crate) fn read(self) -> Option<Response> {
        let Answer { status, headers, body } = self;
        Some(Response { status, headers, body: body.read()? })
    }
}
