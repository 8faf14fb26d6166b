//! What is known of the origins that this process asks: shared by all connections, so that what one finds out spares
//! the others, and the source.
//!
//! `breaker` and `budget` decide; this file keeps them by origin and tells the time. It must not know what a request
//! is for.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use super::breaker::{Admission, Breaker, Outage};
use super::budget::Budget;
use super::egress::origin;
use super::retry::Health;
use super::wall;
use crate::error::{Error, Origin, Result};

/// The health of all origins. Cheap to clone; clones share what they know. A process has one.
#[derive(Clone, Debug, Default)]
pub struct Origins(Arc<Mutex<HashMap<url::Origin, Arc<Gate>>>>);

impl Origins {
    /// The gate that requests to this URL go through.
    pub(super) fn gate(&self, url: &Url) -> Arc<Gate> {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(url.origin()).or_insert_with(|| Arc::new(Gate::new(origin(url)))))
    }
}

/// The way to one origin.
#[derive(Debug)]
pub(super) struct Gate {
    /// Its name in messages.
    name: String,
    opened: Instant,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    breaker: Breaker,
    budget: Budget,
}

impl Gate {
    fn new(name: String) -> Gate {
        Gate { name, opened: Instant::now(), known: Mutex::default() }
    }

    /// Refuses where a request would be refused, and promises nothing else.
    pub(super) fn check(&self) -> Result<()> {
        let outage = self.known().breaker.outage(self.now());
        outage.map_or(Ok(()), |outage| Err(self.down(outage)))
    }

    /// Lets a request through, for the first time or `again`, or says why the source is not asked now.
    pub(super) fn admit(self: &Arc<Self>, again: bool) -> Result<Ticket> {
        let mut known = self.known();
        let probe = match known.breaker.admit(self.now()) {
            Admission::Free => None,
            Admission::Probe(probe) => Some(probe),
            Admission::Refused(outage) => return Err(self.down(outage)),
        };
        if !again {
            known.budget.earn();
        }
        Ok(Ticket { gate: Arc::clone(self), probe, is_told: false })
    }

    /// When a failed request may be repeated, for one that waits for `patience` at most.
    pub(super) fn repeat(self: &Arc<Self>, patience: Duration) -> Result<Turn, Unrepeated> {
        let mut known = self.known();
        let now = self.now();
        if known.breaker.outage(now).is_some() {
            return Err(Unrepeated::Down);
        }
        let wait = known.budget.spend(now, patience).ok_or(Unrepeated::TooMany)?;
        Ok(Turn { gate: Arc::clone(self), wait, is_taken: false })
    }

    fn down(&self, outage: Outage) -> Error {
        let now = self.now();
        let since = wall::before(now.saturating_sub(outage.since)).to_rfc3339().unwrap_or_default();
        let retry_at = wall::after(outage.retry_at.saturating_sub(now)).to_rfc3339().unwrap_or_default();
        let name = &self.name;
        let message = format!("{name} has failed since {since}; it is left alone until {retry_at}");
        Error::new(Origin::Reachability, "source.unreachable", message)
            .detail("since", since)
            .detail("retry_at", retry_at)
            .help("run it again then; one request will find out whether the source is back")
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.opened.elapsed()
    }
}

/// Why a failed request is not sent again, although its own connection would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unrepeated {
    /// The source is down.
    Down,
    /// The budget of the origin is spent.
    TooMany,
}

impl fmt::Display for Unrepeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unrepeated::Down => "it was not sent again, since the source is taken for down",
            Unrepeated::TooMany => {
                "it was not sent again, since too much is repeated at this source already: a tenth of all requests at \
                 most, and one a second"
            }
        })
    }
}

/// The permission to repeat a request, after a wait. Dropping it untaken gives it back.
#[derive(Debug)]
pub(super) struct Turn {
    gate: Arc<Gate>,
    wait: Duration,
    is_taken: bool,
}

impl Turn {
    /// How long to wait for it.
    pub(super) fn wait(&self) -> Duration {
        self.wait
    }

    /// The request is sent again now.
    pub(super) fn take(mut self) {
        self.is_taken = true;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.is_taken {
            self.gate.known().budget.restore();
        }
    }
}

/// A request that was let through. Dropping it without a word tells that nothing came of it.
#[derive(Debug)]
pub(super) struct Ticket {
    gate: Arc<Gate>,
    /// Which probe it is, if it is one.
    probe: Option<u64>,
    is_told: bool,
}

impl Ticket {
    /// Tells what came of the request, for a sender that puts up with so many failures in a row.
    pub(super) fn tell(mut self, health: Option<Health>, tolerance: u32) {
        let Some(health) = health else { return };
        self.is_told = true;
        let breaker = &mut self.gate.known().breaker;
        match health {
            Health::Up => breaker.succeeded(),
            Health::Failed => breaker.failed(self.gate.now(), self.probe, tolerance, fastrand::f64()),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        match self.probe {
            Some(probe) if !self.is_told => self.gate.known().breaker.abandoned(probe),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_that_nobody_takes_are_given_back() {
        let gate = Origins::default().gate(&"https://a.test".parse().expect("a URL"));
        let turns = || -> Vec<Turn> { std::iter::from_fn(|| gate.repeat(Duration::from_secs(3)).ok()).collect() };
        let given_up = turns();
        assert_eq!(given_up.len(), 13);
        assert!(turns().is_empty());
        drop(given_up);
        let taken = turns();
        assert_eq!(taken.len(), 13);
        taken.into_iter().for_each(Turn::take);
        assert!(turns().is_empty());
    }
}
