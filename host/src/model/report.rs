//! What is said of a run, while it goes on and at its end.

use std::time::Duration;

use super::{Instant, State};
use crate::error::Error;

/// What a sink did with the rows that were committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that were not there before.
    pub inserted: u64,
    /// Rows whose content changed.
    pub updated: u64,
    /// Rows that were there already, equal in every column, and were not written.
    pub unchanged: u64,
    /// Rows that were marked as deleted.
    pub deleted: u64,
    /// Checkpoints that became durable, alone or together with a later one.
    pub checkpoints: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.deleted += other.deleted;
        self.checkpoints += other.checkpoints;
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Requests sent, retries included.
    pub requests: u64,
    /// Those of them that repeated a request that had failed.
    pub retries: u64,
    /// Bytes of the answers' bodies, decompressed.
    pub bytes_in: u64,
    /// Rows that the strategy staged.
    pub rows_read: u64,
    /// Processor time of the strategy.
    pub cpu: Duration,
    /// The greatest size of the strategy's memory, in bytes.
    pub memory_bytes: u64,
    /// What the sink committed.
    pub committed: Counts,
}

impl std::ops::AddAssign for Progress {
    fn add_assign(&mut self, other: Progress) {
        self.requests += other.requests;
        self.retries += other.retries;
        self.bytes_in += other.bytes_in;
        self.rows_read += other.rows_read;
        self.cpu += other.cpu;
        self.memory_bytes = self.memory_bytes.max(other.memory_bytes);
        self.committed += other.committed;
    }
}

/// A line of a run's log.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogLine {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// What.
    pub message: String,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Everything was read and committed.
    Done,
    /// An error ended it; what was committed before stays.
    Failed,
    /// The user stopped it after a checkpoint.
    Interrupted,
    /// It has sent as many requests as the user wanted of it.
    Limited,
    /// The source asked to come back at this time, later than a run may wait.
    Postponed(Instant),
}

impl Status {
    /// The word for it in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Done => "done",
            Status::Failed => "failed",
            Status::Interrupted => "interrupted",
            Status::Limited => "limited",
            Status::Postponed(_) => "postponed",
        }
    }

    /// When to come back, where the source said so: RFC 3339.
    pub fn retry_at(self) -> Option<String> {
        match self {
            Status::Postponed(until) => until.to_rfc3339(),
            _ => None,
        }
    }
}

/// What a run did.
#[derive(Clone, Debug)]
pub struct Report {
    /// The connection's name.
    pub name: String,
    /// The strategy, as the connection names it.
    pub strategy: String,
    /// SHA-256 of the component, in hexadecimal. Empty where none could be loaded.
    pub plugin_digest: String,
    /// How it ended.
    pub status: Status,
    /// What was read and written.
    pub progress: Progress,
    /// How long it took.
    pub seconds: f64,
    /// The last committed state.
    pub state: Option<State>,
    /// Why it failed.
    pub error: Option<Error>,
}
