//! Where two runs of a strategy differ. Pure.

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
