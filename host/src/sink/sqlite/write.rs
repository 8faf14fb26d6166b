//! Applying changes to a table, within a transaction.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, OptionalExtension, ToSql};

use super::database::Database;
use super::target::Target;
use crate::error::{Error, Result};
use crate::model::{Batch, Counts, Row};
use crate::sink::shape::{Slots, content_id};
use crate::sink::values::{Stored, convert};

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Stored::Null => ValueRef::Null,
            Stored::Integer(number) => ValueRef::Integer(*number),
            Stored::Real(number) => ValueRef::Real(*number),
            Stored::Text(text) => ValueRef::Text(text.as_bytes()),
            Stored::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A table, and the time that is noted with its rows.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) database: &'a Database,
    pub(super) target: &'a Target,
    pub(super) now: &'a str,
}

/// The records of one change.
pub(super) struct Part<'a> {
    pub(super) rows: &'a Batch,
    pub(super) fields: Vec<&'a str>,
    pub(super) slots: &'a Slots,
}

impl<'a> Part<'a> {
    pub(super) fn new(rows: &'a Batch, slots: &'a Slots) -> Part<'a> {
        Part { rows, fields: rows.fields().collect(), slots }
    }
}

/// Begins to mark the rows of a table as deleted: those that nothing touches until [`end_truncation`].
pub(super) fn truncate(database: &Database, target: &mut Target) -> Result<()> {
    database.run(&target.layout().forget_touched())?;
    target.truncated = true;
    Ok(())
}

/// Marks the rows as deleted that a truncation found and nothing has touched since. Returns how many.
pub(super) fn end_truncation(database: &Database, target: &mut Target, now: &str) -> Result<u64> {
    if !std::mem::take(&mut target.truncated) {
        return Ok(0);
    }
    let deleted = database.sql.execute(&target.layout().delete_untouched(target.rowid), [now]);
    deleted.map(|rows| rows as u64).map_err(|error| database.failed(&error))
}

impl Writer<'_> {
    pub(super) fn update(&self, part: &Part<'_>) -> Result<Counts> {
        let layout = self.target.layout();
        let only_touched = self.target.truncated.then_some(self.target.rowid);
        let exists = layout.exists(only_touched);
        let (mut given, mut sql) = (Vec::new(), String::new());
        let mut counts = Counts::default();
        for row in part.rows.rows() {
            let is_given = |column: &usize| !layout.key.contains(column);
            let columns: Vec<usize> = row.cells().filter_map(|(field, _)| part.slots[field]).filter(is_given).collect();
            if columns != given || sql.is_empty() {
                sql = if columns.is_empty() { String::new() } else { layout.update(&columns, only_touched) };
                given = columns;
            }
            if !given.is_empty() && self.update_row(&sql, &given, part, &row)? {
                counts.updated += 1;
            } else {
                let mut statement = self.prepare(&exists)?;
                self.bind_key(&mut statement, 1, part, &row)?;
                let present = statement.raw_query().next().map(|row| row.is_some());
                counts.unchanged += u64::from(present.map_err(|error| self.database.failed(&error))?);
            }
        }
        Ok(counts)
    }

    fn update_row(&self, sql: &str, given: &[usize], part: &Part<'_>, row: &Row<'_>) -> Result<bool> {
        let mut statement = self.prepare(sql)?;
        for (field, value) in row.cells() {
            let Some(column) = part.slots[field] else { continue };
            let Some(at) = given.iter().position(|known| *known == column) else { continue };
            let stored = convert(self.target.shape.columns()[column].kind, value).map_err(Error::rejected)?;
            self.bind(&mut statement, at + 1, stored)?;
        }
        self.bind(&mut statement, given.len() + 1, self.now)?;
        self.bind_key(&mut statement, given.len() + 2, part, row)?;
        Ok(self.execute(&mut statement)? > 0)
    }

    pub(super) fn delete(&self, part: &Part<'_>) -> Result<Counts> {
        let mut statement = self.prepare(&self.target.layout().delete())?;
        self.bind(&mut statement, 1, self.now)?;
        let mut deleted = 0;
        for row in part.rows.rows() {
            self.bind_key(&mut statement, 2, part, &row)?;
            deleted += self.execute(&mut statement)?;
        }
        Ok(Counts { deleted, ..Counts::default() })
    }

    fn bind_key(
        &self,
        statement: &mut CachedStatement<'_>,
        first: usize,
        part: &Part<'_>,
        row: &Row<'_>,
    ) -> Result<()> {
        let shape = &self.target.shape;
        if shape.key().is_empty() {
            return self.bind(statement, first, content_id(&part.fields, row));
        }
        for (at, column) in shape.key().iter().enumerate() {
            let known = &shape.columns()[*column];
            let stored = match row.get(&known.field) {
                Some(value) => convert(known.kind, value).map_err(Error::rejected)?,
                None => Stored::Null,
            };
            self.bind(statement, first + at, stored)?;
        }
        Ok(())
    }

    pub(super) fn greatest_rowid(&self) -> Result<u64> {
        let (rowid, table) = (self.target.rowid, super::sql::quote(self.target.layout().table));
        let query = format!("SELECT {rowid} FROM {table} ORDER BY {rowid} DESC LIMIT 1");
        let read = || self.database.sql.prepare_cached(&query)?.query_row([], |row| row.get(0)).optional();
        let greatest: Option<i64> = read().map_err(|error| self.database.failed(&error))?;
        Ok(greatest.unwrap_or(0).unsigned_abs())
    }

    pub(super) fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>> {
        self.database.sql.prepare_cached(sql).map_err(|error| self.database.failed(&error))
    }

    pub(super) fn bind(&self, statement: &mut CachedStatement<'_>, at: usize, value: impl ToSql) -> Result<()> {
        statement.raw_bind_parameter(at, value).map_err(|error| self.database.failed(&error))
    }

    pub(super) fn execute(&self, statement: &mut CachedStatement<'_>) -> Result<u64> {
        statement.raw_execute().map(|rows| rows as u64).map_err(|error| self.database.failed(&error))
    }
}
