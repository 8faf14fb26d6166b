//! Runs as the server keeps them.

use std::str::FromStr;

use super::clock::Millis;
use super::connection::RunError;
use super::tenant::Name;
use super::{Refusal, Result};
use crate::model::{LogLine, Progress};

/// The status of a run that somebody did not want any more.
pub const CANCELLED: &str = "cancelled";
/// The status of a run whose host went down.
pub const LOST: &str = "lost";

/// Why a run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Its time had come.
    Schedule,
    /// The one before had failed, or was told to come back.
    Retry,
    /// Somebody asked for it.
    Manual,
}

impl Trigger {
    /// The word for it in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Trigger::Schedule => "schedule",
            Trigger::Retry => "retry",
            Trigger::Manual => "manual",
        }
    }
}

impl FromStr for Trigger {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Trigger> {
        [Trigger::Schedule, Trigger::Retry, Trigger::Manual]
            .into_iter()
            .find(|trigger| trigger.as_str() == text)
            .ok_or_else(|| {
                Refusal::failed(format!("the store holds a trigger `{text}`, which this version does not know"))
            })
    }
}

/// One run, while it goes on or afterwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its identifier, a UUID of version 7: later ones are greater.
    pub id: String,
    /// Whose it is.
    pub tenant: Name,
    /// Its connection.
    pub connection: Name,
    /// Why it began.
    pub trigger: Trigger,
    /// The firing of the schedule that it is.
    pub scheduled_for: Option<Millis>,
    /// Whether it reads all anew.
    pub is_full_refresh: bool,
    /// When it began.
    pub started_at: Millis,
    /// When and how it ended.
    pub end: Option<End>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// When.
    pub at: Millis,
    /// A word of [`crate::model::Status`], [`CANCELLED`] or [`LOST`].
    pub status: String,
    /// What was read and written.
    pub progress: Progress,
    /// The strategy's component, SHA-256 in hexadecimal; the last one where it was swapped.
    pub plugin_digest: String,
    /// When the source asks to come back.
    pub retry_at: Option<Millis>,
    /// Why it failed.
    pub error: Option<RunError>,
    /// The last lines of its log.
    pub log: Vec<LogLine>,
}
