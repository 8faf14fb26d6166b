//! The runs that go on in this process: how far each is, and the ways to stop it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::clock::Millis;
use super::tenant::Name;
use crate::sync::Gauge;

/// A run that goes on.
#[derive(Clone, Debug)]
pub struct LiveRun {
    /// Whose it is.
    pub tenant: Name,
    /// Its connection.
    pub connection: Name,
    /// When it began.
    pub started_at: Millis,
    /// How far it is. Its strategy may still be on its way.
    pub gauge: Option<Arc<Gauge>>,
    /// Cancelled when somebody wants it to stop at its last checkpoint.
    pub cancel: CancellationToken,
}

/// All runs of this process that go on, by their identifiers.
#[derive(Debug, Default)]
pub struct Live {
    runs: Mutex<HashMap<String, LiveRun>>,
    work: Notify,
}

impl Live {
    fn runs(&self) -> MutexGuard<'_, HashMap<String, LiveRun>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn insert(&self, id: String, run: LiveRun) {
        self.runs().insert(id, run);
    }

    pub(super) fn show(&self, id: &str, gauge: Arc<Gauge>) {
        if let Some(run) = self.runs().get_mut(id) {
            run.gauge = Some(gauge);
        }
    }

    pub(super) fn remove(&self, id: &str) {
        self.runs().remove(id);
    }

    /// A tenant's run, if it goes on here.
    pub fn run(&self, tenant: &Name, id: &str) -> Option<LiveRun> {
        self.runs().get(id).filter(|run| run.tenant == *tenant).cloned()
    }

    /// How many go on.
    pub fn count(&self) -> usize {
        self.runs().len()
    }

    /// Says that there may be something to do: a run was asked for, a connection changed, or there is room again.
    pub fn wake(&self) {
        self.work.notify_one();
    }

    /// Waits until somebody said so.
    pub(super) async fn woken(&self) {
        self.work.notified().await;
    }
}
