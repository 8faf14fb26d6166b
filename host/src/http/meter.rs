//! What the requests of one run cost so far, how many of them there may be, and what ended them.
//!
//! A strategy can return any error; what is written here was seen by the host itself.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::error::{Error, Origin, Result};
use crate::model::Instant;

/// Counts requests and bytes. Shared by the source that counts and those who watch.
#[derive(Debug, Default)]
pub struct Meter {
    requests: AtomicU64,
    retries: AtomicU64,
    bytes_in: AtomicU64,
    pages: AtomicU64,
    enough: Enough,
    /// How many requests a run may send. One that wants more has failed.
    limit: Option<u64>,
    postponed: OnceLock<Instant>,
}

/// After what a run has done what its user wanted of it, though there may be more to read.
#[derive(Clone, Copy, Debug, Default)]
pub enum Enough {
    /// After nothing: it reads everything.
    #[default]
    Never,
    /// After so many requests, retries included.
    Requests(u64),
    /// After one page, whatever that takes: retries, redirects, credentials.
    OnePage,
}

impl Meter {
    /// A meter that has enough after this.
    pub fn until(enough: Enough) -> Meter {
        Meter { enough, ..Meter::default() }
    }

    /// Allows no more than so many requests, retries included.
    #[must_use]
    pub fn within(self, limit: u64) -> Meter {
        Meter { limit: Some(limit), ..self }
    }

    /// Counts a request that is about to be sent; refuses it where there are enough of them, or too many.
    pub fn request(&self, is_retry: bool) -> Result<()> {
        let before = self.requests.fetch_add(1, Relaxed);
        if let Err(error) = self.allows(before) {
            self.requests.fetch_sub(1, Relaxed);
            return Err(error);
        }
        self.retries.fetch_add(is_retry.into(), Relaxed);
        Ok(())
    }

    fn allows(&self, sent: u64) -> Result<()> {
        let refused = |message| Err(Error::new(Origin::Limit, "limit.requests", message));
        match self.limit {
            _ if self.is_enough(sent) => refused(format!("the {sent} requests allowed are used up")),
            Some(limit) if sent >= limit => {
                let message = format!("the run has sent {limit} requests, and may send no more");
                refused(message).map_err(|error| {
                    error.help("raise the limit `requests` (`tidegate limits`), if the source is that large")
                })
            }
            _ => Ok(()),
        }
    }

    /// Whether the run has done what its user wanted of it.
    pub fn has_enough(&self) -> bool {
        self.is_enough(self.requests.load(Relaxed))
    }

    fn is_enough(&self, sent: u64) -> bool {
        match self.enough {
            Enough::Never => false,
            Enough::Requests(enough) => sent >= enough,
            Enough::OnePage => self.pages.load(Relaxed) >= 1,
        }
    }

    /// Counts a page that a strategy gets.
    pub fn page(&self) {
        self.pages.fetch_add(1, Relaxed);
    }

    /// Notes that the source asked to come back later than a run may wait. The first time that it does counts.
    pub fn postpone(&self, until: Instant) {
        let _ = self.postponed.set(until);
    }

    /// When the source asked to come back, if it did.
    pub fn postponed_until(&self) -> Option<Instant> {
        self.postponed.get().copied()
    }

    /// Counts the bytes of an answer's body, decompressed.
    pub fn received(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Relaxed);
    }

    /// Requests sent, retries among them, bytes received.
    pub fn read(&self) -> (u64, u64, u64) {
        (self.requests.load(Relaxed), self.retries.load(Relaxed), self.bytes_in.load(Relaxed))
    }
}
