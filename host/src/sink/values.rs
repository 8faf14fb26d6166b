//! How values of records become values of columns.
//!
//! Pure: it knows no destination. A value either fits its column without losing anything that the column's type
//! promises to keep, or it is refused with a reason.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono::{NaiveDate, NaiveTime};

use super::decimal::Digits;
use crate::model::{Instant, InstantFormat, Kind, Value};

/// A value in the storage classes that databases share.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stored<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(Cow<'a, str>),
    Bytes(Vec<u8>),
}

/// Why a value does not fit.
pub(super) type Misfit = &'static str;

/// The value as a column of this type stores it; of no type, as the column of an undeclared field does.
pub(super) fn convert(kind: Option<Kind>, value: Value<'_>) -> Result<Stored<'_>, Misfit> {
    if value == Value::Null {
        return Ok(Stored::Null);
    }
    let Some(kind) = kind else { return Ok(undeclared(value)) };
    match kind {
        Kind::Boolean => boolean(&value).map(|value| Stored::Integer(value.into())),
        Kind::Short => whole(value, i16::MIN.into(), i16::MAX.into(), "it is no whole number of 16 bits"),
        Kind::Int => whole(value, i32::MIN.into(), i32::MAX.into(), "it is no whole number of 32 bits"),
        Kind::Long => whole(value, i64::MIN, i64::MAX, "it is no whole number of 64 bits"),
        Kind::Decimal(size) => decimal(value, size),
        Kind::Float => floating(value, |number| (number as f32).is_finite()),
        Kind::Double => floating(value, f64::is_finite),
        Kind::NaiveDate => text_of(value, |text| date(text.as_bytes()), "it is no date (YYYY-MM-DD)"),
        Kind::NaiveTime => text_of(value, |text| time(text.as_bytes()), "it is no time of day (hh:mm:ss)"),
        Kind::NaiveDatetime => text_of(
            value,
            |text| datetime(text.as_bytes()),
            "it is no date and time without zone (YYYY-MM-DDThh:mm:ss)",
        ),
        Kind::UtcDatetime => instant(value),
        Kind::Binary => bytes(&value),
        Kind::Xml => text_of(value, |_| true, "it is no string"),
        Kind::String => Ok(value.text().map_or(Stored::Null, Stored::Text)),
        Kind::Json => json(value),
    }
}

/// Numbers that their storage class would round keep their text; lists and objects are JSON text.
fn undeclared(value: Value<'_>) -> Stored<'_> {
    match value {
        Value::Null => Stored::Null,
        Value::Bool(value) => Stored::Integer(value.into()),
        Value::Number(text) => number(text),
        Value::String(text) => Stored::Text(text),
        Value::Array(text) | Value::Object(text) => Stored::Text(text.into()),
    }
}

fn number(text: &str) -> Stored<'_> {
    if let Ok(whole) = text.parse() {
        return Stored::Integer(whole);
    }
    let is_whole = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    let exact = !is_whole && Digits::read(text).is_some_and(|digits| digits.fits_f64());
    match text.parse() {
        Ok(real) if exact => Stored::Real(real),
        _ => Stored::Text(text.into()),
    }
}

fn boolean(value: &Value<'_>) -> Result<bool, Misfit> {
    match value {
        Value::Bool(value) => Ok(*value),
        Value::Number("1") => Ok(true),
        Value::Number("0") => Ok(false),
        Value::String(text) if matches!(&**text, "true" | "1") => Ok(true),
        Value::String(text) if matches!(&**text, "false" | "0") => Ok(false),
        _ => Err("it is none of true, false, 1 and 0"),
    }
}

/// The text of a number, also of one that stands in a string.
fn numeric(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Number(text) => Some(text.into()),
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn whole(value: Value<'_>, least: i64, greatest: i64, misfit: Misfit) -> Result<Stored<'_>, Misfit> {
    let text = numeric(value).ok_or(misfit)?;
    let number = Digits::read(&text).and_then(Digits::to_i64).ok_or(misfit)?;
    if (least..=greatest).contains(&number) { Ok(Stored::Integer(number)) } else { Err(misfit) }
}

fn decimal(value: Value<'_>, size: Option<(u8, u8)>) -> Result<Stored<'_>, Misfit> {
    let misfit = "it is no decimal number";
    let text = numeric(value).ok_or(misfit)?;
    let digits = Digits::read(&text).ok_or(misfit)?;
    if let Some((precision, scale)) = size {
        if digits.after_point() > scale.into() {
            return Err("it has too many digits after the point");
        }
        if digits.before_point() > i64::from(precision - scale) {
            return Err("it has too many digits before the point");
        }
    }
    Ok(Stored::Text(text))
}

fn floating(value: Value<'_>, fits: fn(f64) -> bool) -> Result<Stored<'_>, Misfit> {
    let misfit = "it is no number";
    let text = numeric(value).ok_or(misfit)?;
    Digits::read(&text).ok_or(misfit)?;
    let number: f64 = text.parse().map_err(|_| misfit)?;
    if fits(number) { Ok(Stored::Real(number)) } else { Err("it is beyond the range of the type") }
}

fn text_of(value: Value<'_>, fits: impl Fn(&str) -> bool, misfit: Misfit) -> Result<Stored<'_>, Misfit> {
    match value {
        Value::String(text) if fits(&text) => Ok(Stored::Text(text)),
        _ => Err(misfit),
    }
}

fn date(text: &[u8]) -> bool {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return false };
    let day = || {
        let year = digits(&[*y1, *y2, *y3, *y4])?;
        NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, digits(&[*m1, *m2])?, digits(&[*d1, *d2])?)
    };
    day().is_some()
}

fn time(text: &[u8]) -> bool {
    let (clock, fraction) = match text {
        [h1, h2, b':', m1, m2] => ([*h1, *h2, *m1, *m2, b'0', b'0'], &[][..]),
        [h1, h2, b':', m1, m2, b':', s1, s2, fraction @ ..] => ([*h1, *h2, *m1, *m2, *s1, *s2], fraction),
        _ => return false,
    };
    let is_fraction = match fraction {
        [] => true,
        [b'.' | b',', digits @ ..] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let moment = || {
        // A leap second is a time of day, too.
        let second = digits(&clock[4..])?;
        NaiveTime::from_hms_opt(digits(&clock[..2])?, digits(&clock[2..4])?, if second == 60 { 59 } else { second })
    };
    is_fraction && moment().is_some()
}

fn datetime(text: &[u8]) -> bool {
    text.len() > 11 && matches!(text[10], b'T' | b't' | b' ') && date(&text[..10]) && time(&text[11..])
}

fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0')))
}

/// What is RFC 3339 already stays as the source sent it; everything else is written so, in UTC.
fn instant(value: Value<'_>) -> Result<Stored<'_>, Misfit> {
    match value {
        Value::String(text) if is_usual(text.as_bytes()) => Ok(Stored::Text(text)),
        value => any_instant(value),
    }
}

fn any_instant(value: Value<'_>) -> Result<Stored<'_>, Misfit> {
    let misfit = "it is no point in time";
    let text = numeric(value).ok_or(misfit)?;
    let instant = Instant::parse(&text, &InstantFormat::default()).ok_or(misfit)?;
    if is_rfc3339(text.as_bytes()) {
        return Ok(Stored::Text(text));
    }
    let text = instant.to_rfc3339().ok_or("it is beyond the years of the calendar")?;
    Ok(Stored::Text(text.into()))
}

/// Whether a text is plainly an instant in the form of most sources, `2024-01-31T10:20:30Z`: most need no closer look, which
/// takes a tenth of the time of a row.
fn is_usual(text: &[u8]) -> bool {
    let Some([year @ .., b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2]) = whole_seconds(text)
    else {
        return false;
    };
    let is_within = |tens: &u8, ones: &u8, range: RangeInclusive<u32>| {
        digits(&[*tens, *ones]).is_some_and(|number| range.contains(&number))
    };
    let is_date = year.len() == 4 && digits(year).is_some() && is_within(m1, m2, 1..=12) && is_within(d1, d2, 1..=28);
    is_date && is_within(h1, h2, 0..=23) && is_within(n1, n2, 0..=59) && is_within(s1, s2, 0..=59)
}

/// A text in UTC without its `Z` and the fraction of its second.
fn whole_seconds(text: &[u8]) -> Option<&[u8]> {
    let [local @ .., b'Z'] = text else { return None };
    let Some(point) = local.iter().rposition(|byte| *byte == b'.') else { return Some(local) };
    let fraction = &local[point + 1..];
    (!fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit)).then(|| &local[..point])
}

/// Whether a text that is known to be an instant has the form of RFC 3339 section 5.6.
fn is_rfc3339(text: &[u8]) -> bool {
    let [_, _, _, _, b'-', .., _] = text else { return false };
    let local = match text {
        [local @ .., b'Z' | b'z'] => local,
        [local @ .., b'+' | b'-', _, _, b':', _, _] => local,
        _ => return false,
    };
    matches!(local.get(10), Some(b'T' | b't')) && local.get(16) == Some(&b':') && !local.contains(&b',')
}

const PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PADDING);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, PADDING);

fn bytes(value: &Value<'_>) -> Result<Stored<'static>, Misfit> {
    let Value::String(text) = value else { return Err("it is no base64 text") };
    let decoded = BASE64.decode(text.as_bytes()).or_else(|_| BASE64_URL.decode(text.as_bytes()));
    decoded.map(Stored::Bytes).map_err(|_| "it is no base64 text")
}

fn json(value: Value<'_>) -> Result<Stored<'_>, Misfit> {
    match value {
        Value::String(text) => {
            let json = serde_json::to_string(&text).map_err(|_| "it is no JSON")?;
            Ok(Stored::Text(json.into()))
        }
        other => Ok(other.text().map_or(Stored::Null, Stored::Text)),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::model::Batch;

    /// Converts a value given as JSON.
    fn check(kind: &str, json: &str, expected: Option<Stored<'_>>) {
        let batch = Batch::from_json(Bytes::from(format!(r#"[{{"v":{json}}}]"#))).expect("a record");
        let value = batch.row(0).get("v").expect("a value");
        let kind = (!kind.is_empty()).then(|| kind.parse().expect("a kind"));
        assert_eq!(convert(kind, value).ok(), expected, "{json} as {kind:?}");
    }

    fn int(value: i64) -> Option<Stored<'static>> {
        Some(Stored::Integer(value))
    }

    fn real(value: f64) -> Option<Stored<'static>> {
        Some(Stored::Real(value))
    }

    fn text(value: &str) -> Option<Stored<'_>> {
        Some(Stored::Text(value.into()))
    }

    #[test]
    fn the_quick_look_at_an_instant_sees_what_the_close_one_does() {
        let known = "2024-01-28T23:59:59.120Z";
        let replaced = |at: usize, byte: char| format!("{}{byte}{}", &known[..at], &known[at + 1..]);
        let near = (0..known.len()).flat_map(|at| "0123456789-T:.Zz+ ".chars().map(move |byte| replaced(at, byte)));
        let cut = (0..=known.len()).flat_map(|at| [known[..at].to_owned(), format!("{}Z", &known[..at])]);
        let mut usual = 0;
        for text in near.chain(cut) {
            if is_usual(text.as_bytes()) {
                usual += 1;
                let value = Value::String(text.as_str().into());
                assert_eq!(any_instant(value), Ok(Stored::Text(text.as_str().into())), "{text}");
            }
        }
        assert!(usual > 100, "{usual}");
        for text in ["2024-01-31T10:20:30", "2024-02-30T10:20:30Z", "024-01-31T10:20:30Z", "2024-01-31T10:20:30.Z"] {
            assert!(!is_usual(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn null_fits_everywhere() {
        for kind in Kind::NAMES.into_iter().chain([""]) {
            check(kind, "null", Some(Stored::Null));
        }
    }

    #[test]
    fn every_kind_takes_what_fits_and_refuses_the_rest() {
        let cases = [
            ("BOOLEAN", "true", int(1)),
            ("BOOLEAN", "false", int(0)),
            ("BOOLEAN", "0", int(0)),
            ("BOOLEAN", r#""true""#, int(1)),
            ("BOOLEAN", "2", None),
            ("BOOLEAN", r#""yes""#, None),
            ("BOOLEAN", "[]", None),
            ("SHORT", "32767", int(32767)),
            ("SHORT", "32768", None),
            ("SHORT", "-32768", int(-32768)),
            ("SHORT", r#""12""#, int(12)),
            ("SHORT", r#""12 ""#, None),
            ("SHORT", "1.5", None),
            ("SHORT", "true", None),
            ("INT", "2147483647", int(2_147_483_647)),
            ("INT", "2147483648", None),
            ("INT", "3.0", int(3)),
            ("LONG", "9223372036854775807", int(i64::MAX)),
            ("LONG", "9223372036854775808", None),
            ("LONG", "1e3", int(1000)),
            ("LONG", r#""""#, None),
            ("DECIMAL", "12345678901234567890.123456789", text("12345678901234567890.123456789")),
            ("DECIMAL", r#""1.10""#, text("1.10")),
            ("DECIMAL", r#""1,10""#, None),
            ("DECIMAL(4,2)", "99.99", text("99.99")),
            ("DECIMAL(4,2)", "99.9900", text("99.9900")),
            ("DECIMAL(4,2)", "100", None),
            ("DECIMAL(4,2)", "1.234", None),
            ("FLOAT", "0.1", real(0.1)),
            ("FLOAT", "1e39", None),
            ("DOUBLE", "1e39", real(1e39)),
            ("DOUBLE", "1e309", None),
            ("DOUBLE", r#""2.5""#, real(2.5)),
            ("DOUBLE", r#""NaN""#, None),
            ("DOUBLE", r#""inf""#, None),
            ("NAIVE_DATE", r#""2024-02-29""#, text("2024-02-29")),
            ("NAIVE_DATE", r#""2023-02-29""#, None),
            ("NAIVE_DATE", r#""2024-2-9""#, None),
            ("NAIVE_DATE", "20240229", None),
            ("NAIVE_TIME", r#""23:59:60.5""#, text("23:59:60.5")),
            ("NAIVE_TIME", r#""23:59""#, text("23:59")),
            ("NAIVE_TIME", r#""24:00:00""#, None),
            ("NAIVE_TIME", r#""23:59:00Z""#, None),
            ("NAIVE_DATETIME", r#""2024-01-31T10:20:30.123""#, text("2024-01-31T10:20:30.123")),
            ("NAIVE_DATETIME", r#""2024-01-31 10:20""#, text("2024-01-31 10:20")),
            ("NAIVE_DATETIME", r#""2024-01-31T10:20:30Z""#, None),
            ("NAIVE_DATETIME", r#""2024-01-31""#, None),
            ("UTC_DATETIME", r#""2024-01-31T10:20:30.1+02:00""#, text("2024-01-31T10:20:30.1+02:00")),
            ("UTC_DATETIME", r#""2024-01-31 10:20""#, text("2024-01-31T10:20:00Z")),
            ("UTC_DATETIME", r#""2024-01-31""#, text("2024-01-31T00:00:00Z")),
            ("UTC_DATETIME", "1706696430", text("2024-01-31T10:20:30Z")),
            ("UTC_DATETIME", r#""1706696430123""#, text("2024-01-31T10:20:30.123Z")),
            ("UTC_DATETIME", r#""soon""#, None),
            ("UTC_DATETIME", r#""2024-13-31T10:20:30Z""#, None),
            ("BINARY", r#""aGk=""#, Some(Stored::Bytes(b"hi".to_vec()))),
            ("BINARY", r#""aGk""#, Some(Stored::Bytes(b"hi".to_vec()))),
            ("BINARY", r#""_-8=""#, Some(Stored::Bytes(vec![0xff, 0xef]))),
            ("BINARY", r#""a b""#, None),
            ("BINARY", "1", None),
            ("XML", r#""<a/>""#, text("<a/>")),
            ("XML", "1", None),
            ("STRING", r#""a\nb""#, text("a\nb")),
            ("STRING", "1.10", text("1.10")),
            ("STRING", "true", text("true")),
            ("STRING", r#"{"a": 1}"#, text(r#"{"a": 1}"#)),
            ("JSON", r#""a\nb""#, text(r#""a\nb""#)),
            ("JSON", "1.10", text("1.10")),
            ("JSON", r"[1, 2]", text("[1, 2]")),
        ];
        for (kind, json, expected) in cases {
            check(kind, json, expected);
        }
    }

    #[test]
    fn values_of_undeclared_fields_keep_every_digit() {
        let cases = [
            ("true", int(1)),
            ("9223372036854775807", int(i64::MAX)),
            ("9223372036854775808", text("9223372036854775808")),
            ("12345678901234567890", text("12345678901234567890")),
            ("1.5", real(1.5)),
            ("-1.5e10", real(-1.5e10)),
            ("0.1234567890123456789", text("0.1234567890123456789")),
            ("1e400", text("1e400")),
            (r#""007""#, text("007")),
            (r#""1.10""#, text("1.10")),
            (r#"{"a":[1]}"#, text(r#"{"a":[1]}"#)),
        ];
        for (json, expected) in cases {
            check("", json, expected);
        }
    }
}
