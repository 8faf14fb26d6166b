//! What the requests of one run cost so far, the number of them that the user allowed, and what ended them.
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
    limit: Option<u64>,
    pages: AtomicU64,
    /// After how many pages no request is allowed any more.
    enough_pages: Option<u64>,
    postponed: OnceLock<Instant>,
}

impl Meter {
    /// A meter that allows this many requests, retries included.
    pub fn with_limit(limit: Option<u64>) -> Meter {
        Meter { limit, ..Meter::default() }
    }

    /// A meter that allows whatever it takes to get one page: retries, redirects, credentials.
    pub fn for_one_page() -> Meter {
        Meter { enough_pages: Some(1), ..Meter::default() }
    }

    /// Counts a request that is about to be sent; refuses it where the allowance is used up.
    pub fn request(&self, is_retry: bool) -> Result<()> {
        let before = self.requests.fetch_add(1, Relaxed);
        if self.limit.is_some_and(|limit| before >= limit) || self.has_enough_pages() {
            self.requests.fetch_sub(1, Relaxed);
            return Err(Error::new(
                Origin::Limit,
                "limit.requests",
                format!("the {before} requests allowed are used up"),
            ));
        }
        self.retries.fetch_add(is_retry.into(), Relaxed);
        Ok(())
    }

    /// Whether the requests allowed are used up.
    pub fn is_used_up(&self) -> bool {
        self.limit.is_some_and(|limit| self.requests.load(Relaxed) >= limit) || self.has_enough_pages()
    }

    fn has_enough_pages(&self) -> bool {
        self.enough_pages.is_some_and(|enough| self.pages.load(Relaxed) >= enough)
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
