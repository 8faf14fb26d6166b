//! The file of a recording: lines of JSON, the first of which says of what it is.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::exchange::{Answer, Asked};
use crate::error::{Error, Origin, Result};

/// The form of recordings.
pub const VERSION: u32 = 2;

/// Of what a recording is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) tidegate_recording: u32,
    /// SHA-256 of the component, in hexadecimal.
    pub(super) plugin_digest: String,
    /// The strategy, as the connection named it.
    pub(super) strategy: String,
    /// The configuration: JSON text.
    pub(super) config: String,
    /// The state with which the run began.
    pub(super) state: Option<String>,
    /// Its version.
    pub(super) state_version: u32,
    /// When the run began, in milliseconds since 1970.
    pub(super) began: i64,
}

/// Which form a recording has, whatever else its first line says.
#[derive(Deserialize)]
struct Form {
    tidegate_recording: u32,
}

/// What happened between a strategy and its host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    /// It asked for a page.
    Request { number: usize, request: Asked },
    /// It got the answer to the request of this number.
    Answer { number: usize, answer: Answer },
    /// It got an error instead.
    Refused { number: usize, error: Told },
    /// It asked for the time.
    Now { at: i64 },
    /// It staged a change. `rows` is JSON text, so that every digit is kept.
    Stage { table: String, change: String, rows: Option<String> },
    /// It sealed what it had staged.
    Checkpoint { state: String },
    /// It said something.
    Log { level: String, message: String },
    /// It returned.
    End { error: Option<Told> },
}

/// An error, as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    origin: String,
    pub(super) code: String,
    pub(super) message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    details: Vec<(String, String)>,
}

/// The words for who failed. That of [`Origin`] itself is for people, who need not tell all of them apart.
const ORIGINS: [(&str, Origin); 10] = [
    ("configuration", Origin::Configuration),
    ("credentials", Origin::Credentials),
    ("reachability", Origin::Reachability),
    ("source", Origin::Source),
    ("plugin", Origin::Plugin),
    ("sink", Origin::Sink),
    ("state", Origin::State),
    ("limit", Origin::Limit),
    ("interrupt", Origin::Interrupt),
    ("host", Origin::Host),
];

impl Told {
    pub(super) fn of(error: &Error) -> Told {
        let word = ORIGINS.iter().find(|(_, origin)| *origin == error.origin()).map_or("host", |(word, _)| word);
        Told {
            origin: word.to_owned(),
            code: error.code().to_owned(),
            message: error.message().to_owned(),
            help: error.remedy().map(str::to_owned),
            details: error.details().to_vec(),
        }
    }

    pub(super) fn read(self) -> Error {
        let origin = ORIGINS.iter().find(|(word, _)| *word == self.origin).map_or(Origin::Host, |(_, origin)| *origin);
        let error = Error::new(origin, self.code, self.message);
        let error = self.details.iter().fold(error, |error, (name, value)| error.detail(name, value));
        self.help.into_iter().fold(error, Error::help)
    }
}

/// A recording.
#[derive(Clone, Debug)]
pub struct Tape {
    pub(super) header: Header,
    pub(super) events: Vec<Event>,
}

impl Tape {
    /// Reads a recording. What a run that was killed has left of its last line is left out.
    pub fn read(path: &Path) -> Result<Tape> {
        let text = std::fs::read_to_string(path).map_err(|error| unusable(path, &error))?;
        let mut lines = text.lines();
        let none_of_ours = |error| unusable(path, &format!("its first line is none of ours: {error}"));
        let first = lines.next().unwrap_or_default();
        let Form { tidegate_recording: found } = serde_json::from_str(first).map_err(none_of_ours)?;
        if found != VERSION {
            return Err(unusable(path, &format!("it has version {found}, and version {VERSION} can be read")));
        }
        let header: Header = serde_json::from_str(first).map_err(none_of_ours)?;
        let is_whole = text.ends_with('\n');
        let lines: Vec<_> = lines.collect();
        let whole = if is_whole { lines.as_slice() } else { lines.split_last().map_or(&[][..], |(_, rest)| rest) };
        let event = |(at, line): (usize, &&str)| {
            serde_json::from_str(line).map_err(|error| unusable(path, &format!("line {}: {error}", at + 2)))
        };
        let events = whole.iter().enumerate().map(event).collect::<Result<_>>()?;
        Ok(Tape { header, events })
    }

    /// The state with which the run began.
    pub fn state(&self) -> Option<&str> {
        self.header.state.as_deref()
    }

    /// The version of that state.
    pub fn state_version(&self) -> u32 {
        self.header.state_version
    }

    /// The strategy, as the connection named it.
    pub fn strategy(&self) -> &str {
        &self.header.strategy
    }

    /// The strategy's component: SHA-256 in hexadecimal.
    pub fn plugin_digest(&self) -> &str {
        &self.header.plugin_digest
    }

    /// Whether the run came to its end while it was recorded.
    pub fn is_complete(&self) -> bool {
        matches!(self.events.last(), Some(Event::End { .. }))
    }
}

pub(super) fn unusable(path: &Path, why: &dyn fmt::Display) -> Error {
    Error::configuration(format!("the recording {}: {why}", path.display()))
}
