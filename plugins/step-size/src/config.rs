//! What a user can say about an API of ID ranges.

use std::num::{NonZeroU32, NonZeroU64};

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_sdk::{FlightOptions, Period, Request, SourceOptions, TableOptions};

use crate::course::Range;

/// Reads an API by ranges of IDs (`start_id`, `end_id`), from the lowest to the highest.
///
/// An ID that has been passed is read again only within `look_back`: rows that change or vanish behind it are seen by
/// `rescan_every` alone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The path of the endpoint, below the base URL.
    #[serde(default = "path")]
    pub path: String,
    /// The parameter for the first ID of a range.
    #[serde(default = "start_parameter")]
    pub start_parameter: String,
    /// The parameter for the last ID of a range.
    #[serde(default = "end_parameter")]
    pub end_parameter: String,
    /// Whether the source leaves out the record whose ID is the end of a range.
    #[serde(default)]
    pub end_is_exclusive: bool,
    /// The field that has the ID, a whole number, also as text: its name, or an RFC 6901 pointer into the record.
    #[serde(default = "id")]
    pub id_field: String,
    /// How many IDs a request asks for.
    #[serde(default = "step")]
    pub step: NonZeroU64,
    /// The lowest ID that is read. Without it, 1, and 0 if the source has a record with that ID.
    #[serde(default)]
    pub first_id: Option<u64>,
    /// The highest ID, where it is known: the run reads up to it, whatever gaps there are.
    #[serde(default)]
    pub max_id: Option<u64>,
    /// Where an answer tells the highest ID of the source, in sources that do: an RFC 6901 pointer.
    #[serde(default)]
    pub max_id_pointer: Option<String>,
    /// Behind an empty step, one request asks for all higher IDs at once. Where the source does not answer such wide
    /// ranges, or may look at their beginning only, the run ends when this many steps in a row are empty. Then set it
    /// above the greatest gap between two IDs, in steps.
    #[serde(default = "empty_ranges")]
    pub empty_ranges: NonZeroU32,
    /// How many IDs below the position are read again in the next run, so that a record which appears after one with a
    /// higher ID is found.
    #[serde(default = "look_back")]
    pub look_back: u64,
    /// The most records that the source returns, whatever was asked for. Without it, the range of an answer that may
    /// have been cut is asked for again in two halves. That is every answer of a source that does not sort.
    #[serde(default)]
    pub page_cap: Option<NonZeroU32>,
    /// How long after the last full pass the next one is made, such as `7d`: every ID is read again, and rows that the
    /// source no longer has are marked as deleted. Without it, no pass but the first reads everything.
    #[serde(default)]
    pub rescan_every: Option<Period>,
    /// How many requests are in flight.
    #[serde(flatten)]
    pub flight: FlightOptions,
    /// How requests are made.
    #[serde(flatten)]
    pub source: SourceOptions,
    /// The table.
    #[serde(flatten)]
    pub table: TableOptions,
}

impl Config {
    /// The request for the records of a range.
    pub(crate) fn request(&self, range: Range) -> Request {
        let end = range.end.saturating_add(u64::from(self.end_is_exclusive));
        let request = self.source.request(&self.path).query(&self.start_parameter, range.start);
        request.query(&self.end_parameter, end)
    }

    /// The lowest ID that is read step by step.
    pub(crate) fn first_id(&self) -> u64 {
        self.first_id.unwrap_or(1)
    }

    pub(crate) fn is_default_path(&self) -> bool {
        self.path == path()
    }
}

fn path() -> String {
    "/incremental/step".into()
}

fn start_parameter() -> String {
    "start_id".into()
}

fn end_parameter() -> String {
    "end_id".into()
}

fn id() -> String {
    "id".into()
}

fn step() -> NonZeroU64 {
    NonZeroU64::MIN.saturating_add(99)
}

fn empty_ranges() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(9)
}

fn look_back() -> u64 {
    100
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_sdk::json;

    #[test]
    fn an_empty_configuration_is_complete() {
        let config: Config = json::from_str("{}").expect("defaults");
        assert!(config.is_default_path());
        assert_eq!((config.step.get(), config.empty_ranges.get(), config.look_back), (100, 10, 100));
        assert!(config.rescan_every.is_none() && config.max_id.is_none());
    }

    #[test]
    fn a_step_of_nothing_is_an_error() {
        for text in [r#"{"step": 0}"#, r#"{"empty_ranges": 0}"#, r#"{"first_id": -1}"#, r#"{"stepp": 1}"#] {
            assert!(json::from_str::<Config>(text).is_err(), "{text}");
        }
    }
}
