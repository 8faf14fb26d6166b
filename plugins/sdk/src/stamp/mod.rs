//! Timestamps: instants for comparing, the source's own text for sending back.
//!
//! A computed instant is written as the source writes its own: same precision, same zone, same unit. The reading
//! matches the orders of `wit/records.wit`, so that host and strategy agree about every value.

mod calendar;
mod epoch;
#[cfg(test)]
mod tests;

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};

use crate::Period;
use calendar::Calendar;
use epoch::Epoch;

pub(crate) const SECOND: i128 = 1_000_000_000;

/// The first and the last instant that a text of four-digit years can say.
const FIRST: i128 = -62_135_596_800 * SECOND;
const LAST: i128 = 253_402_300_800 * SECOND - 1;

/// How the values of a cursor field are read and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    form: Form,
    zone: FixedOffset,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Auto,
    Epoch(i128),
    Pattern(String),
}

/// How one text was written, so that another instant can be written alike.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Style {
    Calendar(Calendar),
    Epoch(Epoch),
    Pattern { pattern: String, zone: FixedOffset, step: i128 },
}

/// A point in time, with the text that says it.
#[derive(Clone, Debug)]
pub struct Stamp {
    nanos: i128,
    text: String,
    style: Style,
}

impl Format {
    /// A format and a default zone as users name them (`cursor_format`, `cursor_zone`).
    pub fn parse(format: &str, zone: &str) -> Result<Format, String> {
        let form = match format {
            "auto" | "rfc3339" => Form::Auto,
            "epoch_seconds" => Form::Epoch(SECOND),
            "epoch_milliseconds" => Form::Epoch(1_000_000),
            "epoch_microseconds" => Form::Epoch(1_000),
            "epoch_nanoseconds" => Form::Epoch(1),
            pattern if is_pattern(pattern) => Form::Pattern(pattern.into()),
            other => return Err(format!("cursor_format: `{other}` is no format, nor a pattern as strftime has it")),
        };
        let zone = calendar::offset(zone.as_bytes()).and_then(FixedOffset::east_opt);
        let zone = zone.ok_or("cursor_zone: write an offset from UTC such as `+02:00`")?;
        Ok(Format { form, zone })
    }

    /// As an order of `wit/records.wit`.
    pub fn order(&self) -> String {
        let form = match &self.form {
            Form::Auto => "instant".into(),
            Form::Epoch(SECOND) => "instant:s".into(),
            Form::Epoch(1_000_000) => "instant:ms".into(),
            Form::Epoch(1_000) => "instant:us".into(),
            Form::Epoch(_) => "instant:ns".into(),
            Form::Pattern(pattern) => format!("instant:{pattern}"),
        };
        match self.zone.local_minus_utc() {
            0 => form,
            _ => format!("{form}@{}", self.zone),
        }
    }

    /// Reads a value of the source.
    pub fn read(&self, text: &str) -> Option<Stamp> {
        let (nanos, style) = match &self.form {
            Form::Auto => calendar::read(text, self.zone)
                .map(|(nanos, style)| (nanos, Style::Calendar(style)))
                .or_else(|| epoch::read(text, None).map(|(nanos, style)| (nanos, Style::Epoch(style))))?,
            Form::Epoch(unit) => epoch::read(text, Some(*unit)).map(|(nanos, style)| (nanos, Style::Epoch(style)))?,
            Form::Pattern(pattern) => {
                let style = Style::Pattern { pattern: pattern.clone(), zone: self.zone, step: pattern_step(pattern) };
                (read_pattern(text, pattern, self.zone)?, style)
            }
        };
        Some(Stamp { nanos, text: text.into(), style })
    }

    /// An instant that no source wrote, as this format has it: for bounds and first values.
    pub fn at_millis(&self, millis: i64) -> Stamp {
        let style = match &self.form {
            Form::Auto => Style::Calendar(Calendar::UTC_MILLIS),
            Form::Epoch(unit) => Style::Epoch(Epoch::whole(*unit)),
            Form::Pattern(pattern) => {
                Style::Pattern { pattern: pattern.clone(), zone: self.zone, step: pattern_step(pattern) }
            }
        };
        style.write(i128::from(millis) * 1_000_000)
    }
}

impl Stamp {
    /// The text: the source's own, where the source wrote this instant.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub fn nanos(&self) -> i128 {
        self.nanos
    }

    /// The smallest step that texts of this form can say.
    pub fn precision(&self) -> Period {
        Period::from_nanos(match &self.style {
            Style::Calendar(calendar) => calendar.step(),
            Style::Epoch(epoch) => epoch.step(),
            Style::Pattern { step, .. } => *step,
        })
    }

    /// The instant this much earlier, written alike; rounded down, and never before the form's beginning.
    #[must_use]
    pub fn earlier(&self, by: Period) -> Stamp {
        if by == Period::ZERO { self.clone() } else { self.style.write(self.nanos.saturating_sub(by.nanos())) }
    }

    /// The instant this much later, written alike; rounded down, and never past the form's end.
    #[must_use]
    pub fn later(&self, by: Period) -> Stamp {
        if by == Period::ZERO { self.clone() } else { self.style.write(self.nanos.saturating_add(by.nanos())) }
    }
}

impl PartialEq for Stamp {
    fn eq(&self, other: &Stamp) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Stamp {}

impl PartialOrd for Stamp {
    fn partial_cmp(&self, other: &Stamp) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Stamp {
    fn cmp(&self, other: &Stamp) -> std::cmp::Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl Style {
    fn write(&self, nanos: i128) -> Stamp {
        let (nanos, text) = match self {
            Style::Calendar(calendar) => calendar.write(nanos),
            Style::Epoch(epoch) => epoch.write(nanos),
            Style::Pattern { pattern, zone, step } => write_pattern(nanos, pattern, *zone, *step),
        };
        Stamp { nanos, text, style: self.clone() }
    }
}

/// The date and time on a clock at this offset; within four-digit years, whatever the instant.
fn local(nanos: i128, offset_seconds: i32) -> NaiveDateTime {
    let local = (nanos + i128::from(offset_seconds) * SECOND).clamp(FIRST, LAST);
    let seconds = i64::try_from(local.div_euclid(SECOND)).unwrap_or_default();
    let nanos = u32::try_from(local.rem_euclid(SECOND)).unwrap_or_default();
    DateTime::from_timestamp(seconds, nanos).unwrap_or_default().naive_utc()
}

/// The instant of a date and time on a clock at this offset.
fn instant(local: NaiveDateTime, offset_seconds: i32) -> i128 {
    let utc = local.and_utc();
    let seconds = utc.timestamp() - i64::from(offset_seconds);
    i128::from(seconds) * SECOND + i128::from(utc.timestamp_subsec_nanos())
}

fn is_pattern(text: &str) -> bool {
    text.contains('%') && !StrftimeItems::new(text).any(|item| item == Item::Error)
}

fn read_pattern(text: &str, pattern: &str, zone: FixedOffset) -> Option<i128> {
    let offset = zone.local_minus_utc();
    let zoned = || DateTime::parse_from_str(text, pattern).ok().map(|at| instant(at.naive_utc(), 0));
    let naive = || NaiveDateTime::parse_from_str(text, pattern).ok().map(|at| instant(at, offset));
    let date = || NaiveDate::parse_from_str(text, pattern).ok().map(|at| instant(at.and_time(NaiveTime::MIN), offset));
    zoned().or_else(naive).or_else(date)
}

fn write_pattern(nanos: i128, pattern: &str, zone: FixedOffset, step: i128) -> (i128, String) {
    let offset = zone.local_minus_utc();
    let shift = i128::from(offset) * SECOND;
    let nanos = (nanos + shift).div_euclid(step) * step - shift;
    let at = local(nanos, offset);
    let text = at.and_local_timezone(zone).single().map(|at| at.format(pattern).to_string());
    (instant(at, offset), text.unwrap_or_default())
}

/// The smallest step that a pattern can say.
fn pattern_step(pattern: &str) -> i128 {
    use chrono::format::{Fixed, Numeric};
    StrftimeItems::new(pattern)
        .map(|item| match item {
            Item::Numeric(Numeric::Timestamp | Numeric::Second, _) => SECOND,
            Item::Numeric(Numeric::Minute, _) => 60 * SECOND,
            Item::Numeric(Numeric::Hour | Numeric::Hour12, _) => 3_600 * SECOND,
            Item::Fixed(Fixed::Nanosecond3) => 1_000_000,
            Item::Fixed(Fixed::Nanosecond6) => 1_000,
            Item::Numeric(Numeric::Nanosecond, _) | Item::Fixed(Fixed::RFC3339 | Fixed::RFC2822) => 1,
            Item::Fixed(Fixed::Nanosecond | Fixed::Nanosecond9) => 1,
            Item::Fixed(Fixed::Internal(_)) => 1_000_000,
            _ => 86_400 * SECOND,
        })
        .min()
        .unwrap_or(SECOND)
}
