//! Step-size: ask for one range of IDs after the other, until there are no more.
//!
//! The durable position is one past the greatest ID that was seen, and never beyond, however many empty ranges were
//! asked for behind it: IDs that appear there later are found by the next run.

mod answer;
mod config;
mod course;
mod lengths;
mod reader;
mod sight;

use serde::{Deserialize, Serialize};
use tidegate_sdk::{Error, Format, Period, Result, Strategy, Table, clock};

pub use config::Config;
use lengths::Lengths;
use reader::Reader;
use sight::Sight;

/// The strategy.
#[derive(Debug)]
pub struct StepSize;

/// What a later run needs to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// One past the greatest ID that was seen.
    current_id: u64,
    /// When the last pass began that has read every ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_full_scan: Option<String>,
    /// What is known of how the source cuts its answers.
    #[serde(default)]
    answers: Lengths,
    /// What is known of how wide a range the source answers for.
    #[serde(default)]
    sight: Sight,
}

tidegate_sdk::export!(StepSize);

impl Strategy for StepSize {
    const NAME: &'static str = "step-size";
    const SUMMARY: &'static str = "Reads APIs that take a range of whole-numbered IDs.";
    const NEEDS: &'static [&'static str] = &["forward:integer:/current_id"];

    type Config = Config;
    type State = State;

    fn tables(config: &Config) -> Result<Vec<Table>> {
        Ok(config.table.declare(config.is_default_path()))
    }

    fn sync(config: &Config, state: Option<State>) -> Result<()> {
        let started = Format::parse("auto", "+00:00").map_err(Error::config)?.at_millis(clock::started());
        let Some(state) = state else {
            return Reader::new(config, State::beginning(config, started.text())).begin();
        };
        let is_due = config.rescan_every.is_some_and(|every| is_due(every, &state.last_full_scan, started.nanos()));
        // A full pass is kept as a whole or not at all. New records must not have to wait for one that succeeds.
        let state = Reader::new(config, state).go_on()?;
        if !is_due {
            return Ok(());
        }
        let last_full_scan = Some(started.text().to_owned());
        Reader::new(config, State { last_full_scan, ..state }).scan()
    }
}

impl State {
    fn beginning(config: &Config, now: &str) -> State {
        let (answers, sight) = (Lengths::default(), Sight::default());
        State { current_id: config.first_id(), last_full_scan: Some(now.into()), answers, sight }
    }
}

/// Whether the last full pass is too long ago, unknown, or in the future, which is no time at all.
fn is_due(every: Period, last: &Option<String>, now: i128) -> bool {
    let format = Format::parse("auto", "+00:00").ok();
    let last = format.zip(last.as_ref()).and_then(|(format, text)| format.read(text));
    last.is_none_or(|last| last.nanos() > now || now - last.nanos() >= every.nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_pass_is_due_when_its_period_is_over() {
        let at = |text: &str| Format::parse("auto", "+00:00").expect("a format").read(text).expect("a stamp").nanos();
        let now = at("2024-03-10T00:00:00Z");
        let due = |last: Option<&str>| is_due("7d".parse().expect("a period"), &last.map(str::to_owned), now);
        assert!(due(None) && due(Some("2024-03-03T00:00:00Z")) && due(Some("yesterday")));
        assert!(due(Some("2024-03-11T00:00:00Z")), "a pass in the future was none");
        assert!(!due(Some("2024-03-03T00:00:00.001Z")));
    }

    #[test]
    fn the_textbook_state_is_enough() {
        let state: State = tidegate_sdk::json::from_str(r#"{"current_id": 201}"#).expect("a state");
        let (answers, sight) = (Lengths::default(), Sight::default());
        assert_eq!(state, State { current_id: 201, last_full_scan: None, answers, sight });
        let state = r#"{"current_id": 201, "answers": {"longest": 9, "whole": 3, "cuts": false}}"#;
        assert!(tidegate_sdk::json::from_str::<State>(state).is_ok(), "an older one");
    }
}
