//! Runs that begin with states from the past, and from the future.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::certificate::Check;
use super::destination::{Rows, Saved};
use super::lab::{Lab, Manner};
use super::scenario::{Filter, Quirk, Scenario};
use super::trial::{Outcome, TrialEnd, judge, refused_at_last};
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
    let (mut least_read, mut asked_from) = (usize::MAX, None);
    for (number, Saved { state, tables }) in states.iter().enumerate() {
        let Resumed { mut end, read, asked } = resume(lab, tables, state.clone()).await;
        // How much is read follows from the state alone, unless the source answers as it likes.
        let is_fickle = scenario.filter == Filter::Ignored || scenario.quirk == Quirk::CapVaries;
        let text = &state.text;
        let moved_back = if endings.contains(state) && asked < asked_from {
            Some(format!(
                "the state {text} at the end of a run lets the next one begin further back than an earlier one"
            ))
        } else if !is_fickle && read > least_read.saturating_add(scenario.page) {
            Some(format!(
                "from the state {text} on, {read} records are read again; from an earlier one, only {least_read}"
            ))
        } else {
            None
        };
        end.finding = end.finding.or(moved_back.map(|message| Finding::new(Fault::MovedBack, message)));
        least_read = least_read.min(read);
        if endings.contains(state) {
            asked_from = asked_from.max(asked);
        }
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

struct Resumed {
    end: TrialEnd,
    /// How many different records were read.
    read: usize,
    /// Where the first request has begun.
    asked: Option<i64>,
}

async fn resume(lab: &Arc<Lab>, tables: &BTreeMap<String, Rows>, state: State) -> Resumed {
    lab.destination.reset(tables, state);
    lab.pause().await;
    let run = lab.run(Manner { pace: Pace::EACH, mode: Mode::Incremental }, None).await;
    let read = lab.destination.lock().delivered();
    let mut end = TrialEnd::of(run.events);
    match run.report.map(|report| judge(&report)) {
        Some(Outcome::Faulty(finding)) => end.finding = Some(finding),
        Some(Outcome::Refused(why)) => end.finding = Some(refused_at_last(&why)),
        _ => {}
    }
    let (count, compared) = lab.compare();
    end.compared = count;
    end.finding = end.finding.or(compared.err());
    Resumed { end, read, asked: run.asked_from }
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
