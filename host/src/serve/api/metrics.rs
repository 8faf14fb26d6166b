//! What the server counts, for Prometheus.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::caller::{Allowed, Govern};
use super::path::Everywhere;
use super::problem::Result;
use crate::serve::Server;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the server counts since it started, and what goes on now: metrics that Prometheus reads.
#[utoipa::path(
    get, path = "/metrics", tag = "server",
    responses((status = 200, body = String, content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8")),
)]
pub(super) async fn read_metrics(
    State(server): State<Server>,
    _: Allowed<Govern, Everywhere>,
) -> Result<impl IntoResponse> {
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], server.exposition().await?))
}
