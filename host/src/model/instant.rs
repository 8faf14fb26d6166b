//! Points in time, as sources write them.
//!
//! Nothing is compared as text: two texts of one instant are equal, whatever their zone and precision.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat};

const NANOS: i128 = 1_000_000_000;

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z. The range reaches far beyond any calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i128);

/// How texts are read as instants. See the orders of `wit/records.wit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstantFormat {
    form: Form,
    /// Seconds east of UTC, for values that have no zone of their own.
    offset: i32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Auto,
    /// Numbers since 1970, with this many nanoseconds a unit.
    Epoch(i128),
    Pattern(String),
}

impl Default for InstantFormat {
    fn default() -> Self {
        InstantFormat { form: Form::Auto, offset: 0 }
    }
}

impl InstantFormat {
    /// What follows `instant` in an order: nothing, `:s`, `:%Y-%m-%d`, `@+02:00` …
    pub(super) fn parse_suffix(text: &str) -> Option<InstantFormat> {
        let (form, offset) = match text.rsplit_once('@') {
            Some((form, offset)) => (form, parse_offset(offset.as_bytes())?),
            None => (text, 0),
        };
        let form = match form.strip_prefix(':') {
            None if form.is_empty() => Form::Auto,
            None => return None,
            Some("s") => Form::Epoch(NANOS),
            Some("ms") => Form::Epoch(1_000_000),
            Some("us") => Form::Epoch(1_000),
            Some("ns") => Form::Epoch(1),
            Some(pattern) if is_pattern(pattern) => Form::Pattern(pattern.to_owned()),
            Some(_) => return None,
        };
        Some(InstantFormat { form, offset })
    }
}

fn is_pattern(text: &str) -> bool {
    use chrono::format::{Item, StrftimeItems};
    text.contains('%') && !StrftimeItems::new(text).any(|item| item == Item::Error)
}

impl Instant {
    /// From seconds and nanoseconds since 1970.
    pub fn from_parts(seconds: i64, nanos: u32) -> Instant {
        Instant(i128::from(seconds) * NANOS + i128::from(nanos))
    }

    /// Nanoseconds since 1970.
    pub fn nanos(self) -> i128 {
        self.0
    }

    /// Reads a text; none where it is no instant of this format.
    pub fn parse(text: &str, format: &InstantFormat) -> Option<Instant> {
        match &format.form {
            Form::Auto => {
                let calendar = || parse_calendar(text.as_bytes(), format.offset);
                calendar().or_else(|| parse_epoch(text, None))
            }
            Form::Epoch(unit) => parse_epoch(text, Some(*unit)),
            Form::Pattern(pattern) => parse_pattern(text, pattern, format.offset),
        }
    }

    /// As RFC 3339 in UTC, with as many digits of a fraction as it needs. None beyond the years 0000 to 9999, which are all
    /// that it has.
    pub fn to_rfc3339(self) -> Option<String> {
        let seconds = i64::try_from(self.0.div_euclid(NANOS)).ok()?;
        let nanos = u32::try_from(self.0.rem_euclid(NANOS)).ok()?;
        let at = DateTime::from_timestamp(seconds, nanos).filter(|at| (0..=9999).contains(&at.year()))?;
        Some(at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }

    fn at_offset(local: NaiveDateTime, offset: i32) -> Instant {
        let utc = local.and_utc();
        Instant::from_parts(utc.timestamp() - i64::from(offset), utc.timestamp_subsec_nanos())
    }
}

/// `2024-01-31T10:20:30.123456+02:00` and its shorter forms.
fn parse_calendar(text: &[u8], default_offset: i32) -> Option<Instant> {
    let (date, rest) = parse_date(text)?;
    if rest.is_empty() {
        return Some(Instant::at_offset(date.and_time(NaiveTime::MIN), default_offset));
    }
    let rest = rest.strip_prefix(b"T").or(rest.strip_prefix(b"t")).or(rest.strip_prefix(b" "))?;
    let (time, rest) = parse_time(rest)?;
    let offset = match rest {
        b"" => default_offset,
        b"Z" | b"z" | b" UTC" => 0,
        zone => parse_offset(zone)?,
    };
    Some(Instant::at_offset(date.and_time(time), offset))
}

fn parse_date(text: &[u8]) -> Option<(NaiveDate, &[u8])> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, rest @ ..] = text else { return None };
    let year = number(&[*y1, *y2, *y3, *y4])?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, number(&[*m1, *m2])?, number(&[*d1, *d2])?)?;
    Some((date, rest))
}

fn parse_time(text: &[u8]) -> Option<(NaiveTime, &[u8])> {
    let [h1, h2, b':', m1, m2, rest @ ..] = text else { return None };
    let (hour, minute) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
    let (second, rest) = match rest {
        [b':', s1, s2, rest @ ..] => (number(&[*s1, *s2])?, rest),
        rest => (0, rest),
    };
    let (nanos, rest) = parse_fraction(rest)?;
    // A leap second has no instant of its own on the scale of Unix time; it is the second that follows.
    let leap = if second == 60 { 1_000_000_000 } else { 0 };
    let time = NaiveTime::from_hms_nano_opt(hour, minute, second.min(59), nanos + leap)?;
    Some((time, rest))
}

/// `.123456` as nanoseconds; digits beyond the ninth are cut.
fn parse_fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let Some(text) = text.strip_prefix(b".").or(text.strip_prefix(b",")) else { return Some((0, text)) };
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(length);
    let nanos = (0..9).fold(0, |nanos, at| nanos * 10 + u32::from(digits.get(at).map_or(0, |digit| digit - b'0')));
    (length > 0).then_some((nanos, rest))
}

/// `+02:00`, `+0200` or `+02`, as seconds east of UTC.
fn parse_offset(text: &[u8]) -> Option<i32> {
    let (sign, digits) = match text {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match digits {
        [h1, h2] => (number(&[*h1, *h2])?, 0),
        [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => (number(&[*h1, *h2])?, number(&[*m1, *m2])?),
        _ => return None,
    };
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    (hours < 24 && minutes < 60).then_some(sign * seconds)
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0')))
}

/// A number since 1970, with a fraction perhaps. Without a unit, its size tells it (`wit/records.wit`).
fn parse_epoch(text: &str, unit: Option<i128>) -> Option<Instant> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let whole: i128 = whole.parse::<i64>().ok()?.into();
    let unit = unit.unwrap_or(match whole {
        0..100_000_000_000 => NANOS,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    });
    let (billionths, _) = parse_fraction(format!(".{fraction}").as_bytes()).map(|(nanos, _)| (nanos, ()))?;
    let magnitude = whole * unit + i128::from(billionths) * unit / NANOS;
    Some(Instant(if negative { -magnitude } else { magnitude }))
}

fn parse_pattern(text: &str, pattern: &str, offset: i32) -> Option<Instant> {
    let zoned = || DateTime::parse_from_str(text, pattern).ok().map(|at| Instant::at_offset(at.naive_utc(), 0));
    let naive = || NaiveDateTime::parse_from_str(text, pattern).ok().map(|at| Instant::at_offset(at, offset));
    let date = || {
        let date = NaiveDate::parse_from_str(text, pattern).ok()?;
        Some(Instant::at_offset(date.and_time(NaiveTime::MIN), offset))
    };
    zoned().or_else(naive).or_else(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(order: &str, text: &str, expected: Option<&str>) {
        let format = InstantFormat::parse_suffix(order.strip_prefix("instant").expect("an instant")).expect("a format");
        let read = Instant::parse(text, &format).map(|instant| instant.to_rfc3339().expect("in the calendar"));
        assert_eq!(read.as_deref(), expected, "{text} as {order}");
    }

    #[test]
    fn calendars_are_read() {
        let cases = [
            ("2024-02-29T10:20:30Z", Some("2024-02-29T10:20:30Z")),
            ("2024-02-29 10:20:30.5", Some("2024-02-29T10:20:30.500Z")),
            ("2024-02-29T10:20:30.123456789123Z", Some("2024-02-29T10:20:30.123456789Z")),
            ("2024-02-29T00:20+02:00", Some("2024-02-28T22:20:00Z")),
            ("2024-02-29T10:20:30-0530", Some("2024-02-29T15:50:30Z")),
            ("2024-02-29", Some("2024-02-29T00:00:00Z")),
            ("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00Z")),
            ("2016-12-31T23:59:60Z", Some("2017-01-01T00:00:00Z")),
            ("2023-02-29T10:20:30Z", None),
            ("2024-02-29T24:00:00Z", None),
            ("2024-02-29T10:20:30.Z", None),
            ("2024-02-29T10:20:30+25:00", None),
            ("yesterday", None),
            ("", None),
        ];
        for (text, expected) in cases {
            check("instant", text, expected);
        }
    }

    #[test]
    fn years_of_more_or_fewer_than_four_digits_are_not_written() {
        let written = |seconds| Instant::from_parts(seconds, 0).to_rfc3339();
        assert_eq!(written(-62_167_219_200).as_deref(), Some("0000-01-01T00:00:00Z"));
        assert_eq!(written(-62_167_219_201), None);
        assert_eq!(written(253_402_300_799).as_deref(), Some("9999-12-31T23:59:59Z"));
        assert_eq!(written(253_402_300_800), None);
    }

    #[test]
    fn numbers_are_read_by_their_size_or_by_their_unit() {
        let cases = [
            ("instant", "1700000000", Some("2023-11-14T22:13:20Z")),
            ("instant", "1700000000123", Some("2023-11-14T22:13:20.123Z")),
            ("instant", "1700000000123456", Some("2023-11-14T22:13:20.123456Z")),
            ("instant", "1700000000123456789", Some("2023-11-14T22:13:20.123456789Z")),
            ("instant", "1700000000.25", Some("2023-11-14T22:13:20.250Z")),
            ("instant", "-1", Some("1969-12-31T23:59:59Z")),
            ("instant:ms", "5", Some("1970-01-01T00:00:00.005Z")),
            ("instant:s", "5", Some("1970-01-01T00:00:05Z")),
            ("instant:s", "2024-01-01", None),
            ("instant", "1e9", None),
        ];
        for (order, text, expected) in cases {
            check(order, text, expected);
        }
    }

    #[test]
    fn patterns_and_default_zones_are_read() {
        let cases = [
            ("instant:%d.%m.%Y %H:%M", "29.02.2024 10:20", Some("2024-02-29T10:20:00Z")),
            ("instant:%d.%m.%Y", "29.02.2024", Some("2024-02-29T00:00:00Z")),
            ("instant:%Y-%m-%d %H:%M:%S %z", "2024-02-29 10:20:30 +0200", Some("2024-02-29T08:20:30Z")),
            ("instant:%d.%m.%Y %H:%M@+02:00", "29.02.2024 10:20", Some("2024-02-29T08:20:00Z")),
            ("instant@-01:00", "2024-02-29T10:20:30", Some("2024-02-29T11:20:30Z")),
            ("instant@-01:00", "2024-02-29T10:20:30Z", Some("2024-02-29T10:20:30Z")),
        ];
        for (order, text, expected) in cases {
            check(order, text, expected);
        }
    }
}
