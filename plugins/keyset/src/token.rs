//! Scroll tokens that are no secrets of the source but the cursor's value: plainly, or within JSON, base64 or
//! percent-encoding, also within each other.

use tidegate_sdk::json::{self, Value};

/// How many encodings may lie around a value.
const LAYERS: u32 = 4;

/// What a token may say: itself, and all texts and numbers that it encodes.
pub(crate) fn readings(token: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(token, LAYERS, &mut found);
    found
}

/// Whether a token names each part of a key, and each by a reading of its own: then it names one record and no other.
pub(crate) fn names(readings: &[String], key: &[Option<String>]) -> bool {
    let mut left: Vec<&String> = readings.iter().collect();
    let mut is_named = |part: &String| {
        let place = left.iter().position(|reading| *reading == part);
        place.map(|place| left.swap_remove(place)).is_some()
    };
    !key.is_empty() && key.iter().all(|part| part.as_ref().is_some_and(&mut is_named))
}

fn collect(text: &str, layers: u32, found: &mut Vec<String>) {
    found.push(text.to_owned());
    if layers == 0 {
        return;
    }
    let within = [unescape(text), decode(text)].into_iter().flatten();
    within.for_each(|inner| collect(&inner, layers - 1, found));
    if let Ok(value @ (Value::Object(_) | Value::Array(_) | Value::String(_))) = json::from_str(text) {
        collect_json(&value, layers - 1, found);
    }
}

fn collect_json(value: &Value, layers: u32, found: &mut Vec<String>) {
    match value {
        Value::String(text) => collect(text, layers, found),
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| collect_json(item, layers, found)),
        Value::Object(members) => members.values().for_each(|member| collect_json(member, layers, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// The text behind percent-encoding (RFC 3986), where there is any.
fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    (bytes.len() < text.len()).then(|| String::from_utf8(bytes).ok()).flatten()
}

/// Base64 (RFC 4648, either alphabet, padded or not) of a text.
fn decode(token: &str) -> Option<String> {
    let digits = token.trim_end_matches('=').bytes().map(|byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    });
    let mut bytes = Vec::with_capacity(token.len());
    let (mut held, mut bits) = (0_u32, 0);
    for digit in digits {
        held = held << 6 | u32::from(digit?);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded() {
        let cases = [
            ("MjAyNC0wMS0zMVQxMDoyMDozMFo=", Some("2024-01-31T10:20:30Z")),
            ("MjAyNC0wMS0zMVQxMDoyMDozMFo", Some("2024-01-31T10:20:30Z")),
            ("MTcwMDAwMDAwMA==", Some("1700000000")),
            ("", Some("")),
            ("a b", None),
            ("____", None),
        ];
        for (token, expected) in cases {
            assert_eq!(decode(token).as_deref(), expected, "{token}");
        }
    }

    #[test]
    fn a_time_is_found_in_every_wrapping() {
        let tokens = [
            "2024-01-31T10:20:30Z",
            "2024-01-31T10%3A20%3A30Z",
            "MjAyNC0wMS0zMVQxMDoyMDozMFo%3D",
            r#"{"after":"2024-01-31T10:20:30Z"}"#,
            "eyJhZnRlciI6IjIwMjQtMDEtMzFUMTA6MjA6MzBaIn0=",
            "eyJhZnRlciI6IjIwMjQtMDEtMzFUMTA6MjA6MzBaIn0",
            "%7B%22after%22%3A%222024-01-31T10%3A20%3A30Z%22%7D",
            r#"{"page":{"sort":[17,"2024-01-31T10:20:30Z"]}}"#,
            r#"{"next":"{\"after\":\"2024-01-31T10:20:30Z\"}"}"#,
        ];
        for token in tokens {
            assert!(readings(token).iter().any(|text| text == "2024-01-31T10:20:30Z"), "{token}");
        }
        assert!(readings(r#"{"after":1700000000}"#).contains(&"1700000000".to_owned()));
        assert_eq!(readings("100%"), ["100%"]);
    }
    #[test]
    fn a_key_is_named_by_all_its_parts() {
        let check = |token: &str, key: &[&str], expected: bool| {
            let key: Vec<_> = key.iter().map(|part| Some((*part).to_owned())).collect();
            assert_eq!(names(&readings(token), &key), expected, "{key:?} in {token}");
        };
        let time = r#"{"account":7,"after":"2024-01-31T10:20:30Z"}"#;
        check(time, &["7", "50"], false);
        check(time, &["7", "7"], false);
        check(time, &["7"], true);
        check(time, &[], false);
        check(r#"{"account":7,"after":"2024-01-31T10:20:30Z","id":"50"}"#, &["7", "50"], true);
        check(r#"{"after":["2024-01-31T10:20:30Z",7,7]}"#, &["7", "7"], true);
        assert!(!names(&readings(time), &[Some("7".into()), None]), "a part is missing");
    }
}
