//! The words that all rooms share: tables and their columns, batches of records, state, reports.
//!
//! Nothing here acts: no file, no socket, no clock, no library of a port.

mod batch;
mod fingerprint;
mod instant;
mod json;
mod kind;
mod owner;
mod report;
mod select;
mod table;

pub use batch::{Batch, Footprint, Row, Value};
pub use fingerprint::Fingerprint;
pub use instant::{Instant, InstantFormat};
pub use json::Document;
pub use kind::Kind;
pub use owner::Owner;
pub use report::{Counts, LogLine, Progress, Report, Status};
pub use select::{Order, Span};
pub use table::{Column, Table};

/// What a run starts from and what a checkpoint leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The strategy's own text, JSON by custom.
    pub text: String,
    /// The version that the strategy's manifest gave to this form of state.
    pub version: u32,
    /// SHA-256 of the component that wrote it, in hexadecimal.
    pub plugin_digest: String,
}

/// What the strategy asked the sink to do.
#[derive(Clone, Debug)]
pub enum Change {
    /// Insert the rows, or replace those whose key is present.
    Upsert(Batch),
    /// Change the given fields of rows that are present.
    Update(Batch),
    /// Mark rows as deleted.
    Delete(Batch),
    /// Mark all rows of the table as deleted.
    Truncate,
}

impl Change {
    /// The records it carries.
    pub fn rows(&self) -> Option<&Batch> {
        match self {
            Change::Upsert(rows) | Change::Update(rows) | Change::Delete(rows) => Some(rows),
            Change::Truncate => None,
        }
    }

    /// How many bytes it holds, as a measure for bounded queues.
    pub fn bytes(&self) -> usize {
        self.rows().map_or(0, Batch::bytes)
    }
}
