//! Whether the server is there, and whether it can work: for supervisors and load balancers, who have no token.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::Unavailable;
use super::problem::{Problem, Result};
use crate::serve::Server;
use crate::serve::tenant::Role;

/// That it is.
#[derive(Serialize, ToSchema)]
pub(super) struct Alive {
    /// Always `ok`.
    #[schema(pattern = "^ok$", value_type = String)]
    status: &'static str,
}

const OK: Json<Alive> = Json(Alive { status: "ok" });

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "server", security(()), responses((status = 200, body = Alive)))]
pub(super) async fn is_alive() -> Json<Alive> {
    OK
}

/// Whether the server can do its work: its store answers.
#[utoipa::path(get, path = "/readyz", tag = "server", security(()), responses((status = 200, body = Alive), Unavailable))]
pub(super) async fn is_ready(State(server): State<Server>) -> Result<Json<Alive>> {
    match server.store.has_token_of(Role::Operator).await {
        Ok(_) => Ok(OK),
        Err(_) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "host.unavailable", "the store does not answer")),
    }
}
