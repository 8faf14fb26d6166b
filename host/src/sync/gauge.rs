//! How far a run is and what it says, for those who watch it while it goes on.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::http::Meter;
use crate::model::{Counts, LogLine, Progress};
use crate::plugin;

/// How many of the last lines are kept to be looked at.
const LINES: usize = 200;

/// The figures of a run, and the last lines of its log. Written by the run, read by anyone at any time.
#[derive(Debug, Default)]
pub struct Gauge {
    meter: Arc<Meter>,
    strategy: Arc<plugin::Meter>,
    rows_read: AtomicU64,
    committed: Mutex<Counts>,
    dropped_lines: AtomicU64,
    journal: Mutex<Journal>,
}

/// The last lines of a log.
#[derive(Debug, Default)]
struct Journal {
    lines: VecDeque<LogLine>,
    /// How many there were before these.
    gone: u64,
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

    /// Counts what the run's strategy uses.
    pub(super) fn strategy(&self) -> Arc<plugin::Meter> {
        Arc::clone(&self.strategy)
    }

    /// The figures at this moment.
    pub fn snapshot(&self) -> Progress {
        let (requests, retries, bytes_in) = self.meter.read();
        let (cpu, memory_bytes) = self.strategy.read();
        let committed = *self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        let rows_read = self.rows_read.load(Relaxed);
        Progress { requests, retries, bytes_in, rows_read, cpu, memory_bytes, committed }
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

    /// Keeps a line for those who watch.
    pub(crate) fn say(&self, at: i64, level: &str, message: &str) {
        let mut journal = self.journal();
        if journal.lines.len() == LINES {
            journal.lines.pop_front();
            journal.gone += 1;
        }
        journal.lines.push_back(LogLine { at, level: level.to_owned(), message: message.to_owned() });
    }

    /// The last lines of the log.
    pub fn lines(&self) -> Vec<LogLine> {
        self.journal().lines.iter().cloned().collect()
    }

    /// The lines behind the first `seen` ones, as far as they are kept, and how many there were in all.
    pub fn lines_after(&self, seen: u64) -> (Vec<LogLine>, u64) {
        let journal = self.journal();
        let skip = usize::try_from(seen.saturating_sub(journal.gone)).unwrap_or(usize::MAX);
        let all = journal.gone + journal.lines.len() as u64;
        (journal.lines.iter().skip(skip).cloned().collect(), all)
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_a_log_are_kept() {
        let gauge = Gauge::default();
        for line in 0..250 {
            gauge.say(line, "info", &line.to_string());
        }
        let first = |seen| {
            let (lines, all) = gauge.lines_after(seen);
            assert_eq!(all, 250);
            lines.first().map(|line| line.at)
        };
        assert_eq!(
            [first(0), first(50), first(249), first(250), first(999)],
            [Some(50), Some(50), Some(249), None, None]
        );
        assert_eq!(gauge.lines().len(), LINES);
    }
}
