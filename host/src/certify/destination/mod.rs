//! The simulated destination: tables that know what is durable.
//!
//! It keeps the durability contract of `sink` by its simplest means, and loses all that was not committed when a run
//! ends. It must not know sources or strategies.

mod sink;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::own::Difference;
use crate::model::{Batch, Change, Counts, State, Table, Value};

pub(super) use sink::ModelSink;

/// How a destination commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// Rows and state in one step, as a database does.
    Atomic,
    /// Rows first and the state after, as files must.
    RowsFirst,
}

/// What is durable. Shared by all who open the destination.
#[derive(Clone, Debug)]
pub(super) struct Destination(Arc<Mutex<Durable>>);

#[derive(Clone, Debug)]
pub(super) struct Durable {
    pub(super) durability: Durability,
    pub(super) tables: BTreeMap<String, Rows>,
    pub(super) state: Option<State>,
    /// Every state that was ever committed, in order, where they are kept.
    history: Option<Vec<Saved>>,
    fence: u64,
    /// The keys of all rows that were delivered since the last reset, changed or not.
    delivered: HashSet<String>,
}

/// A state and the rows that it was committed with.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    /// The number of the opening that committed it.
    pub(super) run: u64,
    pub(super) state: State,
    pub(super) tables: BTreeMap<String, Rows>,
}

/// The rows of one table by their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    key: Vec<String>,
    rows: BTreeMap<String, Row>,
    /// What a truncation found and nothing has touched since.
    untouched: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) json: String,
    pub(super) is_deleted: bool,
}

impl Destination {
    pub(super) fn new(durability: Durability) -> Destination {
        let (tables, state, history) = (BTreeMap::new(), None, None);
        Destination(Arc::new(Mutex::new(Durable {
            durability,
            tables,
            state,
            history,
            fence: 0,
            delivered: HashSet::new(),
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Durable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps every state from now on, with its rows.
    pub(super) fn keep_history(&self) {
        self.lock().history = Some(Vec::new());
    }

    /// Puts other rows and another state in place.
    pub(super) fn reset(&self, tables: &BTreeMap<String, Rows>, state: State) {
        let mut durable = self.lock();
        durable.tables.clone_from(tables);
        durable.state = Some(state);
        durable.history = None;
        durable.delivered.clear();
    }
}

impl Durable {
    /// The states that were kept, each with the rows that it was first committed with, in order.
    pub(super) fn distinct_states(&self) -> Vec<Saved> {
        let mut distinct: Vec<Saved> = Vec::new();
        for saved in self.history.iter().flatten() {
            if !distinct.iter().any(|known| known.state == saved.state) {
                distinct.push(saved.clone());
            }
        }
        distinct
    }

    fn save(&mut self, state: State) {
        if let Some(history) = &mut self.history {
            history.push(Saved { run: self.fence, state: state.clone(), tables: self.tables.clone() });
        }
        self.state = Some(state);
    }

    /// How many different rows were delivered since the last reset.
    pub(super) fn delivered(&self) -> usize {
        self.delivered.len()
    }

    /// The rows that are there, not those that are marked as deleted.
    pub(super) fn live(&self) -> impl Iterator<Item = &str> {
        let rows = self.tables.values().flat_map(|table| table.rows.values());
        rows.filter(|row| !row.is_deleted).map(|row| row.json.as_str())
    }
}

impl Rows {
    fn of(table: &Table) -> Rows {
        Rows { key: table.primary_key.clone(), ..Rows::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The first difference of other rows to these.
    pub(super) fn differ(&self, found: &Rows) -> Option<Difference> {
        let shown = |row: &Row| format!("{}{}", row.json, if row.is_deleted { " (deleted)" } else { "" });
        for (key, expected) in &self.rows {
            match found.rows.get(key) {
                None => return Some(Difference::Missing(shown(expected))),
                Some(row) if row != expected => {
                    return Some(Difference::Other { expected: shown(expected), found: shown(row) });
                }
                Some(_) => {}
            }
        }
        let additional = found.rows.iter().find(|(key, _)| !self.rows.contains_key(*key));
        additional.map(|(_, row)| Difference::Additional(shown(row)))
    }

    /// Applies a change that was found to fit. The last of two rows with one key wins.
    fn apply(&mut self, change: &Change) -> Counts {
        let mut counts = Counts::default();
        match change {
            Change::Upsert(batch) => self.each(batch, |rows, key, json| rows.upsert(key, json, &mut counts)),
            Change::Update(batch) => self.each(batch, |rows, key, json| rows.update(key, json, &mut counts)),
            Change::Delete(batch) => self.each(batch, |rows, key, _| rows.delete(&key, &mut counts)),
            Change::Truncate => {
                let live = self.rows.iter().filter(|(_, row)| !row.is_deleted);
                self.untouched = live.map(|(key, _)| key.clone()).collect();
            }
        }
        counts
    }

    /// The keys of the rows of a change.
    fn keys<'a>(&'a self, change: &'a Change) -> impl Iterator<Item = String> + 'a {
        change.rows().into_iter().flat_map(|batch| batch.rows().filter_map(|row| self.key_of(&row)))
    }

    fn each(&mut self, batch: &Batch, mut act: impl FnMut(&mut Self, String, &str)) {
        for row in batch.rows() {
            if let Some(key) = self.key_of(&row) {
                act(self, key, row.json());
            }
        }
    }

    /// The text of a row's key; none where a part of it is null or missing.
    fn key_of(&self, row: &crate::model::Row<'_>) -> Option<String> {
        if self.key.is_empty() {
            return Some(row.json().to_owned());
        }
        let parts = self.key.iter().map(|field| row.get(field).and_then(Value::text));
        let parts: Option<Vec<_>> = parts.collect();
        Some(parts?.join("\u{1f}"))
    }

    fn upsert(&mut self, key: String, json: &str, counts: &mut Counts) {
        let row = Row { json: json.to_owned(), is_deleted: false };
        self.untouched.remove(&key);
        match self.rows.insert(key, row.clone()) {
            None => counts.inserted += 1,
            Some(before) if before == row => counts.unchanged += 1,
            Some(_) => counts.updated += 1,
        }
    }

    fn update(&mut self, key: String, json: &str, counts: &mut Counts) {
        let Some(row) = self.rows.get_mut(&key) else {
            counts.unchanged += 1;
            return;
        };
        let merged = merge(&row.json, json);
        match merged == row.json {
            true => counts.unchanged += 1,
            false => counts.updated += 1,
        }
        row.json = merged;
    }

    /// Marks what a truncation found, and nothing has touched since, as deleted.
    fn end_truncation(&mut self) -> Counts {
        let mut counts = Counts::default();
        std::mem::take(&mut self.untouched).iter().for_each(|key| self.delete(key, &mut counts));
        counts
    }

    fn delete(&mut self, key: &str, counts: &mut Counts) {
        match self.rows.get_mut(key).filter(|row| !row.is_deleted) {
            Some(row) => {
                row.is_deleted = true;
                counts.deleted += 1;
            }
            None => counts.unchanged += 1,
        }
    }
}

/// The members of an object with those of another in their place.
fn merge(old: &str, new: &str) -> String {
    let read = |text| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).unwrap_or_default();
    let mut merged = read(old);
    merged.extend(read(new));
    serde_json::Value::Object(merged).to_string()
}
