//! Runs that begin with states from the past, and from the future.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::certificate::Check;
use super::destination::{Rows, Saved};
use super::lab::{Lab, Manner};
use super::scenario::{Filter, Quirk, Scenario};
use super::trial::{Arrival, Outcome, TrialEnd, judge, refused_at_last};
use super::verdict::{Fault, Finding};
use crate::model::State;
use crate::sink::Mode;
use crate::sync::Pace;

/// Begins a run with each state that was ever saved, on the rows that it was saved with; and one with a state from the far
/// future, on all rows. Each must leave the destination equal to the source.
pub(super) async fn from_each_state(
    lab: &Arc<Lab>,
    scenario: &Scenario,
    endings: &[State],
) -> Vec<(Check, String, TrialEnd)> {
    let (states, whole) = {
        let durable = lab.destination.lock();
        (durable.distinct_states(), durable.tables.clone())
    };
    let mut ends = Vec::new();
    let mut progress = Progress::default();
    // How much is read follows from the state alone, unless the source answers as it likes.
    let is_fickle = scenario.filter == Filter::Ignored || scenario.quirk == Quirk::CapVaries;
    let tolerance = if is_fickle { usize::MAX } else { scenario.page };
    for (number, Saved { run, state, tables }) in states.iter().enumerate() {
        let Resumed { mut end, read, asked } = resume(lab, tables, state.clone()).await;
        let moved_back = match endings.contains(state) {
            true => progress.ends(&state.text, read, asked, tolerance),
            false => progress.goes_on(*run, &state.text, read, tolerance),
        };
        end.finding = end.finding.or(moved_back.map(|message| Finding::new(Fault::MovedBack, message)));
        ends.push((Check::Resume, format!("state@{number}"), end));
    }
    let last = states.last().map(|saved| &saved.state);
    if let Some((last, text)) = last.and_then(|last| Some((last, in_the_far_future(&last.text)?))) {
        let mut end = resume(lab, &whole, State { text, ..last.clone() }).await.end;
        // A strategy may well notice that it did not write this.
        end.finding = end.finding.filter(|finding| !finding.message.starts_with("state.invalid"));
        ends.push((Check::Future, "state@2999".to_owned(), end));
    }
    ends
}

/// How far the states of a trial have come, by what is read from them on.
///
/// The states of one run are compared with each other, and those at the ends of runs. A run may well begin behind the
/// end of the one before it, and read some records again.
#[derive(Default)]
struct Progress {
    run: u64,
    /// The fewest records that were read from a state of this run on.
    least_in_run: Option<usize>,
    /// As above, from the end of a run on.
    least_at_end: Option<usize>,
    asked_from: Option<i64>,
}

impl Progress {
    /// A state from the middle of a run. Tells where it moves back.
    fn goes_on(&mut self, run: u64, state: &str, read: usize, tolerance: usize) -> Option<String> {
        if self.run != run {
            (self.run, self.least_in_run) = (run, None);
        }
        compare_read(&mut self.least_in_run, state, read, tolerance)
    }

    /// The state at the end of a run. Tells where it moves back.
    fn ends(&mut self, state: &str, read: usize, asked: Option<i64>, tolerance: usize) -> Option<String> {
        let told = compare_read(&mut self.least_at_end, state, read, tolerance);
        if asked < self.asked_from {
            let message = "lets the next one begin further back than an earlier one";
            return Some(format!("the state {state} at the end of a run {message}"));
        }
        self.asked_from = asked;
        told
    }
}

fn compare_read(least: &mut Option<usize>, state: &str, read: usize, tolerance: usize) -> Option<String> {
    let before = least.unwrap_or(read);
    *least = Some(before.min(read));
    (read > before.saturating_add(tolerance)).then(|| {
        format!("from the state {state} on, {read} records are read again; from an earlier one, only {before}")
    })
}

struct Resumed {
    end: TrialEnd,
    /// How many different records were read.
    read: usize,
    /// Where the first request has begun.
    asked: Option<i64>,
}

/// An old state may lead to an old view of the source, such as a list that a scroll token stands for; the run after it
/// must have caught up.
async fn resume(lab: &Arc<Lab>, tables: &BTreeMap<String, Rows>, state: State) -> Resumed {
    lab.destination.reset(tables, state);
    let (mut end, asked) = resumed_run(lab).await;
    let read = lab.destination.lock().delivered();
    let (mut count, mut compared) = lab.compare();
    if compared.is_err() && end.finding.is_none() {
        let (mut second, _) = resumed_run(lab).await;
        end.events.append(&mut second.events);
        end.finding = second.finding;
        (count, compared) = lab.compare();
    }
    end.compared = count;
    end.finding = end.finding.or(compared.err());
    Resumed { end, read, asked }
}

async fn resumed_run(lab: &Arc<Lab>) -> (TrialEnd, Option<i64>) {
    lab.pause().await;
    let run = lab.run(Manner { pace: Pace::EACH, arrival: Arrival::InOrder, mode: Mode::Incremental }, None).await;
    let mut end = TrialEnd::of(run.events);
    match run.report.map(|report| judge(&report)) {
        Some(Outcome::Faulty(finding)) => end.finding = Some(finding),
        Some(Outcome::Declined(why)) => end.finding = Some(Finding::new(Fault::BrokeOff, why)),
        Some(Outcome::Refused(why)) => end.finding = Some(refused_at_last(&why)),
        _ => {}
    }
    (end, run.asked_from)
}

/// A state with all its times in the year 2999, and its numbers far up; none where it is no JSON.
fn in_the_far_future(state: &str) -> Option<String> {
    let mut state: Value = serde_json::from_str(state).ok()?;
    advance(&mut state);
    Some(state.to_string())
}

fn advance(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(advance),
        Value::Array(items) => items.iter_mut().for_each(advance),
        Value::String(text) if text.len() >= 19 && text.as_bytes()[10] == b'T' => text.replace_range(..4, "2999"),
        Value::Number(number) if number.as_u64().is_some_and(|number| number > 0) => *value = 32_472_144_000_u64.into(),
        _ => {}
    }
}
