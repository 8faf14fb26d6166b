//! Connections: put, seen, paused, resumed, run and removed.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{ETAG, LOCATION};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::body::Body;
use super::caller::{Allowed, Change, Look};
use super::etag::{NothingYet, Precondition, changed, etag, required};
use super::idempotency::Once;
use super::openapi::{Changed, Conflict, Invalid, Required, Reused};
use super::page::{Listing, PageQuery, Window};
use super::path::{ConnectionPath, TenantPath};
use super::problem::{Problem, Result};
use super::query::Query;
use super::runs::RunError;
use super::shape::{optional_object, time};
use crate::error::Origin;
use crate::serve::connection::{self, Definition};
use crate::serve::schedule;
use crate::serve::store::Expected;
use crate::serve::tenant::Name;
use crate::serve::{Refusal, Server};

/// How often a change is tried again when another one came between.
const TRIES: usize = 5;

/// When a connection runs by itself: how a [`schedule::Schedule`] is written.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "a description of what another type reads and writes")]
pub(super) enum Schedule {
    /// At an interval, counted from 1970.
    Interval {
        /// From 10 seconds to 366 days.
        #[schema(pattern = "^[0-9]+(ms|s|m|h|d)$", example = "15m")]
        every: String,
        /// Below how much each connection's firings are moved, so that not all begin at once.
        #[schema(pattern = "^[0-9]+(ms|s|m|h|d)$", example = "1m", nullable = false)]
        jitter: Option<String>,
    },
    /// By a calendar.
    Calendar {
        /// A cron expression of five fields.
        #[schema(example = "30 6 * * 1-5")]
        cron: String,
        /// The time zone; UTC if absent.
        #[schema(example = "Europe/Berlin", nullable = false)]
        zone: Option<String>,
        /// Below how much each connection's firings are moved, so that not all begin at once.
        #[schema(pattern = "^[0-9]+(ms|s|m|h|d)$", example = "1m", nullable = false)]
        jitter: Option<String>,
    },
}

/// What a tenant says of a connection.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewConnection {
    /// A connection file without its name. Secrets stand in it as `${NAME}`.
    #[schema(value_type = Object)]
    connection: Map<String, Value>,
    /// When it runs by itself. Absent or null: only when asked to.
    #[serde(default, deserialize_with = "optional_object")]
    #[schema(value_type = Option<Schedule>)]
    schedule: Option<schedule::Schedule>,
    /// Whether it runs only when asked to, whatever its schedule.
    #[serde(default)]
    paused: bool,
}

/// How a connection does.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// When it runs next.
    #[schema(format = "date-time")]
    due_at: Option<String>,
    /// The run that goes on.
    #[schema(format = "uuid")]
    running: Option<String>,
    /// How many runs failed since the last that did not.
    failures: u32,
    /// Since when it fails.
    #[schema(format = "date-time")]
    failing_since: Option<String>,
    /// How its last run ended.
    last_status: Option<String>,
    /// When its last run ended.
    #[schema(format = "date-time")]
    last_ended_at: Option<String>,
    /// When everything was read last.
    #[schema(format = "date-time")]
    last_done_at: Option<String>,
    /// Why its last run failed.
    last_error: Option<RunError>,
}

impl From<connection::Health> for Health {
    fn from(health: connection::Health) -> Health {
        Health {
            due_at: health.due_at.map(time),
            running: health.running,
            failures: health.failures,
            failing_since: health.failing_since.map(time),
            last_status: health.last_status,
            last_ended_at: health.last_ended_at.map(time),
            last_done_at: health.last_done_at.map(time),
            last_error: health.last_error.map(RunError::from),
        }
    }
}

/// A connection.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Connection {
    /// Its name.
    #[schema(pattern = "^[a-z0-9][a-z0-9_-]{0,62}$")]
    name: String,
    /// Raised by each change; its ETag.
    revision: u64,
    /// A connection file without its name, as it was put.
    #[schema(value_type = Object)]
    connection: Map<String, Value>,
    /// When it runs by itself.
    #[schema(value_type = Option<Schedule>)]
    schedule: Option<schedule::Schedule>,
    /// Whether it runs only when asked to.
    paused: bool,
    /// When it was made.
    #[schema(format = "date-time")]
    created_at: String,
    /// When its definition changed last.
    #[schema(format = "date-time")]
    updated_at: String,
    /// How it does.
    health: Health,
}

impl From<connection::Connection> for Connection {
    fn from(connection: connection::Connection) -> Connection {
        let Definition { document, schedule, is_paused } = connection.definition;
        Connection {
            name: connection.name.to_string(),
            revision: connection.revision,
            connection: document,
            schedule,
            paused: is_paused,
            created_at: time(connection.created_at),
            updated_at: time(connection.updated_at),
            health: connection.health.into(),
        }
    }
}

fn shown(connection: connection::Connection) -> impl IntoResponse + use<> {
    ([(ETAG, etag(connection.revision))], Json(Connection::from(connection)))
}

/// A tenant's connections, by name.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/connections", tag = "connections",
    params(TenantPath, PageQuery),
    responses((status = 200, body = Listing<Connection>)),
)]
pub(super) async fn list_connections(
    State(server): State<Server>,
    allowed: Allowed<Look, TenantPath>,
    query: Query<PageQuery>,
) -> Result<Json<Listing<Connection>>> {
    let window = Window::try_from(query)?;
    let connections = server.store.connections(&allowed.path.tenant, window.page()).await?;
    Ok(Json(window.show(connections, |connection| connection.name.as_str())))
}

/// One connection.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/connections/{connection}", tag = "connections",
    params(ConnectionPath),
    responses(
        (status = 200, body = Connection, headers(("ETag" = String, description = "Its revision."))),
        Invalid,
    ),
)]
pub(super) async fn read_connection(
    State(server): State<Server>,
    allowed: Allowed<Look, ConnectionPath>,
) -> Result<impl IntoResponse> {
    let (tenant, name) = names(allowed.path)?;
    Ok(shown(server.store.connection(&tenant, &name).await?))
}

/// Makes a connection, or replaces the one whose ETag is sent as `If-Match`. `If-Match: *` replaces whatever is there.
#[utoipa::path(
    put, path = "/v1/tenants/{tenant}/connections/{connection}", tag = "connections",
    params(
        ConnectionPath,
        ("If-Match" = Option<String>, Header, description = "The ETag of what is replaced, or `*`.", nullable = false),
        ("If-None-Match" = inline(Option<NothingYet>), Header, description = "`*`: only if there is none yet.", nullable = false),
    ),
    request_body = NewConnection,
    responses(
        (status = 200, description = "Replaced.", body = Connection, headers(("ETag" = String, description = "Its revision."))),
        (status = 201, description = "Made.", body = Connection, headers(
            ("ETag" = String, description = "Its revision."),
            ("Location" = String, description = "Where it is."),
        )),
        Changed, Required,
    ),
)]
pub(super) async fn put_connection(
    State(server): State<Server>,
    allowed: Allowed<Change, ConnectionPath>,
    Precondition(precondition): Precondition,
    body: Body<NewConnection>,
) -> Result<Response> {
    let (tenant, name) = names(allowed.path)?;
    let definition = define(&server, &tenant, &name, body.value).await?;
    let due_at = definition.first_due(&tenant, &name, server.clock.now());
    let expected = precondition.unwrap_or(Expected::Nothing);
    let put = server.store.put_connection(&tenant, &name, definition, due_at, expected).await;
    let (connection, is_new) = put.map_err(|refusal| match refusal {
        Refusal::Conflict(_) if precondition.is_none() => required(),
        Refusal::Conflict(_) | Refusal::Absent => changed(),
        other => other.into(),
    })?;
    server.live.wake();
    let place = format!("/v1/tenants/{tenant}/connections/{name}");
    Ok(if is_new {
        (StatusCode::CREATED, [(LOCATION, place)], shown(connection)).into_response()
    } else {
        shown(connection).into_response()
    })
}

/// The definition that a body says, if it can run.
async fn define(server: &Server, tenant: &Name, name: &Name, body: NewConnection) -> Result<Definition> {
    let NewConnection { connection: document, schedule, paused: is_paused } = body;
    let now = server.clock.now();
    let candidate = connection::Connection {
        tenant: tenant.clone(),
        name: name.clone(),
        definition: Definition { document, schedule, is_paused },
        revision: 0,
        created_at: now,
        updated_at: now,
        health: connection::Health::default(),
    };
    let plugin = server.registry.resolve(&candidate)?;
    server.runner.check(&candidate, &plugin).await.map_err(|error| match error.origin() {
        Origin::Host => Problem::from(Refusal::Failed(error)),
        _ => Problem::from(&error),
    })?;
    Ok(candidate.definition)
}

/// Removes a connection and its history. Its rows and its state stay where they are.
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}/connections/{connection}", tag = "connections",
    params(
        ConnectionPath,
        ("If-Match" = Option<String>, Header, description = "The ETag of what is removed, or `*`.", nullable = false),
    ),
    responses((status = 204), Conflict, Changed, Invalid),
)]
pub(super) async fn delete_connection(
    State(server): State<Server>,
    allowed: Allowed<Change, ConnectionPath>,
    Precondition(precondition): Precondition,
) -> Result<impl IntoResponse> {
    let (tenant, name) = names(allowed.path)?;
    let expected = precondition.unwrap_or(Expected::Anything);
    let deleted = server.store.delete_connection(&tenant, &name, expected).await;
    if let (Err(Refusal::Conflict(_)), Expected::Revision(revision)) = (&deleted, expected)
        && server.store.connection(&tenant, &name).await?.revision != revision
    {
        return Err(changed());
    }
    deleted?;
    server.runner.forget(&tenant, Some(&name)).await.map_err(Refusal::Failed)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a connection run only when asked to. A run that goes on is not stopped.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/connections/{connection}/pause", tag = "connections",
    params(ConnectionPath),
    responses((status = 200, body = Connection, headers(("ETag" = String, description = "Its revision."))), Conflict, Reused),
)]
pub(super) async fn pause_connection(
    State(server): State<Server>,
    allowed: Allowed<Change, ConnectionPath>,
    once: Once,
) -> Result<Response> {
    let Allowed { caller, path, .. } = allowed;
    once.answer(&server, &caller, &[], set_paused(&server, path, true)).await
}

/// Lets a connection run on its schedule again, from its next firing on.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/connections/{connection}/resume", tag = "connections",
    params(ConnectionPath),
    responses((status = 200, body = Connection, headers(("ETag" = String, description = "Its revision."))), Conflict, Reused),
)]
pub(super) async fn resume_connection(
    State(server): State<Server>,
    allowed: Allowed<Change, ConnectionPath>,
    once: Once,
) -> Result<Response> {
    let Allowed { caller, path, .. } = allowed;
    once.answer(&server, &caller, &[], set_paused(&server, path, false)).await
}

async fn set_paused(server: &Server, path: ConnectionPath, is_paused: bool) -> Result<impl IntoResponse + use<>> {
    let (tenant, name) = names(path)?;
    for _ in 0..TRIES {
        let connection = server.store.connection(&tenant, &name).await?;
        if connection.definition.is_paused == is_paused {
            return Ok(shown(connection));
        }
        let definition = Definition { is_paused, ..connection.definition };
        let due_at = definition.first_due(&tenant, &name, server.clock.now());
        let expected = Expected::Revision(connection.revision);
        match server.store.put_connection(&tenant, &name, definition, due_at, expected).await {
            Err(Refusal::Conflict(_)) => continue,
            put => {
                server.live.wake();
                return Ok(shown(put?.0));
            }
        }
    }
    Err(Problem::conflict("others change this connection all the time").help("try again"))
}

/// A run to be asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRun {
    /// Whether to read all anew.
    #[serde(default)]
    full_refresh: bool,
}

/// Asks for a run as soon as there is room; once, however often it is asked before the run begins.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/connections/{connection}/runs", tag = "connections",
    params(ConnectionPath), request_body = NewRun,
    responses(
        (status = 202, description = "Asked for.", body = Connection, headers(
            ("ETag" = String, description = "Its revision."),
            ("Location" = String, description = "Where its runs are."),
        )),
        Conflict, Reused,
    ),
)]
pub(super) async fn run_connection(
    State(server): State<Server>,
    allowed: Allowed<Change, ConnectionPath>,
    once: Once,
    body: Body<NewRun>,
) -> Result<Response> {
    let (tenant, name) = names(allowed.path)?;
    let request = async {
        server.store.request_run(&tenant, &name, body.value.full_refresh).await?;
        server.live.wake();
        let place = format!("/v1/tenants/{tenant}/runs?connection={name}");
        let connection = server.store.connection(&tenant, &name).await?;
        Ok((StatusCode::ACCEPTED, [(LOCATION, place)], shown(connection)))
    };
    once.answer(&server, &allowed.caller, &body.digest, request).await
}

fn names(path: ConnectionPath) -> Result<(Name, Name)> {
    let name = path.connection.parse()?;
    Ok((path.tenant, name))
}
