//! Lengths of time, as people write them: `24h`, `500ms`, `1h30m`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// The units, and their nanoseconds. Longest first.
const UNITS: [(&str, i128); 8] = [
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// A length of time; never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Period(i128);

impl Period {
    /// No time at all.
    pub const ZERO: Period = Period(0);

    /// From nanoseconds; what is negative counts as zero.
    pub fn from_nanos(nanos: i128) -> Period {
        Period(nanos.max(0))
    }

    /// From hours.
    pub const fn from_hours(hours: u32) -> Period {
        Period(hours as i128 * 3_600_000_000_000)
    }

    /// In nanoseconds.
    pub fn nanos(self) -> i128 {
        self.0
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Period, String> {
        let wrong =
            || format!("`{text}` is no length of time; write a number and a unit, such as `24h`, `30s`, `500ms`");
        let mut rest = text;
        let mut nanos: i128 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|char: char| !char.is_ascii_digit()).ok_or_else(wrong)?;
            let (number, tail) = rest.split_at(digits);
            let letters = tail.find(|char: char| !char.is_ascii_lowercase()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(letters);
            let (_, size) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
            let number: u64 = number.parse().map_err(|_| wrong())?;
            nanos = nanos.saturating_add(i128::from(number) * size);
            rest = tail;
        }
        if text.is_empty() { Err(wrong()) } else { Ok(Period(nanos)) }
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Period, String> {
        text.parse()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, size) in UNITS {
            if rest >= size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl serde::Serialize for Period {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^([0-9]+(ns|us|ms|s|m|h|d|w))+$", "examples": ["24h", "500ms"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_and_written() {
        let cases = [
            ("0s", Some("0s")),
            ("24h", Some("1d")),
            ("90m", Some("1h30m")),
            ("1h30m", Some("1h30m")),
            ("1500ms", Some("1s500ms")),
            ("7d", Some("1w")),
            ("250us", Some("250us")),
            ("", None),
            ("5", None),
            ("h", None),
            ("-1h", None),
            ("1 h", None),
            ("1y", None),
            ("99999999999999999999s", None),
        ];
        for (text, expected) in cases {
            let read = text.parse::<Period>().ok().map(|period| period.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }
}
