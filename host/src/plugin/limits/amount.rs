//! Amounts of bytes, of time and of things: read from text, and shown as text that reads the same.

use std::time::Duration;

use crate::config::parse_duration;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Time, in milliseconds.
    Time,
    /// Anything that is counted.
    Count,
}

/// From the largest.
const SIZES: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
const SPANS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Unit {
    /// Reads an amount.
    pub fn read(self, text: &str) -> Option<u64> {
        match self {
            Unit::Bytes => {
                let sized = SIZES.iter().find_map(|(name, size)| Some((text.strip_suffix(name)?, *size)));
                let (number, size) = sized.unwrap_or((text.strip_suffix("B").unwrap_or(text), 1));
                whole(number.trim_end())?.checked_mul(size)
            }
            Unit::Time => u64::try_from(parse_duration(text)?.as_millis()).ok(),
            Unit::Count => whole(text),
        }
    }

    /// Shows an amount in the largest unit in which it is whole.
    pub fn show(self, amount: u64) -> String {
        let units: &[(&str, u64)] = match self {
            Unit::Bytes => &SIZES,
            Unit::Time => &SPANS,
            Unit::Count => &[],
        };
        let space = if self == Unit::Bytes { " " } else { "" };
        match units.iter().find(|(_, size)| amount.is_multiple_of(*size) && amount > 0) {
            Some((name, size)) => format!("{}{space}{name}", amount / size),
            None => amount.to_string(),
        }
    }

    /// In a word, for programs: what the number counts.
    pub fn as_str(self) -> &'static str {
        match self {
            Unit::Bytes => "bytes",
            Unit::Time => "milliseconds",
            Unit::Count => "count",
        }
    }

    /// How such an amount is written, for those who wrote another.
    pub(super) fn example(self) -> &'static str {
        match self {
            Unit::Bytes => "bytes such as `64MiB`",
            Unit::Time => "a duration such as `20s`",
            Unit::Count => "a whole number such as `1000`",
        }
    }
}

fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A type of amounts.
pub(super) trait Amount: Sized {
    fn amount(self) -> u64;
    fn of(amount: u64) -> Option<Self>;
}

impl Amount for usize {
    fn amount(self) -> u64 {
        self as u64
    }

    fn of(amount: u64) -> Option<usize> {
        amount.try_into().ok()
    }
}

impl Amount for u32 {
    fn amount(self) -> u64 {
        self.into()
    }

    fn of(amount: u64) -> Option<u32> {
        amount.try_into().ok()
    }
}

impl Amount for u64 {
    fn amount(self) -> u64 {
        self
    }

    fn of(amount: u64) -> Option<u64> {
        Some(amount)
    }
}

impl Amount for Duration {
    fn amount(self) -> u64 {
        u64::try_from(self.as_millis()).unwrap_or(u64::MAX)
    }

    fn of(amount: u64) -> Option<Duration> {
        Some(Duration::from_millis(amount))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read() {
        let cases = [
            (Unit::Bytes, "64MiB", Some(64 << 20)),
            (Unit::Bytes, "64 MiB", Some(64 << 20)),
            (Unit::Bytes, "2GiB", Some(2 << 30)),
            (Unit::Bytes, "1KiB", Some(1 << 10)),
            (Unit::Bytes, "17", Some(17)),
            (Unit::Bytes, "17B", Some(17)),
            (Unit::Bytes, "MiB", None),
            (Unit::Bytes, "1MB", None),
            (Unit::Bytes, "1.5MiB", None),
            (Unit::Bytes, "99999999999GiB", None),
            (Unit::Time, "20s", Some(20_000)),
            (Unit::Time, "2h", Some(7_200_000)),
            (Unit::Time, "20", None),
            (Unit::Count, "1000", Some(1_000)),
            (Unit::Count, "+1", None),
            (Unit::Count, "", None),
        ];
        for (unit, text, expected) in cases {
            assert_eq!(unit.read(text), expected, "{text}");
        }
    }

    #[test]
    fn amounts_are_shown() {
        let cases = [
            (Unit::Bytes, 64 << 20, "64 MiB"),
            (Unit::Bytes, 1_000, "1000"),
            (Unit::Bytes, 0, "0"),
            (Unit::Time, 90_000, "90s"),
            (Unit::Time, 86_400_000, "24h"),
            (Unit::Time, 50, "50ms"),
            (Unit::Count, 1_024, "1024"),
        ];
        for (unit, amount, expected) in cases {
            assert_eq!(unit.show(amount), expected);
        }
    }
}
