//! `2024-01-31T10:20:30.123456+02:00` and its shorter forms.

use chrono::{Datelike, FixedOffset, NaiveDate, NaiveTime, Timelike};

use super::{SECOND, instant, local};

/// How a calendar text is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Calendar {
    /// None: a date alone.
    time: Option<Time>,
    zone: Zone,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Time {
    separator: char,
    has_seconds: bool,
    /// The mark and the number of digits of a fraction.
    fraction: Option<(char, u32)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Zone {
    /// No zone in the text: this offset is meant.
    Unwritten(i32),
    /// `Z` and the like: no offset.
    Utc(&'static str),
    /// `+02:00` (with a colon), `+0200` or `+02`, by the length of the text.
    Offset { seconds: i32, length: usize },
}

impl Calendar {
    pub(super) const UTC_MILLIS: Calendar = Calendar {
        time: Some(Time { separator: 'T', has_seconds: true, fraction: Some(('.', 3)) }),
        zone: Zone::Utc("Z"),
    };

    pub(super) fn step(&self) -> i128 {
        match &self.time {
            None => 86_400 * SECOND,
            Some(Time { has_seconds: false, .. }) => 60 * SECOND,
            Some(Time { fraction: None, .. }) => SECOND,
            Some(Time { fraction: Some((_, digits)), .. }) => 10_i128.pow(9 - digits.min(&9)),
        }
    }

    /// The text of an instant, and the instant that it says.
    pub(super) fn write(&self, nanos: i128) -> (i128, String) {
        let offset = self.zone.offset();
        let shift = i128::from(offset) * SECOND;
        let nanos = (nanos + shift).div_euclid(self.step()) * self.step() - shift;
        let at = local(nanos, offset);
        let mut text = format!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day());
        if let Some(time) = &self.time {
            text += &format!("{}{:02}:{:02}", time.separator, at.hour(), at.minute());
            if time.has_seconds {
                text += &format!(":{:02}", at.second());
            }
            if let Some((mark, digits)) = time.fraction {
                let all = format!("{:09}", at.nanosecond());
                let length = digits as usize;
                text.push(mark);
                text += &format!("{:0<length$}", &all[..length.min(9)]);
            }
        }
        text += &self.zone.text();
        (instant(at, offset), text)
    }
}

impl Zone {
    fn offset(&self) -> i32 {
        match self {
            Zone::Utc(_) => 0,
            Zone::Unwritten(seconds) | Zone::Offset { seconds, .. } => *seconds,
        }
    }

    fn text(&self) -> String {
        match self {
            Zone::Unwritten(_) => String::new(),
            Zone::Utc(text) => (*text).into(),
            Zone::Offset { seconds, length } => {
                let sign = if *seconds < 0 { '-' } else { '+' };
                let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
                match length {
                    3 => format!("{sign}{hours:02}"),
                    5 => format!("{sign}{hours:02}{minutes:02}"),
                    _ => format!("{sign}{hours:02}:{minutes:02}"),
                }
            }
        }
    }
}

pub(super) fn read(text: &str, default_zone: FixedOffset) -> Option<(i128, Calendar)> {
    let unwritten = Zone::Unwritten(default_zone.local_minus_utc());
    let (date, rest) = read_date(text.as_bytes())?;
    if rest.is_empty() {
        let nanos = instant(date.and_time(NaiveTime::MIN), unwritten.offset());
        return Some((nanos, Calendar { time: None, zone: unwritten }));
    }
    let separator = char::from(*rest.first()?);
    if !matches!(separator, 'T' | 't' | ' ') {
        return None;
    }
    let (at, time, rest) = read_time(&rest[1..], separator)?;
    let zone = match rest {
        b"" => unwritten,
        b"Z" => Zone::Utc("Z"),
        b"z" => Zone::Utc("z"),
        b" UTC" => Zone::Utc(" UTC"),
        text => Zone::Offset { seconds: offset(text)?, length: text.len() },
    };
    Some((instant(date.and_time(at), zone.offset()), Calendar { time: Some(time), zone }))
}

fn read_date(text: &[u8]) -> Option<(NaiveDate, &[u8])> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, rest @ ..] = text else { return None };
    let year = i32::try_from(number(&[*y1, *y2, *y3, *y4])?).ok()?;
    Some((NaiveDate::from_ymd_opt(year, number(&[*m1, *m2])?, number(&[*d1, *d2])?)?, rest))
}

fn read_time(text: &[u8], separator: char) -> Option<(NaiveTime, Time, &[u8])> {
    let [h1, h2, b':', m1, m2, rest @ ..] = text else { return None };
    let (hour, minute) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
    let (second, rest) = match rest {
        [b':', s1, s2, rest @ ..] => (Some(number(&[*s1, *s2])?), rest),
        rest => (None, rest),
    };
    let (nanos, fraction, rest) = read_fraction(rest)?;
    // A leap second has no instant of its own on the scale of Unix time; it is the second that follows.
    let leap = if second == Some(60) { 1_000_000_000 } else { 0 };
    let at = NaiveTime::from_hms_nano_opt(hour, minute, second.unwrap_or(0).min(59), nanos + leap)?;
    Some((at, Time { separator, has_seconds: second.is_some(), fraction }, rest))
}

type Fraction = Option<(char, u32)>;

/// `.123456` as nanoseconds; digits beyond the ninth are cut.
fn read_fraction(text: &[u8]) -> Option<(u32, Fraction, &[u8])> {
    let [mark @ (b'.' | b','), text @ ..] = text else { return Some((0, None, text)) };
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(length);
    let nanos = (0..9).fold(0, |nanos, at| nanos * 10 + digits.get(at).map_or(0, |digit| u32::from(digit - b'0')));
    let count = u32::try_from(length).ok().filter(|count| *count > 0)?;
    Some((nanos, Some((char::from(*mark), count)), rest))
}

/// `+02:00`, `+0200` or `+02`, as seconds east of UTC.
pub(super) fn offset(text: &[u8]) -> Option<i32> {
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
