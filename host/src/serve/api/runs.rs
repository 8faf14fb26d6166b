//! Runs: how far they are, how they ended, why they failed and what to do about it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::{Allowed, Change, Look};
use super::idempotency::Once;
use super::openapi::{Conflict, Reused};
use super::page::{Listing, Window};
use super::path::{RunPath, TenantPath};
use super::problem::{Problem, Result};
use super::query::Query;
use super::shape::time;
use crate::model;
use crate::serve::live::LiveRun;
use crate::serve::run;
use crate::serve::tenant::Name;
use crate::serve::{Server, connection};

/// What was read and written.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct Progress {
    /// Requests sent, retries included.
    requests: u64,
    /// Those of them that repeated a request that had failed.
    retries: u64,
    /// Bytes of the answers' bodies, decompressed.
    bytes_in: u64,
    /// Rows that the strategy staged.
    rows_read: u64,
    /// Processor time of the strategy, in seconds.
    cpu_seconds: f64,
    /// The greatest size of the strategy's memory, in bytes.
    memory_bytes: u64,
    /// Rows that were not there before.
    inserted: u64,
    /// Rows whose content changed.
    updated: u64,
    /// Rows that were there already, equal in every column.
    unchanged: u64,
    /// Rows that were marked as deleted.
    deleted: u64,
    /// Checkpoints that became durable.
    checkpoints: u64,
}

impl From<model::Progress> for Progress {
    fn from(progress: model::Progress) -> Progress {
        let model::Progress { requests, retries, bytes_in, rows_read, cpu, memory_bytes, committed } = progress;
        let model::Counts { inserted, updated, unchanged, deleted, checkpoints } = committed;
        let cpu_seconds = cpu.as_millis() as f64 / 1e3;
        Progress {
            requests,
            retries,
            bytes_in,
            rows_read,
            cpu_seconds,
            memory_bytes,
            inserted,
            updated,
            unchanged,
            deleted,
            checkpoints,
        }
    }
}

/// Why a run failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct RunError {
    /// Who failed.
    origin: String,
    /// What it is, for programs.
    code: String,
    /// What happened and where.
    message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    help: Option<String>,
}

impl From<connection::RunError> for RunError {
    fn from(error: connection::RunError) -> RunError {
        let connection::RunError { origin, code, message, help } = error;
        RunError { origin, code, message, help }
    }
}

/// A line of a run's log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct LogLine {
    /// When.
    #[schema(format = "date-time")]
    at: String,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    level: String,
    /// What.
    message: String,
}

impl From<model::LogLine> for LogLine {
    fn from(line: model::LogLine) -> LogLine {
        LogLine { at: time(line.at), level: line.level, message: line.message }
    }
}

/// One run, while it goes on or afterwards.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Run {
    /// Its identifier.
    #[schema(format = "uuid")]
    pub(super) id: String,
    /// Its connection.
    #[schema(pattern = "^[a-z0-9][a-z0-9_-]{0,62}$")]
    connection: String,
    /// Why it began: `schedule`, `retry` or `manual`.
    trigger: &'static str,
    /// The firing of the schedule that it is.
    #[schema(format = "date-time")]
    scheduled_for: Option<String>,
    /// Whether it reads all anew.
    full_refresh: bool,
    /// When it began.
    #[schema(format = "date-time")]
    started_at: String,
    /// `running`, or how it ended: `done`, `failed`, `interrupted`, `limited`, `postponed`, `cancelled` or `lost`.
    status: String,
    /// When it ended.
    #[schema(format = "date-time")]
    ended_at: Option<String>,
    /// What was read and written, until now if it goes on.
    progress: Option<Progress>,
    /// The strategy's component, SHA-256 in hexadecimal. Null where none was loaded.
    plugin_digest: Option<String>,
    /// When the source asks to come back.
    #[schema(format = "date-time")]
    retry_at: Option<String>,
    /// Why it failed.
    error: Option<RunError>,
}

impl Run {
    pub(super) fn new(run: run::Run, live: Option<LiveRun>) -> Run {
        let end = run.end.as_ref();
        let gauge = live.and_then(|live| live.gauge);
        let progress = end.map(|end| end.progress).or_else(|| Some(gauge?.snapshot()));
        Run {
            id: run.id,
            connection: run.connection.to_string(),
            trigger: run.trigger.as_str(),
            scheduled_for: run.scheduled_for.map(time),
            full_refresh: run.is_full_refresh,
            started_at: time(run.started_at),
            status: end.map_or("running", |end| &end.status).to_owned(),
            ended_at: end.map(|end| time(end.at)),
            progress: progress.map(Progress::from),
            plugin_digest: end.map(|end| end.plugin_digest.clone()).filter(|digest| !digest.is_empty()),
            retry_at: end.and_then(|end| end.retry_at).map(time),
            error: end.and_then(|end| end.error.clone()).map(RunError::from),
        }
    }
}

/// One run with the last lines of its log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunWithLog {
    #[serde(flatten)]
    run: Run,
    /// The last lines of its log, once it ended.
    log: Vec<LogLine>,
}

/// Which runs are asked for.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RunsQuery {
    /// Those of this connection.
    #[param(nullable = false, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$")]
    connection: Option<String>,
    /// So many at most.
    #[param(minimum = 1, maximum = 200, default = 50, nullable = false)]
    limit: Option<u32>,
    /// Begin behind this one. `next` of a page has it.
    #[param(max_length = 128, nullable = false)]
    after: Option<String>,
}

/// A tenant's runs, the latest first.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/runs", tag = "runs",
    params(TenantPath, RunsQuery),
    responses((status = 200, body = Listing<Run>)),
)]
pub(super) async fn list_runs(
    State(server): State<Server>,
    allowed: Allowed<Look, TenantPath>,
    Query { value: query, uri }: Query<RunsQuery>,
) -> Result<Json<Listing<Run>>> {
    let window = Window::new(uri, query.limit, query.after)?;
    let connection = query.connection.map(|name| name.parse::<Name>()).transpose();
    let connection = connection.map_err(|_| Problem::malformed("the query is wrong: connection: no name"))?;
    let tenant = &allowed.path.tenant;
    let runs = server.store.runs(tenant, connection.as_ref(), window.page()).await?;
    Ok(Json(window.show_as(runs, |run| &run.id, |run| show(&server, run))))
}

/// One run.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/runs/{run}", tag = "runs",
    params(RunPath),
    responses((status = 200, body = RunWithLog)),
)]
pub(super) async fn read_run(
    State(server): State<Server>,
    allowed: Allowed<Look, RunPath>,
) -> Result<Json<RunWithLog>> {
    let RunPath { tenant, run } = &allowed.path;
    let mut run = server.store.run(tenant, run).await?;
    let log = run.end.as_mut().map(|end| std::mem::take(&mut end.log)).unwrap_or_default();
    Ok(Json(RunWithLog { run: show(&server, run), log: log.into_iter().map(LogLine::from).collect() }))
}

/// Stops a run at its last checkpoint. What it committed stays.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/runs/{run}/cancel", tag = "runs",
    params(RunPath),
    responses((status = 202, description = "It is being stopped.", body = Run), Conflict, Reused),
)]
pub(super) async fn cancel_run(
    State(server): State<Server>,
    allowed: Allowed<Change, RunPath>,
    once: Once,
) -> Result<Response> {
    let RunPath { tenant, run } = &allowed.path;
    let cancel = async {
        let run = server.store.run(tenant, run).await?;
        if run.end.is_some() {
            return Err(Problem::conflict("the run has ended"));
        }
        let live = server.live.run(tenant, &run.id);
        let live = live.ok_or_else(|| Problem::conflict("the run does not go on in this process").help("try again"))?;
        live.cancel.cancel();
        Ok((StatusCode::ACCEPTED, Json(show(&server, run))))
    };
    once.answer(&server, &allowed.caller, &[], cancel).await
}

fn show(server: &Server, run: run::Run) -> Run {
    let live = server.live.run(&run.tenant, &run.id);
    Run::new(run, live)
}
