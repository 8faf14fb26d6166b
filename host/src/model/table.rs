//! Tables and columns as a strategy declares them.

use super::Kind;

/// A table that a strategy writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name, as the strategy wrote it. Sinks quote it.
    pub name: String,
    /// The fields that identify a row. Empty: the whole content of a record is its identity.
    pub primary_key: Vec<String>,
    /// The columns that are known beforehand, in their order. Other fields become added columns.
    pub columns: Vec<Column>,
}

impl Table {
    /// The declared type of a column.
    pub fn kind_of(&self, column: &str) -> Option<Kind> {
        let column = self.columns.iter().find(|known| known.name == column)?;
        Some(column.kind)
    }
}

/// A column that is known beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, equal to the field of the records that fills it.
    pub name: String,
    /// Its type.
    pub kind: Kind,
}
