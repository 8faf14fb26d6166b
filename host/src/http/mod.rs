//! Fetching from one source: the story of a request, from what a strategy asked to the answer that it gets.
//!
//! `grant` (may it be sent?) → `credentials` → `rate` (when?) → [`Transport`] (send it) → `retry` (again?).
//! Nothing here knows strategies, sinks or wasm.

mod meter;
mod page;

use bytes::Bytes;

use crate::BoxFuture;
use crate::error::Result;

pub use meter::Meter;
pub use page::Page;

/// What a strategy asks for. See `wit/pages.wit`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Request {
    /// The HTTP method, in capitals.
    pub method: String,
    /// The path below the base URL.
    pub path: String,
    /// Query parameters, unencoded.
    pub query: Vec<(String, String)>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Bytes>,
}

/// An answer, decompressed and complete.
#[derive(Clone, Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Headers, names in lower case, as received.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Response {
    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        Some(value)
    }
}

/// A request as it goes onto the wire: an absolute URL, credentials included. Never shown, never logged.
#[derive(Clone)]
pub struct WireRequest {
    /// The HTTP method, in capitals.
    pub method: String,
    /// The absolute URL.
    pub url: url::Url,
    /// All headers but those that the transport adds by itself.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Bytes>,
}

/// Sends one request once. No retry, no redirect, no judgement about the status: any complete answer is `Ok`.
pub trait Transport: Send + Sync {
    /// Sends the request and receives the whole answer, within the transport's deadlines and caps.
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Response>>;
}
