//! Forgets what is old: runs with their logs, and the recordings that belong to them.

use std::time::Duration;

use tokio::time::sleep;

use super::clock::millis;
use super::store::Trimmed;
use super::{Result, Server};

/// How often it is looked for what is old.
const OFTEN: Duration = Duration::from_secs(60 * 60);

/// How much of the past is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How long ago a run may have ended.
    pub age: Duration,
    /// So many of each connection's last runs are kept, however long ago they ended.
    pub least: u32,
}

/// Forgets what is old, for as long as the server runs.
pub(super) async fn forget_old(server: &Server, retention: Retention) {
    loop {
        match forget(server, retention).await {
            Ok(0) => {}
            Ok(runs) => tracing::info!(runs, "the history of runs was trimmed"),
            Err(refusal) => {
                server.metrics.store_failed();
                tracing::error!("what is old cannot be forgotten, and it is tried again: {refusal}");
            }
        }
        sleep(OFTEN).await;
    }
}

/// Forgets what is old now. Returns how many runs there were.
async fn forget(server: &Server, Retention { age, least }: Retention) -> Result<u64> {
    let before = server.clock.now().saturating_sub(millis(age));
    let mut forgotten = 0;
    for Trimmed { tenant, connection, runs, since } in server.store.forget_runs(before, least).await? {
        if let Err(error) = server.runner.forget_before(&tenant, &connection, since).await {
            let (tenant, connection) = (tenant.as_str(), connection.as_str());
            tracing::warn!(tenant, connection, "the recording of an old run stays: {}", error.message());
        }
        forgotten += runs;
    }
    Ok(forgotten)
}
