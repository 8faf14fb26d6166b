//! ETags: revisions, and what a caller knows of the thing that it changes.

use axum::extract::FromRequestParts;
use axum::http::header::{IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Problem, Result};
use crate::serve::store::Expected;

/// The ETag of a revision.
pub(super) fn etag(revision: u64) -> String {
    format!("\"{revision}\"")
}

/// What `If-None-Match` can be, where something is changed.
#[derive(Serialize, ToSchema)]
#[allow(dead_code, reason = "a description of what the extractor reads")]
pub(super) enum NothingYet {
    #[serde(rename = "*")]
    Nothing,
}

/// What a request says in `If-Match` or `If-None-Match`.
pub(super) struct Precondition(pub(super) Option<Expected>);

impl<S: Sync> FromRequestParts<S> for Precondition {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Precondition> {
        match (header(parts, &IF_MATCH)?, header(parts, &IF_NONE_MATCH)?) {
            (None, None) => Ok(Precondition(None)),
            (Some(tag), None) => matching(tag).map(|expected| Precondition(Some(expected))),
            (None, Some("*")) => Ok(Precondition(Some(Expected::Nothing))),
            (None, Some(_)) => Err(Problem::malformed("`If-None-Match` of a change can only be `*`")),
            // Something is there and nothing is: that never holds.
            (Some(_), Some(_)) => Err(changed().help("send either `If-Match` or `If-None-Match`")),
        }
    }
}

fn header<'a>(parts: &'a Parts, name: &HeaderName) -> Result<Option<&'a str>> {
    let mut values = parts.headers.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(Problem::malformed(format!("there is more than one `{name}`")));
    }
    let text = first.map(|value| value.to_str().map(str::trim)).transpose();
    text.map_err(|_| Problem::malformed(format!("`{name}` is no text")))
}

/// The revision that an ETag stands for. One that we never gave matches nothing.
fn matching(tag: &str) -> Result<Expected> {
    if tag == "*" {
        return Ok(Expected::Something);
    }
    let is_quoted = tag.len() > 1 && tag.starts_with('"') && tag.ends_with('"');
    if !is_quoted && !tag.starts_with("W/\"") {
        return Err(changed().help("`If-Match` is an ETag in quotation marks, as an answer had it, or `*`"));
    }
    let revision = tag.trim_matches('"').parse::<u64>().ok().filter(|revision| i64::try_from(*revision).is_ok());
    revision.filter(|revision| etag(*revision) == tag).map(Expected::Revision).ok_or_else(changed)
}

/// The thing is not as the caller knows it.
pub(super) fn changed() -> Problem {
    Problem::new(StatusCode::PRECONDITION_FAILED, "request.changed", "it is not as the request expects it")
        .help("read it again; its ETag is the `If-Match` of the next try")
}

/// Something is there, and the caller does not say that it knows.
pub(super) fn required() -> Problem {
    Problem::new(
        StatusCode::PRECONDITION_REQUIRED,
        "request.precondition",
        "it is there already, and the request does not say what it replaces",
    )
    .help("send `If-Match` with the ETag of what it replaces, or `If-Match: *` for whatever is there")
}
