//! The end of a full refresh: the new rows take the place of the old ones, within one transaction.

use rusqlite::params;

use super::database::Database;
use super::sql::{DELETED, quote};
use super::target::Target;
use crate::error::Result;
use crate::model::Counts;

/// Brings the rows of the hidden table into the one that users see, and removes the hidden one.
pub(super) fn replace(database: &Database, target: &mut Target, now: &str) -> Result<Counts> {
    let columns = target.shape.columns().len();
    target.ensure(database, columns)?;
    let shadow = target.reveal();
    let is_new = target.rebuild || database.find(&target.table)?.is_none();
    let counts = if is_new { rename(database, target, &shadow)? } else { merge(database, target, &shadow, now)? };
    Ok(counts)
}

/// There are no old rows to compare with.
fn rename(database: &Database, target: &mut Target, shadow: &str) -> Result<Counts> {
    let (table, shadow, deleted) = (quote(&target.table), quote(shadow), quote(DELETED));
    database.run(&format!(
        "DROP TABLE IF EXISTS {table}; DELETE FROM {shadow} WHERE {deleted} = 1; ALTER TABLE {shadow} RENAME TO {table}"
    ))?;
    target.rebuild = false;
    Ok(Counts { inserted: count(database, &table)?, ..Counts::default() })
}

fn merge(database: &Database, target: &mut Target, shadow: &str, now: &str) -> Result<Counts> {
    target.ensure(database, target.shape.columns().len())?;
    let layout = target.layout();
    let table = quote(layout.table);
    let execute = |sql: String| {
        let rows = database.sql.execute(&sql, params![now]).map_err(|error| database.failed(&error))?;
        Ok(rows as u64)
    };
    let before = count(database, &table)?;
    let fresh = count(database, &format!("{} WHERE {} = 0", quote(shadow), quote(DELETED)))?;
    let changed = execute(layout.merge(shadow))?;
    let inserted = count(database, &table)? - before;
    let deleted = execute(layout.delete_missing(shadow))?;
    database.run(&format!("DROP TABLE {}", quote(shadow)))?;
    let (updated, unchanged) = (changed - inserted, fresh - changed);
    Ok(Counts { inserted, updated, unchanged, deleted, checkpoints: 0 })
}

fn count(database: &Database, from: &str) -> Result<u64> {
    let count = database.sql.query_row(&format!("SELECT count(*) FROM {from}"), [], |row| row.get::<_, i64>(0));
    count.map(i64::unsigned_abs).map_err(|error| database.failed(&error))
}
