//! Where two runs of a strategy differ. Pure.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::tape::Event;

/// What a replay has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Requests of the replay.
    pub requests: usize,
    /// Records that it staged.
    pub records: usize,
    /// Checkpoints that it sealed.
    pub checkpoints: usize,
    /// Where it first did something else than the recorded run.
    pub difference: Option<Difference>,
}

/// The first thing that is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which of the things that a strategy does: requests, changes, checkpoints, its end. The first is 1.
    pub step: usize,
    /// What the recorded run did there; nothing where it had ended.
    pub recorded: Option<String>,
    /// What the replay did there.
    pub replayed: Option<String>,
}

/// Compares what two runs did, in order. What they were told, and what they said, does not count.
pub(super) fn compare(recorded: &[Event], replayed: &[Event]) -> Comparison {
    let deeds = |events: &[Event]| -> Vec<Event> { events.iter().filter(|event| is_deed(event)).cloned().collect() };
    let (recorded, replayed) = (deeds(recorded), deeds(replayed));
    // A run that was killed has no end: what the replay does after it is no difference.
    let is_cut_off = !matches!(recorded.last(), Some(Event::End { .. }));
    let compared = if is_cut_off { recorded.len().min(replayed.len()) } else { recorded.len().max(replayed.len()) };
    let differs = |at: &usize| recorded.get(*at) != replayed.get(*at);
    let difference = (0..compared).find(differs).map(|at| describe(at, recorded.get(at), replayed.get(at)));
    let count = |is: fn(&Event) -> bool| replayed.iter().filter(|event| is(event)).count();
    Comparison {
        requests: count(|event| matches!(event, Event::Request { .. })),
        records: replayed.iter().map(records).sum(),
        checkpoints: count(|event| matches!(event, Event::Checkpoint { .. })),
        difference,
    }
}

/// How the records that two versions have staged differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shadow {
    /// Records of the recorded run.
    pub records: usize,
    /// Those of them that the replay left out.
    pub left_out: usize,
    /// One of these.
    pub example: Option<String>,
    /// Why the replay broke off, where it did and the recorded run did not.
    pub failure: Option<String>,
    /// What the replay asked for and the recording could not answer, if there was something: then the rest tells
    /// nothing.
    pub unanswered: Option<String>,
}

/// Compares what two runs staged, in whatever order and batches.
pub(super) fn compare_records(recorded: &[Event], replayed: &[Event]) -> Shadow {
    let mut balance: HashMap<(String, String, String), i64> = HashMap::new();
    for (events, weight) in [(recorded, 1), (replayed, -1)] {
        for (table, change, rows) in events.iter().filter_map(staged) {
            for row in rows_of(rows) {
                *balance.entry((table.clone(), change.clone(), row.to_string())).or_default() += weight;
            }
        }
    }
    let missing = balance.iter().filter(|(_, count)| **count > 0).map(|((table, _, row), _)| format!("{table}: {row}"));
    Shadow {
        records: recorded.iter().map(records).sum(),
        left_out: balance.values().map(|count| usize::try_from(*count).unwrap_or(0)).sum(),
        example: missing.min(),
        failure: failure(replayed).filter(|_| failure(recorded).is_none()),
        unanswered: unanswered(recorded, replayed),
    }
}

fn failure(events: &[Event]) -> Option<String> {
    match events.last() {
        Some(Event::End { error: Some(error) }) => Some(error.message.clone()),
        _ => None,
    }
}

fn staged(event: &Event) -> Option<(&String, &String, &String)> {
    match event {
        Event::Stage { table, change, rows: Some(rows) } => Some((table, change, rows)),
        _ => None,
    }
}

/// The first request of the replay that the recorded run did not make.
fn unanswered(recorded: &[Event], replayed: &[Event]) -> Option<String> {
    let asked = |event: &Event| match event {
        Event::Request { request, .. } => Some(request.clone()),
        _ => None,
    };
    let known: BTreeSet<_> = recorded.iter().filter_map(asked).collect();
    let unknown = replayed.iter().filter_map(asked).find(|request| !known.contains(request))?;
    unknown.read().map(|request| request.to_string())
}

fn is_deed(event: &Event) -> bool {
    match event {
        Event::Request { .. } | Event::Stage { .. } | Event::Checkpoint { .. } | Event::End { .. } => true,
        Event::Answer { .. } | Event::Refused { .. } | Event::Now { .. } | Event::Log { .. } => false,
    }
}

fn records(event: &Event) -> usize {
    match event {
        Event::Stage { rows: Some(rows), .. } => rows_of(rows).len(),
        _ => 0,
    }
}

fn rows_of(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap_or_default()
}

fn describe(at: usize, recorded: Option<&Event>, replayed: Option<&Event>) -> Difference {
    let (one, other) = match (recorded, replayed) {
        (
            Some(Event::Stage { table, change, rows: Some(rows) }),
            Some(Event::Stage { table: other_table, change: other_change, rows: Some(other) }),
        ) if (table, change) == (other_table, other_change) => {
            let (rows, other) = (rows_of(rows), rows_of(other));
            let row = (0..rows.len().max(other.len())).find(|row| rows.get(*row) != other.get(*row)).unwrap_or(0);
            let shown = |rows: &[Value]| {
                let found = rows.get(row).map_or_else(|| "nothing".to_owned(), Value::to_string);
                format!("{change} into `{table}` of {} records, the one at {row} is {found}", rows.len())
            };
            (Some(shown(&rows)), Some(shown(&other)))
        }
        _ => (recorded.map(summary), replayed.map(summary)),
    };
    Difference { step: at + 1, recorded: one, replayed: other }
}

fn summary(event: &Event) -> String {
    match event {
        Event::Request { request, .. } => {
            let request = request.clone().read();
            request.map_or_else(|| "a request".to_owned(), |request| format!("asks for {request}"))
        }
        Event::Stage { table, change, .. } => format!("{change} into `{table}` of {} records", records(event)),
        Event::Checkpoint { state } => format!("a checkpoint with the state {state}"),
        Event::End { error: None } => "its end".to_owned(),
        Event::End { error: Some(error) } => format!("its end with {}: {}", error.code, error.message),
        Event::Answer { .. } | Event::Refused { .. } | Event::Now { .. } | Event::Log { .. } => String::new(),
    }
}
