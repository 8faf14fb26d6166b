//! How values of the server are written in JSON, where several resources have them.

use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

use crate::serve::Refusal;
use crate::serve::clock::Millis;

/// The years that RFC 3339 can write.
const CALENDAR: std::ops::RangeInclusive<Millis> = -62_167_219_200_000..=253_402_300_799_999;

/// Up to here each whole number has a form of its own as a floating point number.
const EXACT: f64 = 9_007_199_254_740_991.0;

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

/// Reads an object, and no list of its fields' values in order, which serde takes as well.
pub(super) fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    let object = Map::deserialize(deserializer)?;
    serde_json::from_value(Value::Object(object)).map_err(de::Error::custom)
}

/// Reads an object or null.
pub(super) fn optional_object<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let object = Option::<Map<String, Value>>::deserialize(deserializer)?;
    object.map(|object| serde_json::from_value(Value::Object(object))).transpose().map_err(de::Error::custom)
}

/// Reads a whole number, which JSON may also write as `5.0`, or null.
pub(super) fn whole<'de, D: Deserializer<'de>, T: TryFrom<u64>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(deserializer)? else { return Ok(None) };
    let exact = || number.as_f64().filter(|value| value.fract() == 0.0 && (0.0..=EXACT).contains(value));
    let value = number.as_u64().or_else(|| exact().map(|value| value as u64));
    let wrong = || de::Error::custom(format!("invalid value: `{number}`, expected a whole number in its bounds"));
    value.and_then(|value| T::try_from(value).ok()).map(Some).ok_or_else(wrong)
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
