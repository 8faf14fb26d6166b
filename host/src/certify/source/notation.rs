//! How a simulated source writes times, and how it reads those that it is asked for.

use chrono::DateTime;

use crate::model::{Instant, InstantFormat};

/// How times are written. Finer digits than a notation has are cut, in the source's filter as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::certify) enum Notation {
    /// `2026-01-01T00:00:00Z`
    Seconds,
    /// `2026-01-01T00:00:00.000Z`
    Millis,
    /// `2026-01-01T00:00:00.000000Z`
    Micros,
    /// `2026-01-01T02:00:00.000+02:00`
    Offset,
    /// Both of the two above, in turn, so that the order of texts is not the order of times.
    Mixed,
    /// As the clocks of central Europe show it: `…+02:00` until they are set back in October 2025, `…+01:00` then.
    Daylight,
    /// `2026-01-01T00:00:00.000`
    NoZone,
    /// `1767225600`
    EpochSeconds,
    /// `1767225600000`
    EpochMillis,
}

/// 2025-10-26T01:00:00Z, in microseconds since 1970.
const SET_BACK: i64 = 1_761_440_400_000_000;

impl Notation {
    /// The time without the digits that cannot be written, in microseconds since 1970.
    pub(super) fn cut(self, micros: i64) -> i64 {
        let unit = match self {
            Notation::Seconds | Notation::EpochSeconds => 1_000_000,
            Notation::Micros => 1,
            _ => 1_000,
        };
        micros.div_euclid(unit) * unit
    }

    /// The JSON text of a time. `turn` tells which of several forms it has.
    pub(super) fn write(self, micros: i64, turn: u64) -> String {
        let pattern = match self {
            Notation::Seconds => "%Y-%m-%dT%H:%M:%SZ",
            Notation::Millis => "%Y-%m-%dT%H:%M:%S%.3fZ",
            Notation::Micros => "%Y-%m-%dT%H:%M:%S%.6fZ",
            Notation::NoZone => "%Y-%m-%dT%H:%M:%S%.3f",
            Notation::Mixed if turn.is_multiple_of(2) => "%Y-%m-%dT%H:%M:%S%.3fZ",
            Notation::Daylight if micros >= SET_BACK => "%Y-%m-%dT%H:%M:%S%.3f+01:00",
            Notation::Offset | Notation::Mixed | Notation::Daylight => "%Y-%m-%dT%H:%M:%S%.3f+02:00",
            Notation::EpochSeconds => return micros.div_euclid(1_000_000).to_string(),
            Notation::EpochMillis => return micros.div_euclid(1_000).to_string(),
        };
        let hours = match pattern.rsplit_once('+') {
            Some((_, "02:00")) => 2,
            Some((_, "01:00")) => 1,
            _ => 0,
        };
        let shift = hours * 3_600_000_000;
        let time = DateTime::from_timestamp_micros(micros + shift).unwrap_or_default();
        format!("\"{}\"", time.format(pattern))
    }
}

/// Reads a time in any of the forms, in microseconds since 1970; what is finer is cut, as a database does it.
pub(super) fn read(text: &str) -> Option<i64> {
    // A `+` that a strategy forgot to encode arrives as a space.
    let text = text.replacen(' ', "+", usize::from(text.contains('T')));
    let instant = Instant::parse(&text, &InstantFormat::default())?;
    i64::try_from(instant.nanos().div_euclid(1_000)).ok()
}
