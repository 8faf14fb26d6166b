//! What the columns hold: from our words to SQLite's and back.

use std::str::FromStr;

use rusqlite::Row;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::database::Outcome;
use crate::serve::tenant::Name;
use crate::serve::{Refusal, clock::Millis};

/// A day, in milliseconds.
pub(super) const DAY: Millis = 24 * 60 * 60 * 1_000;

/// A count as SQLite has it, whose greatest number is ours of 63 bits.
pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count that a column holds.
pub(super) fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(natural)
}

/// A count that SQLite made.
pub(super) fn natural(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A name that a column holds.
pub(super) fn name(row: &Row<'_>, column: &str) -> Outcome<Name> {
    let text: String = row.get(column)?;
    Ok(Name::from_str(&text).map_err(|_| foreign(column))?)
}

/// What a column holds as JSON.
pub(super) fn parsed<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Outcome<Option<T>> {
    let text: Option<String> = row.get(column)?;
    let parse = |text: String| serde_json::from_str(&text).map_err(|_| foreign(column).into());
    text.map(parse).transpose()
}

/// What a column is to hold, as JSON.
pub(super) fn written(value: &impl Serialize) -> Outcome<String> {
    Ok(serde_json::to_string(value).map_err(|_| Refusal::failed("what is to be kept has no JSON form"))?)
}

fn foreign(column: &str) -> Refusal {
    Refusal::failed(format!("the store holds a `{column}` that this version does not understand"))
}
