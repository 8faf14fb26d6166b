//! The text behind a JSON string.

use std::borrow::Cow;

/// Resolves the escapes of a checked JSON string (what stands between its quotes).
pub(in crate::model) fn unescape(text: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', text.as_bytes()) else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut rest = &text[first..];
    while let Some(escape) = rest.strip_prefix('\\') {
        rest = resolve_escape(escape, &mut out);
        let plain = memchr::memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len());
        out.push_str(&rest[..plain]);
        rest = &rest[plain..];
    }
    Cow::Owned(out)
}

/// Writes the character that an escape stands for; `escape` begins behind the backslash. Returns what follows it.
fn resolve_escape<'a>(escape: &'a str, out: &mut String) -> &'a str {
    let simple = match escape.as_bytes().first() {
        Some(b'u') => return resolve_unicode(&escape[1..], out),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(other) => char::from(*other),
        None => return "",
    };
    out.push(simple);
    &escape[1..]
}

fn resolve_unicode<'a>(digits: &'a str, out: &mut String) -> &'a str {
    let unit = hex4(digits.as_bytes());
    let low = digits.get(4..).and_then(|rest| rest.strip_prefix("\\u")).map(|rest| hex4(rest.as_bytes()));
    match (unit, low) {
        (Some(high @ 0xD800..0xDC00), Some(Some(low @ 0xDC00..0xE000))) => {
            let code = 0x10000 + ((u32::from(high) - 0xD800) << 10) + (u32::from(low) - 0xDC00);
            out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            &digits[10..]
        }
        (unit, _) => {
            let code = unit.map_or(u32::MAX, u32::from);
            out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            digits.get(4..).unwrap_or("")
        }
    }
}

/// Four hexadecimal digits as a number.
pub(super) fn hex4(digits: &[u8]) -> Option<u16> {
    let digits = digits.get(..4)?;
    digits.iter().try_fold(0u16, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(value << 4 | u16::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_resolved() {
        let cases = [
            (r"plain", "plain"),
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"\u0041b\u00e9", "Abé"),
            (r"a\ud83d\ude00b", "a😀b"),
            (r"\uD83D\uDE00", "😀"),
        ];
        for (text, expected) in cases {
            assert_eq!(unescape(text), expected);
        }
    }
}
