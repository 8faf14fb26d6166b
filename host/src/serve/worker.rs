//! ★ The story of one claim: from its lease to its entry in the history.
//!
//! start → watch it (its end, somebody who cancels it, the server that stops, a lease that is lost) → decide when the
//! connection is due next → write the end. It must not know how a run works inside.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::clock::Millis;
use super::connection::{RunError, seed};
use super::dispatcher::Settings;
use super::live::LiveRun;
use super::run::{CANCELLED, End, Trigger};
use super::runner::{Order, Running};
use super::schedule::{self, Ending};
use super::store::{Claim, Next};
use super::{Refusal, Server};
use crate::BoxFuture;
use crate::error::Error;
use crate::model::{LogLine, Progress, Report, Status};
use crate::sync::Gauge;

/// How often a run that is to stop is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long to wait before the end of a run is written again, where the store fails.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs a connection that was claimed, and writes down how it ended.
pub(super) async fn work(server: Server, claim: Claim, live: LiveRun, settings: Settings, stop: CancellationToken) {
    let run = claim.run.id.as_str();
    let tenant = claim.lease.tenant.as_str();
    let connection = claim.lease.connection.as_str();
    tracing::info!(tenant, connection, run, trigger = claim.run.trigger.as_str(), "started");
    let ended = run_to_its_end(&server, &claim, &live, settings, &stop).await;
    let now = server.clock.now();
    let (end, ending) = ended.describe(&claim, now);
    tracing::info!(tenant, connection, run, status = end.status, rows = end.progress.rows_read, "ended");
    server.count_end(&claim, &end);
    write_end(&server, &claim, &live, end, next(&claim, now, ending)).await;
    server.live.remove(run);
    server.live.wake();
}

/// How it came to an end.
struct Ended {
    outcome: Result<Report, Error>,
    why: Why,
    log: Vec<LogLine>,
}

/// Who ended it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// It came to its end by itself.
    Itself,
    /// Somebody cancelled it.
    Cancelled,
    /// The server stops.
    Stopping,
    /// Another host holds its lease.
    Lost,
    /// Another version of its strategy took the place of the one that it goes by.
    Superseded,
}

/// Runs a connection by the strategy that it names, and goes on by another where that takes its place meanwhile.
async fn run_to_its_end(
    server: &Server,
    claim: &Claim,
    live: &LiveRun,
    settings: Settings,
    stop: &CancellationToken,
) -> Ended {
    let mut before = Progress::default();
    let mut log = Vec::new();
    loop {
        let part = run_a_part(server, claim, live, settings, stop).await;
        log.extend(part.log);
        let mut outcome = part.outcome;
        if let Ok(report) = &mut outcome {
            report.progress += before;
            if part.why == Why::Superseded && report.status == Status::Interrupted {
                before = report.progress;
                continue;
            }
        }
        return Ended { outcome, why: part.why, log };
    }
}

/// Runs it by one version.
async fn run_a_part(
    server: &Server,
    claim: &Claim,
    live: &LiveRun,
    settings: Settings,
    stop: &CancellationToken,
) -> Ended {
    let plugin = match server.registry.resolve(&claim.connection) {
        Ok(plugin) => plugin,
        Err(refusal) => return Ended::before_it_began(refusal.into_error()),
    };
    let interrupt = CancellationToken::new();
    let order = Order {
        connection: claim.connection.clone(),
        plugin: plugin.clone(),
        lease: claim.lease.clone(),
        is_full_refresh: claim.run.is_full_refresh,
        interrupt: interrupt.clone(),
    };
    let (outcome, why, log) = match server.runner.start(order).await {
        Ok(Running { gauge, report }) => {
            server.live.show(&claim.run.id, gauge.clone(), plugin.version.to_string());
            let superseded = server.registry.superseded(&claim.connection, &plugin.version.digest);
            let (report, why) = watch(report, &gauge, live, claim, settings, stop, superseded, interrupt).await;
            (Ok(report), why, gauge.lines())
        }
        Err(error) => (Err(error), Why::Itself, Vec::new()),
    };
    server.heard(&plugin, &outcome).await;
    Ended { outcome, why, log }
}

/// Waits for the end of a run, and brings it about where somebody wants it.
#[allow(clippy::too_many_arguments, reason = "they are all that can end a run")]
async fn watch(
    mut report: BoxFuture<'static, Report>,
    gauge: &Gauge,
    live: &LiveRun,
    claim: &Claim,
    settings: Settings,
    stop: &CancellationToken,
    superseded: impl Future<Output = ()>,
    interrupt: CancellationToken,
) -> (Report, Why) {
    let why = tokio::select! {
        report = &mut report => return (report, Why::Itself),
        () = live.cancel.cancelled() => Why::Cancelled,
        () = live.lost.cancelled() => Why::Lost,
        () = stop.cancelled() => Why::Stopping,
        // A full refresh has no checkpoint from which another could go on.
        () = superseded, if !claim.run.is_full_refresh => Why::Superseded,
    };
    let patience = match why {
        Why::Stopping => Some(settings.drain),
        Why::Superseded => Some(Duration::MAX),
        Why::Itself | Why::Cancelled | Why::Lost => None,
    };
    if let Some(patience) = patience {
        tokio::select! {
            report = &mut report => return (report, Why::Itself),
            () = next_checkpoint(gauge) => {}
            () = live.cancel.cancelled() => {}
            () = live.lost.cancelled() => {}
            () = stop.cancelled(), if why == Why::Superseded => {}
            () = sleep(patience) => {}
        }
    }
    interrupt.cancel();
    let report = report.await;
    let why = match why {
        _ if live.lost.is_cancelled() => Why::Lost,
        _ if live.cancel.is_cancelled() => Why::Cancelled,
        _ if stop.is_cancelled() => Why::Stopping,
        why => why,
    };
    (report, why)
}

/// Waits until the run has committed one more checkpoint than now.
async fn next_checkpoint(gauge: &Gauge) {
    let checkpoints = || gauge.snapshot().committed.checkpoints;
    let now = checkpoints();
    while checkpoints() == now {
        sleep(LOOK).await;
    }
}

impl Ended {
    fn before_it_began(error: Error) -> Ended {
        Ended { outcome: Err(error), why: Why::Itself, log: Vec::new() }
    }

    fn describe(self, claim: &Claim, now: Millis) -> (End, Ending) {
        let Ended { outcome, why, log } = self;
        let failures = claim.connection.health.failures.saturating_add(1);
        let (report, error) = match outcome {
            Ok(report) => (Some(report), None),
            Err(error) => (None, Some(error)),
        };
        let status = report.as_ref().map_or(Status::Failed, |report| report.status);
        let retry_at = match status {
            Status::Postponed(until) => Millis::try_from(until.nanos() / 1_000_000).ok(),
            _ => None,
        };
        let (word, ending) = match (status, why) {
            (Status::Interrupted, Why::Cancelled) => (CANCELLED, Ending::Well),
            (Status::Interrupted, _) => (status.as_str(), Ending::CutShort),
            (Status::Failed, _) => (status.as_str(), Ending::Failed(failures)),
            (Status::Postponed(_), _) => (status.as_str(), Ending::Postponed(retry_at.unwrap_or(now))),
            (Status::Done | Status::Limited, _) => (status.as_str(), Ending::Well),
        };
        let error = error.as_ref().or(report.as_ref().and_then(|report| report.error.as_ref())).map(RunError::from);
        let end = End {
            at: now,
            status: word.to_owned(),
            progress: report.as_ref().map_or_else(Progress::default, |report| report.progress),
            plugin_digest: report.map(|report| report.plugin_digest).unwrap_or_default(),
            retry_at,
            error,
            log,
        };
        (end, ending)
    }
}

fn next(claim: &Claim, now: Millis, ending: Ending) -> Next {
    let schedule = claim.connection.definition.schedule.as_ref();
    let seed = seed(&claim.lease.tenant, &claim.lease.connection);
    match schedule::next(schedule, seed, (claim.run.started_at, now), ending) {
        Some(due) if due.is_retry => Next { due_at: Some(due.at), trigger: Trigger::Retry },
        due => Next { due_at: due.map(|due| due.at), trigger: Trigger::Schedule },
    }
}

/// Writes the end, as often as it takes: a run without an end would hold its connection until its lease runs out.
async fn write_end(server: &Server, claim: &Claim, live: &LiveRun, end: End, next: Next) {
    loop {
        match server.store.end(&claim.lease, &claim.run.id, end.clone(), next).await {
            Ok(()) => return,
            Err(Refusal::Absent | Refusal::Conflict(_)) => {
                return tracing::warn!(run = claim.run.id, "its lease was lost; its end is not written");
            }
            Err(refusal) => {
                server.metrics.store_failed();
                tracing::error!(run = claim.run.id, "its end cannot be written: {refusal}");
            }
        }
        tokio::select! {
            () = live.lost.cancelled() => return,
            () = sleep(PAUSE) => {}
        }
    }
}
