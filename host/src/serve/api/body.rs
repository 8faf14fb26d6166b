//! The bodies of requests: JSON of a known shape, of a bounded size.

use axum::body::{Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::problem::{Problem, Result};

/// The most bytes of a body.
const LARGEST: usize = 1 << 20;

/// A kind of body: what it declares itself to be, how it is called, and how large it may be.
pub(super) struct Kind {
    pub(super) content_type: &'static str,
    /// Whether something may stand behind the type, as in `; charset=utf-8`.
    pub(super) takes_parameters: bool,
    pub(super) mistyped: &'static str,
    pub(super) too_large: &'static str,
    pub(super) largest: usize,
}

const JSON: Kind = Kind {
    content_type: "application/json",
    takes_parameters: true,
    mistyped: "the body must be JSON, and say so",
    too_large: "the body has more than 1 MiB",
    largest: LARGEST,
};

/// Receives a body of a kind.
pub(super) async fn receive<S: Send + Sync>(mut request: Request, server: &S, kind: &Kind) -> Result<Bytes> {
    if !request.headers().contains_key(CONTENT_TYPE) && request.body().is_end_stream() {
        return Err(Problem::malformed("there is no body, and has to be one"));
    }
    if !kind.is_declared(request.headers()) {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "request.content-type", kind.mistyped)
            .help(format!("send `Content-Type: {}`", kind.content_type)));
    }
    DefaultBodyLimit::max(kind.largest).apply(&mut request);
    Bytes::from_request(request, server).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(rejection.status(), "request.too-large", kind.too_large),
        _ => Problem::malformed("the body broke off"),
    })
}

impl Kind {
    fn is_declared(&self, headers: &HeaderMap) -> bool {
        let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let declared = match declared.split_once(';') {
            Some((essence, _)) if self.takes_parameters => essence,
            _ => declared,
        };
        declared.trim().eq_ignore_ascii_case(self.content_type)
    }
}

/// A body that was understood.
pub(super) struct Body<T> {
    pub(super) value: T,
    /// Of its bytes: what tells whether a request was sent again, or another with its key.
    pub(super) digest: [u8; 32],
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, server: &S) -> Result<Body<T>> {
        let bytes = receive(request, server, &JSON).await?;
        Ok(Body { value: parse(&bytes)?, digest: Sha256::digest(&bytes).into() })
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    // A list of a shape's values in order is taken by serde as well.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::invalid("the body is a list, and has to be an object"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let place = error.path().to_string();
        let detail = if place == "." { error.inner().to_string() } else { format!("{place}: {}", error.inner()) };
        if error.inner().is_data() { Problem::invalid(detail) } else { Problem::malformed(detail) }
    })?;
    json.end().map_err(|error| Problem::malformed(error.to_string()))?;
    Ok(value)
}
