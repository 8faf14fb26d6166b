//! The runs that go on in this process: how far each is, and the ways to stop it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::clock::Millis;
use super::store::{Claim, Lease};
use super::tenant::Name;
use crate::sync::Gauge;

/// A run that goes on.
#[derive(Clone, Debug)]
pub struct LiveRun {
    /// Whose connection it is, and under which right it runs.
    pub lease: Lease,
    /// How far it is. Its strategy may still be on its way.
    pub gauge: Option<Arc<Gauge>>,
    /// The version of its strategy, once it is there.
    pub(super) plugin: Option<String>,
    /// Cancelled when somebody wants it to stop at its last checkpoint.
    pub cancel: CancellationToken,
    /// Cancelled when the lease is lost: the run commits no more.
    pub(super) lost: CancellationToken,
}

/// All runs of this process that go on, by their identifiers.
#[derive(Debug, Default)]
pub struct Live {
    runs: Mutex<HashMap<String, Held>>,
    work: Notify,
}

#[derive(Debug)]
struct Held {
    run: LiveRun,
    /// When its lease runs out.
    until: Millis,
}

impl Live {
    fn runs(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a run up that was just claimed.
    pub(super) fn begin(&self, claim: &Claim, until: Millis) -> LiveRun {
        let run = LiveRun {
            lease: claim.lease.clone(),
            gauge: None,
            plugin: None,
            cancel: CancellationToken::new(),
            lost: CancellationToken::new(),
        };
        self.runs().insert(claim.run.id.clone(), Held { run: run.clone(), until });
        run
    }

    pub(super) fn show(&self, id: &str, gauge: Arc<Gauge>, plugin: String) {
        if let Some(held) = self.runs().get_mut(id) {
            held.run.gauge = Some(gauge);
            held.run.plugin = Some(plugin);
        }
    }

    pub(super) fn remove(&self, id: &str) {
        self.runs().remove(id);
    }

    /// A tenant's run, if it goes on here.
    pub fn run(&self, tenant: &Name, id: &str) -> Option<LiveRun> {
        self.runs().get(id).map(|held| &held.run).filter(|run| run.lease.tenant == *tenant).cloned()
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<LiveRun> {
        self.runs().values().map(|held| held.run.clone()).collect()
    }

    /// The rights under which they run.
    pub(super) fn leases(&self) -> Vec<Lease> {
        self.runs().values().map(|held| held.run.lease.clone()).collect()
    }

    /// Notes that the leases of all runs hold until then, but for those that are lost.
    pub(super) fn renewed(&self, until: Millis, lost: &[Lease]) {
        for held in self.runs().values_mut() {
            match lost.contains(&held.run.lease) {
                true => held.run.lost.cancel(),
                false => held.until = until,
            }
        }
    }

    /// Stops the runs whose leases have run out.
    pub(super) fn lose_expired(&self, now: Millis) {
        self.runs().values().filter(|held| held.until <= now).for_each(|held| held.run.lost.cancel());
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
