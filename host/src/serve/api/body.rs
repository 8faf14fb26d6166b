//! The bodies of requests: JSON of a known shape, of a bounded size.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::problem::{Problem, Result};

/// The most bytes of a body.
const LARGEST: usize = 1 << 20;

/// A body that was understood.
pub(super) struct Body<T> {
    pub(super) value: T,
    /// Of its bytes: what tells whether a request was sent again, or another with its key.
    pub(super) digest: [u8; 32],
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(mut request: Request, server: &S) -> Result<Body<T>> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "request.content-type",
                "the body must be JSON, and say so",
            )
            .help("send `Content-Type: application/json`"));
        }
        axum::extract::DefaultBodyLimit::max(LARGEST).apply(&mut request);
        let bytes = Bytes::from_request(request, server).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::new(rejection.status(), "request.too-large", "the body has more than 1 MiB")
            }
            _ => Problem::malformed("the body broke off"),
        })?;
        Ok(Body { value: parse(&bytes)?, digest: Sha256::digest(&bytes).into() })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
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
