//! The records as they are served, and where each lies in time.
//!
//! Records are kept as JSON bytes and found by binary search, so that a page costs the same among two hundred records
//! and among a million. It must not know HTTP.

use chrono::DateTime;
use fastrand::Rng;
use serde::Serialize;
use serde_json::Value;

use super::people::Person;

const HOUR: i64 = 3600;
const YEAR: i64 = 365 * 24 * HOUR;

/// How instants are written; always 20 bytes.
const INSTANT: &str = "%Y-%m-%dT%H:%M:%SZ";
const INSTANT_LENGTH: usize = 20;

/// What stands before and after the ID in every record, and after the instant that ends it.
const BEFORE_ID: &str = r#"{"id":""#;
const ID_LENGTH: usize = 36;
const AFTER_UPDATED: &str = r#""}"#;

/// One record: its JSON, and the instants in it as seconds since 1970.
pub(super) struct Record {
    json: Box<[u8]>,
    created: i64,
    updated: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    #[serde(flatten)]
    person: Person,
    created_at: String,
    updated_at: String,
}

impl Record {
    fn new(person: Person, created: i64, updated: i64) -> Record {
        let row = Row { person, created_at: instant(created), updated_at: instant(updated) };
        // Texts alone, so there is nothing in it that could not be written.
        let json = serde_json::to_vec(&row).unwrap_or_default().into();
        Record { json, created, updated }
    }

    /// As it is served.
    pub(super) fn json(&self) -> &[u8] {
        &self.json
    }

    /// As it is served, with `number` for its ID.
    pub(super) fn write_numbered(&self, number: usize, into: &mut Vec<u8>) {
        into.extend_from_slice(BEFORE_ID.as_bytes());
        into.extend_from_slice(number.to_string().as_bytes());
        into.extend_from_slice(&self.json[BEFORE_ID.len() + ID_LENGTH..]);
    }

    /// Where it lies in the order of updates.
    pub(super) fn key(&self) -> Key<'_> {
        Key { updated: self.updated, id: &self.json[BEFORE_ID.len()..][..ID_LENGTH] }
    }

    fn update(&mut self, at: i64) {
        self.updated = at;
        let end = self.json.len() - AFTER_UPDATED.len();
        self.json[end - INSTANT_LENGTH..end].copy_from_slice(instant(at).as_bytes());
    }
}

/// The order of updates: by instant, and by ID where instants are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key<'a> {
    /// Seconds since 1970.
    pub(super) updated: i64,
    pub(super) id: &'a [u8],
}

/// Writes seconds since 1970 as records have them.
pub(super) fn instant(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default().format(INSTANT).to_string()
}

/// Which instant orders a list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Created,
    Updated,
}

/// All records.
pub(super) struct Store {
    rng: Rng,
    /// In the order of creation. A record keeps its place.
    records: Vec<Record>,
    /// Places in `records`, in the order of updates.
    by_update: Vec<usize>,
}

impl Store {
    /// `count` records; all their instants lie before `base`.
    pub(super) fn new(seed: u64, count: usize, base: i64) -> Store {
        let mut rng = Rng::with_seed(seed);
        let spacing = spacing(count);
        let mut created = base - spacing * i64::try_from(count).unwrap_or(i64::MAX);
        let records = (0..count).map(|_| {
            let person = Person::invent(&mut rng);
            let (early, late) = (rng.i64(0..spacing), rng.i64(0..spacing));
            let record = Record::new(person, created - early, created - early + late);
            created += spacing;
            record
        });
        let records: Vec<Record> = records.collect();
        let mut store = Store { rng, by_update: (0..records.len()).collect(), records };
        store.sort();
        store
    }

    /// Updates this many records, chosen by the seed, and adds others.
    pub(super) fn touch(&mut self, updates: usize, inserts: usize, now: i64) {
        for place in self.rng.choose_multiple(0..self.records.len(), updates) {
            self.records[place].update(now);
        }
        // The order of creation is the order of `records`, also where a clock was set back.
        let created = self.records.last().map_or(now, |last| last.created.max(now));
        for _ in 0..inserts {
            self.by_update.push(self.records.len());
            self.records.push(Record::new(Person::invent(&mut self.rng), created, created));
        }
        self.sort();
    }

    /// Sorting again costs little: almost everything is in order, and the sort makes use of it.
    fn sort(&mut self) {
        let Store { records, by_update, .. } = self;
        by_update.sort_by(|one, other| records[*one].key().cmp(&records[*other].key()));
    }

    /// In the order of creation.
    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    /// In the order of updates, those not updated before `since` only.
    pub(super) fn since(&self, since: Option<i64>) -> View<'_> {
        let from = since.map_or(0, |since| self.by_update.partition_point(|at| self.records[*at].updated < since));
        View { records: &self.records, places: Places::Listed(&self.by_update[from..]) }
    }

    /// In the order of updates, those behind `key` only.
    pub(super) fn after(&self, key: Key<'_>) -> View<'_> {
        let from = self.by_update.partition_point(|at| self.records[*at].key() <= key);
        View { records: &self.records, places: Places::Listed(&self.by_update[from..]) }
    }

    /// In the order of `field`, those not updated before `since` only.
    pub(super) fn ordered(&self, field: Field, since: Option<i64>) -> View<'_> {
        match (field, since) {
            (Field::Updated, since) => self.since(since),
            (Field::Created, None) => View { records: &self.records, places: Places::All },
            (Field::Created, Some(since)) => {
                let updated = |at: &usize| self.records[*at].updated >= since;
                let places = (0..self.records.len()).filter(updated).collect();
                View { records: &self.records, places: Places::Chosen(places) }
            }
        }
    }

    /// The records as values, in the order of creation.
    pub(super) fn values(&self) -> Vec<Value> {
        self.records.iter().filter_map(|record| serde_json::from_slice(record.json()).ok()).collect()
    }
}

/// An hour, as long as all records fit into a year; then as much as fits, but never less than a second.
fn spacing(count: usize) -> i64 {
    let count = i64::try_from(count).unwrap_or(i64::MAX).max(1);
    (YEAR / count).clamp(1, HOUR)
}

/// Some of the records, in an order.
pub(super) struct View<'a> {
    records: &'a [Record],
    places: Places<'a>,
}

enum Places<'a> {
    All,
    Listed(&'a [usize]),
    Chosen(Vec<usize>),
}

impl<'a> View<'a> {
    pub(super) fn len(&self) -> usize {
        match &self.places {
            Places::All => self.records.len(),
            Places::Listed(places) => places.len(),
            Places::Chosen(places) => places.len(),
        }
    }

    /// `count` records from `offset` on, or as many as there are; `descending` counts from the end.
    pub(super) fn slice(&self, offset: usize, count: usize, descending: bool) -> impl Iterator<Item = &'a Record> {
        let length = self.len();
        let places = offset.min(length)..offset.saturating_add(count).min(length);
        places.map(move |at| self.get(if descending { length - 1 - at } else { at }))
    }

    fn get(&self, at: usize) -> &'a Record {
        match &self.places {
            Places::All => &self.records[at],
            Places::Listed(places) => &self.records[places[at]],
            Places::Chosen(places) => &self.records[places[at]],
        }
    }
}
