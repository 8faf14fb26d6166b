//! How values of the server are written in JSON, where several resources have them.

use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, de};

use crate::serve::Refusal;
use crate::serve::clock::Millis;

/// The years that RFC 3339 can write.
const CALENDAR: std::ops::RangeInclusive<Millis> = -62_167_219_200_000..=253_402_300_799_999;

/// A time as RFC 3339 in UTC, with milliseconds.
pub(super) fn time(millis: Millis) -> String {
    let within = millis.clamp(*CALENDAR.start(), *CALENDAR.end());
    let time = DateTime::<Utc>::from_timestamp_millis(within).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Reads a text that says a value: a name, or a word of a list.
pub(super) fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err = Refusal>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|refusal| match refusal {
        Refusal::Invalid(error) => de::Error::custom(error.message()),
        _ => de::Error::custom("not understood"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_milliseconds_whatever_they_are() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_764_000_000_120, "2025-11-24T16:00:00.120Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
            (i64::MIN, "0000-01-01T00:00:00.000Z"),
        ];
        for (millis, expected) in cases {
            assert_eq!(time(millis), expected);
        }
    }
}
