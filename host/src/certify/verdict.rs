//! What is wrong, if anything: the destination compared with the source.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::destination::Durable;
use super::source::{Record, Store};
use crate::model::{self, Batch};

/// A defect of a strategy, by its kind, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A record of the source is not in the destination.
    Lost,
    /// A record is there more than once.
    Duplicated,
    /// A row is there that the source never had, or with another content.
    Altered,
    /// A record is there as it was once, not as it is.
    Stale,
    /// A run ended well although the source had failed, and has not read everything.
    Concealed,
    /// The run would go on for ever.
    Endless,
    /// The state moves back.
    MovedBack,
    /// The state grows with each run over an unchanged source.
    Growing,
    /// A run over an unchanged source writes rows.
    Rewritten,
    /// A change of the destination shows though it was not committed.
    Torn,
    /// Rows that the strategy staged are neither committed nor refused.
    Unaccounted,
    /// The run broke off without need.
    BrokeOff,
    /// A source that every strategy of its kind must read is refused.
    Refused,
}

impl Fault {
    /// The word for it in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::Lost => "lost",
            Fault::Stale => "stale",
            Fault::Duplicated => "duplicated",
            Fault::Altered => "altered",
            Fault::Concealed => "concealed",
            Fault::Endless => "endless",
            Fault::MovedBack => "moved-back",
            Fault::Growing => "growing",
            Fault::Rewritten => "rewritten",
            Fault::Torn => "torn",
            Fault::Unaccounted => "unaccounted",
            Fault::BrokeOff => "broke-off",
            Fault::Refused => "refused",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A defect that a trial has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its kind.
    pub fault: Fault,
    /// Where it shows, in a sentence.
    pub message: String,
}

impl Finding {
    pub(super) fn new(fault: Fault, message: impl Into<String>) -> Finding {
        Finding { fault, message: message.into() }
    }
}

/// Compares the destination with a source at rest. Returns the gravest difference.
///
/// A record that vanished from the source may stay, unless `deletes`: who reads increments does not see it go.
pub(super) fn compare(durable: &Durable, store: &Store, deletes: bool) -> Result<(), Finding> {
    let expected: Vec<(&Record, String)> = store.records().map(|record| (record, store.json(record))).collect();
    // Most rows have the very text that the source sent, which spares taking them apart.
    let by_text: HashMap<&str, u64> = expected.iter().map(|(record, json)| (json.as_str(), record.id)).collect();
    let mut rows: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    let mut findings = Vec::new();
    for json in durable.live() {
        match by_text.get(json).copied().or_else(|| id_of(&parsed(json))) {
            Some(id) => rows.entry(id).or_default().push(json),
            None => {
                findings.push(Finding::new(Fault::Altered, format!("the destination has a row without ID: {json}")))
            }
        }
    }
    for (record, json) in &expected {
        findings.extend(compare_record(record, json, &rows.remove(&record.id).unwrap_or_default()));
    }
    for id in rows.keys() {
        let (fault, what) = match store.was(*id) {
            None => (Fault::Altered, "the source never had"),
            Some(_) if deletes => (Fault::Stale, "has vanished from the source, although all of it was read again"),
            Some(_) => continue,
        };
        findings.push(Finding::new(fault, format!("the destination has record {id}, which {what}")));
    }
    findings.into_iter().min_by_key(|finding| finding.fault).map_or(Ok(()), Err)
}

fn compare_record(record: &Record, json: &str, rows: &[&str]) -> Option<Finding> {
    let Record { id, revision, .. } = record;
    let is_older = |row: &str| parsed(row)["revision"].as_u64().is_some_and(|found| found < u64::from(*revision));
    let finding = |fault, what: &str| Some(Finding::new(fault, format!("record {id} {what}: the source has {json}")));
    match rows {
        [] => finding(Fault::Lost, "is not in the destination"),
        [row] if *row == json || is_same(row, json) => None,
        [row] if is_older(row) => finding(Fault::Stale, &format!("is in the destination as it was once, {row}")),
        [row] => finding(Fault::Altered, &format!("has another content in the destination, {row}")),
        several => finding(Fault::Duplicated, &format!("is in the destination {} times", several.len())),
    }
}

/// Whether two records have the same fields with the same values, to the last digit.
fn is_same(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(|json| Batch::from_json(format!("[{json}]").into()));
    let (Ok(one), Ok(other)) = (one, other) else { return false };
    fields(&one) == fields(&other)
}

fn fields(record: &Batch) -> BTreeMap<&str, model::Value<'_>> {
    let names: Vec<&str> = record.fields().collect();
    record.rows().flat_map(|row| row.cells()).map(|(field, value)| (names[field], value)).collect()
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

fn id_of(row: &Value) -> Option<u64> {
    match &row["id"] {
        Value::String(id) => id.parse().ok(),
        id => id.as_u64(),
    }
}
