//! The HTTP API under `/v1`: what callers send becomes calls of the store, what the store says becomes answers.
//!
//! One file a resource. What all share: `caller` says who asks and for what, before anything else of a request is looked
//! at; `body`, `query`, `page`, `etag` and `idempotency` read requests; `problem` is every answer that is no success;
//! `openapi` describes all of it. Only this folder names utoipa, and only it and `dashboard` name axum. It knows no
//! database, and of runs only what the history and the gauges say.

mod body;
mod caller;
mod connections;
mod etag;
mod events;
mod health;
mod idempotency;
mod metrics;
mod openapi;
mod page;
mod path;
mod plugins;
mod problem;
mod query;
mod runs;
mod secrets;
mod shape;
mod tenants;
#[cfg(test)]
mod tests;
mod tokens;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::map_response;
use axum::response::Response;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Server, dashboard};
use crate::error::{Error, Result};
use problem::Problem;

/// The API of a server.
pub fn router(server: Server) -> Router {
    let (router, _) = routes().split_for_parts();
    router
        .fallback(async || Problem::absent())
        .method_not_allowed_fallback(async || Problem::method())
        .layer(map_response(finish))
        .with_state(server)
        .merge(dashboard::router().method_not_allowed_fallback(async || Problem::method()))
}

/// The description of the API: an OpenAPI 3.1 document.
pub fn description() -> &'static str {
    openapi::document()
}

/// Serves until `shutdown`; requests that are being answered then are answered.
pub async fn serve(
    server: Server,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    // Answers are small and written at once, so there is nothing to wait for.
    let listener = listener.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    let served = axum::serve(listener, router(server)).with_graceful_shutdown(shutdown).await;
    served.map_err(|error| Error::host(format!("the API stopped: {error}")))
}

fn routes() -> OpenApiRouter<Server> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(health::is_alive))
        .routes(routes!(health::is_ready))
        .routes(routes!(metrics::read_metrics))
        .routes(routes!(openapi::describe_api))
        .routes(routes!(tokens::describe_caller))
        .routes(routes!(tokens::list_operator_tokens, tokens::create_operator_token))
        .routes(routes!(tokens::revoke_operator_token))
        .routes(routes!(tenants::list_tenants, tenants::create_tenant))
        .routes(routes!(tenants::read_tenant, tenants::change_tenant, tenants::delete_tenant))
        .routes(routes!(tokens::list_tokens, tokens::create_token))
        .routes(routes!(tokens::revoke_token))
        .routes(routes!(secrets::list_secrets))
        .routes(routes!(secrets::put_secret, secrets::delete_secret))
        .routes(routes!(connections::list_connections))
        .routes(routes!(connections::read_connection, connections::put_connection, connections::delete_connection))
        .routes(routes!(connections::pause_connection))
        .routes(routes!(connections::resume_connection))
        .routes(routes!(connections::run_connection))
        .routes(routes!(runs::list_runs))
        .routes(routes!(runs::read_run))
        .routes(routes!(runs::cancel_run))
        .routes(routes!(events::watch_run))
        .routes(routes!(plugins::list_plugins))
        .routes(routes!(plugins::upload_plugin))
        .routes(routes!(plugins::activate_plugin))
        .routes(routes!(plugins::list_rollouts))
        .routes(routes!(plugins::read_rollout))
        .routes(routes!(plugins::approve_rollout))
        .routes(routes!(plugins::promote_rollout))
        .routes(routes!(plugins::roll_back))
}

/// What every answer says: it may hold what only this caller may see, so nobody keeps it, and it is what it says it is.
async fn finish(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
