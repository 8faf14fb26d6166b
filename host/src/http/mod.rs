//! Fetching from one source: the story of a request, from what a strategy asked to the answer that it gets.
//!
//! `egress` (may it be sent, and where to?) → `credentials` → `rate` (when?) → `origins` (is the source up?) →
//! [`Transport`] (send it) → `retry` (again?). Begin with `source`, which tells it; `exchange` is its inner loop. What is
//! known of an origin is shared by all connections: `breaker` decides whether it is asked at all, `budget` how often
//! again.
//! Nothing here knows strategies, sinks or wasm.

mod answer;
mod breaker;
mod budget;
mod buffers;
mod client;
mod credentials;
mod egress;
mod exchange;
mod meter;
mod origins;
mod page;
mod rate;
mod retry;
mod secrets;
mod source;
mod tokens;
mod wall;

#[cfg(test)]
mod tests;

use std::fmt;

use bytes::Bytes;

use crate::BoxFuture;
use crate::error::Result;

use answer::Answer;
use credentials::Signature;

pub use client::Client;
pub use egress::Names;
pub use meter::{Enough, Meter};
pub use origins::Origins;
pub use page::Page;
pub use source::Source;
pub use tokens::{FileTokens, MemoryTokens, TokenStore};

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

/// As in `GET /users?page=2`.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        self.query.iter().enumerate().try_for_each(|(at, (name, value))| {
            let mark = if at == 0 { '?' } else { '&' };
            write!(f, "{mark}{name}={value}")
        })
    }
}

/// Where a strategy's requests go.
pub trait Fetch: Send + Sync {
    /// Fetches a page. The future owns what it needs; dropping it cancels the request.
    fn fetch(&self, request: Request) -> BoxFuture<'static, Result<Page>>;
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

/// A request as it goes onto the wire. Never shown, never logged.
#[derive(Clone)]
pub struct WireRequest {
    /// The HTTP method, in capitals.
    pub method: String,
    /// The absolute URL, without credentials.
    pub url: url::Url,
    /// All headers but those that carry credentials and those that the transport adds by itself.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Bytes>,
    /// The credentials, which only this room's client can read.
    signature: Signature,
}

impl WireRequest {
    fn new(method: &str, url: url::Url) -> WireRequest {
        WireRequest { method: method.to_owned(), url, headers: Vec::new(), body: None, signature: Signature::default() }
    }
}

/// Sends one request once. No retry, no redirect, no judgement about the status: any complete answer is `Ok`.
///
/// Errors with the codes `source.unreachable`, `source.timeout` and `source.body` are tried again, unless their origin
/// is a limit, which another attempt would meet as well. Messages do not name the request; its sender does.
pub trait Transport: Send + Sync {
    /// Sends the request and receives the whole answer, within the transport's deadlines and caps.
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Response>>;
}
