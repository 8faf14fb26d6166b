//! How far a run is, for those who watch it while it goes on.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use crate::http::Meter;
use crate::model::{Counts, Progress};

/// The figures of a run. Written by the run, read by anyone at any time.
#[derive(Debug, Default)]
pub struct Gauge {
    meter: Arc<Meter>,
    rows_read: AtomicU64,
    committed: Mutex<Counts>,
    dropped_lines: AtomicU64,
}

impl Gauge {
    /// A gauge that shows what this meter counts, too.
    pub fn new(meter: Arc<Meter>) -> Gauge {
        Gauge { meter, ..Gauge::default() }
    }

    /// What the run's requests cost, and what ended them.
    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The figures at this moment.
    pub fn snapshot(&self) -> Progress {
        let (requests, retries, bytes_in) = self.meter.read();
        let committed = *self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        Progress { requests, retries, bytes_in, rows_read: self.rows_read.load(Relaxed), committed }
    }

    pub(super) fn rows_read(&self, rows: usize) {
        self.rows_read.fetch_add(rows as u64, Relaxed);
    }

    pub(super) fn dropped_line(&self) {
        self.dropped_lines.fetch_add(1, Relaxed);
    }

    /// Says how much of the log is missing, if anything is.
    pub(super) fn tell_dropped_lines(&self) {
        match self.dropped_lines.load(Relaxed) {
            0 => {}
            lines => tracing::warn!(
                target: "tidegate::strategy",
                "{lines} further log lines of the strategy were dropped (the limits `log_lines` and `log_bytes`)"
            ),
        }
    }

    pub(super) fn committed(&self, counts: Counts) {
        *self.committed.lock().unwrap_or_else(PoisonError::into_inner) += counts;
    }
}
