//! Upserts of one table, written in the order of their keys.
//!
//! Keys in random order touch pages all over the index, row by row; in order, each page once in a commit
//! (docs/decisions/0011). Rows of one key stay in the order in which they came, so that the last one wins; among rows of
//! different keys, order means nothing.

use std::cmp::Ordering;

use super::target::Target;
use super::write::{Part, Writer};
use crate::error::{Error, Result};
use crate::model::{Batch, Counts};
use crate::sink::shape::{Shape, Slots, content_id};
use crate::sink::values::{Stored, convert};

/// Upserts that wait for their turn.
#[derive(Debug, Default)]
pub(super) struct Upserts {
    batches: Vec<(Batch, Slots)>,
}

impl Upserts {
    pub(super) fn push(&mut self, rows: Batch, slots: Slots) {
        self.batches.push((rows, slots));
    }

    /// Writes them, and is empty.
    pub(super) fn flush(&mut self, writer: &Writer<'_>) -> Result<Counts> {
        let batches = std::mem::take(&mut self.batches);
        let parts: Vec<Part<'_>> = batches.iter().map(|(rows, slots)| Part::new(rows, slots)).collect();
        let rows = parts.iter().map(|part| part.rows.len() as u64).sum::<u64>();
        if rows == 0 {
            return Ok(Counts::default());
        }
        let before = writer.greatest_rowid()?;
        let changed = write(writer, &parts)?;
        // SQLite gives a new row the greatest row number so far plus one, and nothing is removed here.
        let inserted = writer.greatest_rowid()? - before;
        Ok(Counts { inserted, updated: changed - inserted, unchanged: rows - changed, ..Counts::default() })
    }
}

/// Returns how many rows were not there with the same content.
fn write(writer: &Writer<'_>, parts: &[Part<'_>]) -> Result<u64> {
    let Writer { target, now, .. } = *writer;
    let (width, columns) = (target.layout().columns.len(), target.shape.columns());
    let mut statement = writer.prepare(&target.upsert)?;
    let mut touch = match target.truncated {
        true => Some(writer.prepare(&target.layout().touch(target.rowid))?),
        false => None,
    };
    writer.bind(&mut statement, width + 1, now)?;
    // For each column the row that bound it last: what a record lacks becomes null.
    let mut bound_by = vec![usize::MAX; width];
    let mut changed = 0;
    let keys = Keys::of(parts, target)?;
    for (number, place) in keys.in_order().enumerate() {
        let part = &parts[place.part];
        let mut bound = 0;
        for (field, value) in part.rows.row(place.row).cells() {
            let Some(column) = part.slots[field] else { continue };
            let stored = convert(columns[column].kind, value).map_err(Error::rejected)?;
            writer.bind(&mut statement, column + 1, stored)?;
            bound_by[column] = number;
            bound += 1;
        }
        if bound < width {
            for (column, _) in bound_by.iter().enumerate().filter(|(_, by)| **by != number) {
                writer.bind(&mut statement, column + 1, Stored::Null)?;
            }
        }
        if target.shape.key().is_empty() {
            writer.bind(&mut statement, width + 2, &place.key[0])?;
        }
        changed += writer.execute(&mut statement)?;
        if let Some(touch) = &mut touch {
            for (at, value) in place.key.iter().enumerate() {
                writer.bind(touch, at + 1, value)?;
            }
            writer.execute(touch)?;
        }
    }
    Ok(changed)
}

/// Where a row stands, and its key.
struct Place<'k, 'a> {
    part: usize,
    row: usize,
    key: &'k [Stored<'a>],
}

/// The keys of all rows, one after the other.
struct Keys<'a> {
    values: Vec<Stored<'a>>,
    /// How many values make a key.
    width: usize,
    /// The part and the row of each key.
    rows: Vec<(u32, u32)>,
}

impl<'a> Keys<'a> {
    fn of(parts: &[Part<'a>], target: &Target) -> Result<Keys<'a>> {
        let count = parts.iter().map(|part| part.rows.len()).sum();
        let width = target.shape.key().len().max(1);
        let mut keys = Keys { values: Vec::with_capacity(count * width), width, rows: Vec::with_capacity(count) };
        for (number, part) in parts.iter().enumerate() {
            for row in 0..part.rows.len() {
                keys.add(part, row, &target.shape)?;
                keys.rows.push((number as u32, row as u32));
            }
        }
        Ok(keys)
    }

    fn add(&mut self, part: &Part<'a>, row: usize, shape: &Shape) -> Result<()> {
        let row = part.rows.row(row);
        if shape.key().is_empty() {
            self.values.push(Stored::Text(content_id(&part.fields, &row).into()));
            return Ok(());
        }
        for column in shape.key() {
            let value = row.cells().find(|(field, _)| part.slots[*field] == Some(*column));
            let stored = value.map(|(_, value)| convert(shape.columns()[*column].kind, value));
            self.values.push(stored.transpose().map_err(Error::rejected)?.unwrap_or(Stored::Null));
        }
        Ok(())
    }

    fn key(&self, number: usize) -> &[Stored<'a>] {
        &self.values[number * self.width..][..self.width]
    }

    fn in_order(&self) -> impl Iterator<Item = Place<'_, 'a>> {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by(|one, other| compare(self.key(*one), self.key(*other)));
        order.into_iter().map(|number| {
            let (part, row) = self.rows[number];
            Place { part: part as usize, row: row as usize, key: self.key(number) }
        })
    }
}

/// About as the index orders them. What the database holds for the same key is equal; numbers that differ by less than a
/// float tells may be equal, too.
fn compare(one: &[Stored<'_>], other: &[Stored<'_>]) -> Ordering {
    let values = one.iter().zip(other).map(|(one, other)| match (one, other) {
        (Stored::Integer(one), Stored::Integer(other)) => (*one as f64).total_cmp(&(*other as f64)),
        (Stored::Text(one), Stored::Text(other)) => one.as_bytes().cmp(other.as_bytes()),
        (Stored::Bytes(one), Stored::Bytes(other)) => one.cmp(other),
        (one, other) => class(one).cmp(&class(other)).then_with(|| number(one).total_cmp(&number(other))),
    });
    values.fold(Ordering::Equal, Ordering::then)
}

/// The order of SQLite's storage classes (sqlite.org/datatype3.html, 4.1).
fn class(value: &Stored<'_>) -> u8 {
    match value {
        Stored::Null => 0,
        Stored::Integer(_) | Stored::Real(_) => 1,
        Stored::Text(_) => 2,
        Stored::Bytes(_) => 3,
    }
}

fn number(value: &Stored<'_>) -> f64 {
    match value {
        Stored::Integer(number) => *number as f64,
        // Both zeros are one key.
        Stored::Real(number) => *number + 0.0,
        Stored::Null | Stored::Text(_) | Stored::Bytes(_) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    #[test]
    fn keys_that_are_one_for_the_database_are_equal() {
        let text = |text: &'static str| Stored::Text(text.into());
        let cases = [
            (Stored::Integer(1), Stored::Real(1.0), Ordering::Equal),
            (Stored::Real(0.0), Stored::Real(-0.0), Ordering::Equal),
            (Stored::Integer(0), Stored::Real(-0.0), Ordering::Equal),
            (Stored::Integer(-3), Stored::Integer(2), Ordering::Less),
            (Stored::Integer(9), Stored::Real(8.5), Ordering::Greater),
            (Stored::Null, Stored::Integer(-1), Ordering::Less),
            (Stored::Integer(i64::MAX), text(""), Ordering::Less),
            (text("b"), Stored::Bytes(b"a".to_vec()), Ordering::Less),
            (text("a"), text("B"), Ordering::Greater),
            (Stored::Bytes(vec![1]), Stored::Bytes(vec![1]), Ordering::Equal),
        ];
        for (one, other, expected) in cases {
            assert_eq!(compare(from_ref(&one), from_ref(&other)), expected, "{one:?}, {other:?}");
            assert_eq!(compare(from_ref(&other), from_ref(&one)), expected.reverse(), "{other:?}, {one:?}");
        }
    }

    #[test]
    fn the_first_value_that_differs_decides() {
        let key = |tenant, number| [Stored::Integer(tenant), Stored::Integer(number)];
        assert_eq!(compare(&key(1, 9), &key(2, 0)), Ordering::Less);
        assert_eq!(compare(&key(1, 9), &key(1, 8)), Ordering::Greater);
    }
}
