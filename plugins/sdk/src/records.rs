//! Records on their way from a page into the sink. They stay in the host; a strategy asks about them.

use crate::Result;
use crate::bindings::tidegate::strategy::records as host;
pub use crate::bindings::tidegate::strategy::records::Span;

/// A list of records. A `field` is a member's name, or an RFC 6901 pointer into the record.
#[derive(Debug)]
pub struct Batch(pub(crate) host::Batch);

impl Batch {
    /// Records that the strategy made itself, from the text of a JSON list of objects.
    pub fn from_json(json: &[u8]) -> Result<Batch> {
        host::Batch::from_json(json).map(Batch)
    }

    /// How many records.
    pub fn len(&self) -> u32 {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the values of one field lie, in an order of `wit/records.wit`. Values greater than `until` do not count
    /// for the greatest.
    pub fn span(&self, field: &str, order: &str, until: Option<&str>) -> Result<Span> {
        self.0.span(field, order, until)
    }

    /// The text of one field of each record.
    pub fn column(&self, field: &str) -> Vec<Option<String>> {
        self.0.column(field)
    }

    /// The records from `start` up to, not including, `end`.
    #[must_use]
    pub fn slice(&self, start: u32, end: u32) -> Batch {
        Batch(self.0.slice(start, end))
    }

    /// The records in which `field` is neither null nor missing.
    #[must_use]
    pub fn having(&self, field: &str) -> Batch {
        Batch(self.0.having(field))
    }

    /// The records that do not stand in `earlier` with the very same content.
    #[must_use]
    pub fn unseen(&self, earlier: &Batch) -> Batch {
        Batch(self.0.unseen(&earlier.0))
    }

    /// Equal for equal content of these fields, of whole records where none is given.
    pub fn fingerprint(&self, fields: &[&str]) -> u64 {
        let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        self.0.fingerprint(&fields)
    }

    /// The records as a JSON list.
    pub fn json(&self) -> Vec<u8> {
        self.0.json()
    }
}

/// Stages rows to insert, or to replace where their key is present.
pub fn upsert(table: &str, rows: &Batch) -> Result<()> {
    host::upsert(table, &rows.0)
}

/// Stages fields to change in rows that are present.
pub fn update(table: &str, rows: &Batch) -> Result<()> {
    host::update(table, &rows.0)
}

/// Stages rows to mark as deleted; only their key is read.
pub fn delete(table: &str, rows: &Batch) -> Result<()> {
    host::delete(table, &rows.0)
}

/// Stages that all rows of a table are deleted, until they are staged again.
pub fn truncate(table: &str) -> Result<()> {
    host::truncate(table)
}
