//! Claims what is due, as much as there is room for, for as long as the server runs.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clock::{Millis, millis};
use super::{Refusal, Retention, Server, retention, worker};

/// How long a lease lasts. It is renewed three times meanwhile, so that a busy machine loses none.
const LEASE: Duration = Duration::from_secs(60);
/// How long the dispatcher looks away at most: what it was not told of is found then.
const LONGEST_NAP: Duration = Duration::from_secs(60);
/// How long it looks away where what is due may not run yet, or where the store fails.
const SHORTEST_NAP: Duration = Duration::from_secs(1);

/// How a server works.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Runs at once.
    pub concurrent_runs: u32,
    /// How long a run may go on to its next checkpoint once the server is to stop.
    pub drain: Duration,
    /// How much of the past is kept.
    pub retention: Retention,
}

/// Runs connections until `stop`; then lets the runs that go on come to their next checkpoint.
pub async fn serve(server: &Server, settings: Settings, stop: &CancellationToken) {
    let runs = TaskTracker::new();
    let work = async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = dispatch(server, settings, stop, &runs) => {}
        }
        runs.close();
        runs.wait().await;
    };
    tokio::select! {
        () = work => {}
        () = keep_leases(server) => {}
        () = retention::forget_old(server, settings.retention) => {}
    }
}

async fn dispatch(server: &Server, settings: Settings, stop: &CancellationToken, runs: &TaskTracker) {
    loop {
        let nap = match start_due(server, settings, stop, runs).await {
            Ok(nap) => nap,
            Err(refusal) => {
                server.metrics.store_failed();
                tracing::error!("what is due cannot be claimed, and is tried again: {refusal}");
                SHORTEST_NAP
            }
        };
        tokio::select! {
            () = sleep(nap) => {}
            () = server.live.woken() => {}
        }
    }
}

/// Starts what is due and has room. Returns how long there is nothing else to do.
async fn start_due(
    server: &Server,
    settings: Settings,
    stop: &CancellationToken,
    runs: &TaskTracker,
) -> Result<Duration, Refusal> {
    let busy = u32::try_from(server.live.count()).unwrap_or(u32::MAX);
    let room = settings.concurrent_runs.saturating_sub(busy);
    if room == 0 {
        return Ok(LONGEST_NAP);
    }
    let now = server.clock.now();
    let until = now.saturating_add(millis(LEASE));
    for claim in server.store.claim(now, until, room).await? {
        let live = server.live.begin(&claim, until);
        runs.spawn(worker::work(server.clone(), claim, live, settings, stop.clone()));
    }
    Ok(nap(server.store.next_due().await?, server.clock.now()))
}

fn nap(next_due: Option<Millis>, now: Millis) -> Duration {
    let Some(due) = next_due else { return LONGEST_NAP };
    match u64::try_from(due.saturating_sub(now)) {
        // What is due was left where it is: its tenant has as many runs as it may, or there is no room.
        Err(_) | Ok(0) => SHORTEST_NAP,
        Ok(wait) => Duration::from_millis(wait).min(LONGEST_NAP),
    }
}

/// Holds the leases of all runs, and takes up connections whose leases nobody holds any more. A run whose lease cannot
/// be held is told so: another host may have it by now.
async fn keep_leases(server: &Server) {
    loop {
        match server.store.recover(server.clock.now()).await {
            Ok(0) => {}
            Ok(_) => server.live.wake(),
            Err(refusal) => {
                server.metrics.store_failed();
                tracing::error!("what was lost cannot be taken up, and it is tried again: {refusal}");
            }
        }
        sleep(LEASE / 3).await;
        let leases = server.live.leases();
        if leases.is_empty() {
            continue;
        }
        let until = server.clock.now().saturating_add(millis(LEASE));
        match server.store.renew(leases, until).await {
            Ok(lost) => server.live.renewed(until, &lost),
            Err(refusal) => {
                server.metrics.store_failed();
                tracing::error!("leases cannot be renewed, and it is tried again: {refusal}");
                server.live.lose_expired(server.clock.now());
            }
        }
    }
}
