//! Applying changes to a table, within a transaction.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, OptionalExtension, ToSql};

use super::database::Database;
use super::target::Target;
use crate::error::{Error, Result};
use crate::model::{Batch, Change, Counts, Row};
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

/// A table, the records of one change, and the time that is noted with the rows.
struct Writer<'a> {
    database: &'a Database,
    target: &'a Target,
    fields: Vec<&'a str>,
    slots: &'a Slots,
    now: &'a str,
}

/// Applies a change whose values and columns were checked.
pub(super) fn apply(
    database: &Database,
    target: &mut Target,
    change: &Change,
    slots: &Slots,
    now: &str,
) -> Result<Counts> {
    let Some(rows) = change.rows() else {
        database.run(&target.layout().forget_touched())?;
        target.truncated = true;
        return Ok(Counts::default());
    };
    let writer = Writer { database, target, fields: rows.fields().collect(), slots, now };
    match change {
        Change::Upsert(_) => writer.upsert(rows),
        Change::Update(_) => writer.update(rows),
        Change::Delete(_) | Change::Truncate => writer.delete(rows),
    }
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
    fn upsert(&self, rows: &Batch) -> Result<Counts> {
        let before = self.greatest_rowid()?;
        let changed = self.upsert_rows(rows)?;
        // SQLite gives a new row the greatest row number so far plus one, and nothing is removed here.
        let inserted = self.greatest_rowid()? - before;
        let unchanged = rows.len() as u64 - changed;
        Ok(Counts { inserted, updated: changed - inserted, unchanged, ..Counts::default() })
    }

    fn upsert_rows(&self, rows: &Batch) -> Result<u64> {
        let width = self.target.layout().columns.len();
        let is_keyless = self.target.shape.key().is_empty();
        let mut statement = self.prepare(&self.target.upsert)?;
        let mut touch = match self.target.truncated {
            true => Some(self.prepare(&self.target.layout().touch(self.target.rowid))?),
            false => None,
        };
        self.bind(&mut statement, width + 1, self.now)?;
        // For each column the row that bound it last: what a record lacks becomes null.
        let mut bound_by = vec![usize::MAX; width];
        let mut changed = 0;
        for (number, row) in rows.rows().enumerate() {
            let mut bound = 0;
            for (field, value) in row.cells() {
                let Some(column) = self.slots[field] else { continue };
                let stored = convert(self.target.shape.columns()[column].kind, value).map_err(Error::rejected)?;
                self.bind(&mut statement, column + 1, stored)?;
                bound_by[column] = number;
                bound += 1;
            }
            if bound < width {
                for (column, _) in bound_by.iter().enumerate().filter(|(_, by)| **by != number) {
                    self.bind(&mut statement, column + 1, Stored::Null)?;
                }
            }
            if is_keyless {
                self.bind(&mut statement, width + 2, content_id(&self.fields, &row))?;
            }
            changed += self.execute(&mut statement)?;
            if let Some(touch) = &mut touch {
                self.bind_key(touch, 1, &row)?;
                self.execute(touch)?;
            }
        }
        Ok(changed)
    }

    fn update(&self, rows: &Batch) -> Result<Counts> {
        let layout = self.target.layout();
        let only_touched = self.target.truncated.then_some(self.target.rowid);
        let exists = layout.exists(only_touched);
        let (mut given, mut sql) = (Vec::new(), String::new());
        let mut counts = Counts::default();
        for row in rows.rows() {
            let is_given = |column: &usize| !layout.key.contains(column);
            let columns: Vec<usize> = row.cells().filter_map(|(field, _)| self.slots[field]).filter(is_given).collect();
            if columns != given || sql.is_empty() {
                sql = if columns.is_empty() { String::new() } else { layout.update(&columns, only_touched) };
                given = columns;
            }
            if !given.is_empty() && self.update_row(&sql, &given, &row)? {
                counts.updated += 1;
            } else {
                let mut statement = self.prepare(&exists)?;
                self.bind_key(&mut statement, 1, &row)?;
                let present = statement.raw_query().next().map(|row| row.is_some());
                counts.unchanged += u64::from(present.map_err(|error| self.database.failed(&error))?);
            }
        }
        Ok(counts)
    }

    fn update_row(&self, sql: &str, given: &[usize], row: &Row<'_>) -> Result<bool> {
        let mut statement = self.prepare(sql)?;
        for (field, value) in row.cells() {
            let Some(column) = self.slots[field] else { continue };
            let Some(at) = given.iter().position(|known| *known == column) else { continue };
            let stored = convert(self.target.shape.columns()[column].kind, value).map_err(Error::rejected)?;
            self.bind(&mut statement, at + 1, stored)?;
        }
        self.bind(&mut statement, given.len() + 1, self.now)?;
        self.bind_key(&mut statement, given.len() + 2, row)?;
        Ok(self.execute(&mut statement)? > 0)
    }

    fn delete(&self, rows: &Batch) -> Result<Counts> {
        let mut statement = self.prepare(&self.target.layout().delete())?;
        self.bind(&mut statement, 1, self.now)?;
        let mut deleted = 0;
        for row in rows.rows() {
            self.bind_key(&mut statement, 2, &row)?;
            deleted += self.execute(&mut statement)?;
        }
        Ok(Counts { deleted, ..Counts::default() })
    }

    fn bind_key(&self, statement: &mut CachedStatement<'_>, first: usize, row: &Row<'_>) -> Result<()> {
        let shape = &self.target.shape;
        if shape.key().is_empty() {
            return self.bind(statement, first, content_id(&self.fields, row));
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

    fn greatest_rowid(&self) -> Result<u64> {
        let (rowid, table) = (self.target.rowid, super::sql::quote(self.target.layout().table));
        let query = format!("SELECT {rowid} FROM {table} ORDER BY {rowid} DESC LIMIT 1");
        let read = || self.database.sql.prepare_cached(&query)?.query_row([], |row| row.get(0)).optional();
        let greatest: Option<i64> = read().map_err(|error| self.database.failed(&error))?;
        Ok(greatest.unwrap_or(0).unsigned_abs())
    }

    fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>> {
        self.database.sql.prepare_cached(sql).map_err(|error| self.database.failed(&error))
    }

    fn bind(&self, statement: &mut CachedStatement<'_>, at: usize, value: impl ToSql) -> Result<()> {
        statement.raw_bind_parameter(at, value).map_err(|error| self.database.failed(&error))
    }

    fn execute(&self, statement: &mut CachedStatement<'_>) -> Result<u64> {
        statement.raw_execute().map(|rows| rows as u64).map_err(|error| self.database.failed(&error))
    }
}
