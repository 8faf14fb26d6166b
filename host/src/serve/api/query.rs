//! What stands behind the `?` of a URL.

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::{Problem, Result};

/// A query that was understood, and the URL that it is of.
pub(super) struct Query<T> {
    pub(super) value: T,
    pub(super) uri: Uri,
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Query<T>> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        let axum::extract::Query(value) = read.map_err(|rejection| {
            let why = std::error::Error::source(&rejection).map(ToString::to_string).unwrap_or_default();
            Problem::malformed(format!("the query is wrong: {why}"))
        })?;
        Ok(Query { value, uri: parts.uri.clone() })
    }
}
