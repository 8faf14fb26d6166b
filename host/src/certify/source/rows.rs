//! The records of a simulated source, and how they change.

use std::collections::BTreeMap;
use std::fmt;

use super::Notation;

const SECOND: i64 = 1_000_000;

/// How the records of a source lie when a trial begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::certify) struct Rows {
    /// Their IDs, as ranges with both ends.
    pub(in crate::certify) ids: &'static [(u64, u64)],
    /// How many in a row share one time.
    pub(in crate::certify) per_instant: u64,
    /// Microseconds from one time to the next.
    pub(in crate::certify) apart: i64,
    /// IDs of records that have no time.
    pub(in crate::certify) timeless: &'static [u64],
    /// IDs of records that are dated in the year 2999.
    pub(in crate::certify) future: &'static [u64],
    /// The time of the first, in seconds since 1970; a day before the trial begins where none is said.
    pub(in crate::certify) begins: Option<i64>,
    pub(in crate::certify) form: Form,
}

/// How a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::certify) enum Form {
    /// IDs are text, as databases with 64 bits write them for JavaScript.
    Plain,
    /// IDs are numbers.
    NumericIds,
    /// Further fields have numbers that floating point cannot hold.
    LongNumbers,
}

impl Rows {
    /// Records with these IDs, one a second.
    pub(in crate::certify) const fn of(ids: &'static [(u64, u64)]) -> Rows {
        Rows { ids, per_instant: 1, apart: SECOND, timeless: &[], future: &[], begins: None, form: Form::Plain }
    }

    /// So many of them share each time.
    pub(in crate::certify) const fn tied(self, per_instant: u64) -> Rows {
        Rows { per_instant, ..self }
    }

    /// So many microseconds apart.
    pub(in crate::certify) const fn apart(self, apart: i64) -> Rows {
        Rows { apart, ..self }
    }

    pub(in crate::certify) const fn timeless(self, timeless: &'static [u64]) -> Rows {
        Rows { timeless, ..self }
    }

    pub(in crate::certify) const fn future(self, future: &'static [u64]) -> Rows {
        Rows { future, ..self }
    }

    /// The first of them has this time, in seconds since 1970.
    pub(in crate::certify) const fn beginning(self, at: i64) -> Rows {
        Rows { begins: Some(at), ..self }
    }

    pub(in crate::certify) const fn with_numeric_ids(self) -> Rows {
        Rows { form: Form::NumericIds, ..self }
    }

    pub(in crate::certify) const fn with_long_numbers(self) -> Rows {
        Rows { form: Form::LongNumbers, ..self }
    }
}

/// Something that happens in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::certify) enum Change {
    /// The records with these IDs are updated now.
    Update(u64, u64),
    /// The record that was updated longest ago is updated now.
    UpdateOldest,
    /// So many records appear now, one a millisecond.
    Insert(u64),
    /// So many records appear now with the greatest time that the source has.
    InsertTied(u64),
    /// So many records appear now, dated so many seconds ago.
    InsertLate(u64, i64),
    /// A record appears with an ID that was left out before.
    InsertId(u64),
    /// The records with these IDs vanish.
    Delete(u64, u64),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Update(first, last) if first == last => write!(f, "record {first} is updated"),
            Change::Update(first, last) => write!(f, "records {first} to {last} are updated"),
            Change::UpdateOldest => f.write_str("the record that was updated longest ago is updated"),
            Change::Insert(count) => write!(f, "{count} new records appear"),
            Change::InsertTied(count) => write!(f, "{count} new records appear, with the greatest time there was"),
            Change::InsertLate(count, age) => write!(f, "{count} new records appear, dated {age} s ago"),
            Change::InsertId(id) => write!(f, "record {id} appears"),
            Change::Delete(first, last) => write!(f, "records {first} to {last} vanish"),
        }
    }
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::certify) struct Record {
    pub(in crate::certify) id: u64,
    /// Microseconds since 1970.
    pub(in crate::certify) at: Option<i64>,
    /// How often it was changed.
    pub(in crate::certify) revision: u32,
}

/// All records, by their IDs, and what they have been.
#[derive(Clone, Debug)]
pub(in crate::certify) struct Store {
    records: BTreeMap<u64, Record>,
    /// Those that vanished, as they were.
    gone: BTreeMap<u64, Record>,
    notation: Notation,
    form: Form,
}

impl Store {
    /// The records of a trial that begins at `now`; all were updated before.
    pub(super) fn new(rows: Rows, notation: Notation, now: i64) -> Store {
        let mut store = Store { records: BTreeMap::new(), gone: BTreeMap::new(), notation, form: rows.form };
        let first = rows.begins.map_or(now - 86_400 * SECOND, |begins| begins * SECOND);
        let ids = rows.ids.iter().flat_map(|(first, last)| *first..=*last);
        for (place, id) in (0_u64..).zip(ids) {
            let at = match id {
                id if rows.timeless.contains(&id) => None,
                // 2999-01-01T00:00:00Z
                id if rows.future.contains(&id) => Some(32_472_144_000 * SECOND),
                _ => Some(first + i64::try_from(place / rows.per_instant).unwrap_or(0) * rows.apart),
            };
            store.put(id, at);
        }
        store
    }

    pub(in crate::certify) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    pub(in crate::certify) fn get(&self, id: u64) -> Option<&Record> {
        self.records.get(&id)
    }

    pub(in crate::certify) fn was(&self, id: u64) -> Option<&Record> {
        self.gone.get(&id)
    }

    pub(in crate::certify) fn len(&self) -> usize {
        self.records.len()
    }

    /// Makes a change happen at `now`.
    pub(super) fn apply(&mut self, change: Change, now: i64) {
        let next = self.records.keys().chain(self.gone.keys()).max().map_or(1, |last| last + 1);
        match change {
            Change::Update(first, last) => (first..=last).for_each(|id| self.update(id, now)),
            Change::UpdateOldest => {
                let oldest = self.records.values().filter(|record| record.at.is_some());
                if let Some(id) = oldest.min_by_key(|record| (record.at, record.id)).map(|record| record.id) {
                    self.update(id, now);
                }
            }
            Change::Insert(count) => {
                // One a millisecond: records of one time are a case of its own.
                let age = |id: u64| i64::try_from(next + count - 1 - id).unwrap_or(0) * 1_000;
                (next..next + count).for_each(|id| self.put(id, Some(now - age(id))));
            }
            Change::InsertTied(count) => {
                let greatest = self.records.values().filter_map(|record| record.at).filter(|at| *at <= now).max();
                (next..next + count).for_each(|id| self.put(id, greatest));
            }
            Change::InsertLate(count, age) => {
                (next..next + count).for_each(|id| self.put(id, Some(now - age * SECOND)));
            }
            Change::InsertId(id) => self.put(id, Some(now)),
            Change::Delete(first, last) => {
                for id in first..=last {
                    self.gone.extend(self.records.remove(&id).map(|record| (id, record)));
                }
            }
        }
    }

    fn put(&mut self, id: u64, at: Option<i64>) {
        let at = at.map(|at| self.notation.cut(at));
        self.records.insert(id, Record { id, at, revision: 0 });
    }

    fn update(&mut self, id: u64, now: i64) {
        if let Some(record) = self.records.get_mut(&id) {
            record.at = Some(self.notation.cut(now));
            record.revision += 1;
        }
    }

    /// The JSON text of a record.
    pub(in crate::certify) fn json(&self, record: &Record) -> String {
        let Record { id, at, revision } = record;
        let at = at.map_or("null".to_owned(), |at| self.notation.write(at, id + u64::from(*revision)));
        let quote = if self.form == Form::NumericIds { "" } else { "\"" };
        let numbers = match self.form {
            Form::LongNumbers => {
                format!(r#""count":{},"share":0.1234567890123456789012345{id},"#, (1_u64 << 53) + 1 + id)
            }
            _ => String::new(),
        };
        format!(r#"{{"id":{quote}{id}{quote},"name":"record {id}",{numbers}"revision":{revision},"updatedAt":{at}}}"#)
    }
}
