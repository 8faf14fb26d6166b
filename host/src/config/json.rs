//! JSON as YAML reads it, where the two differ.
//!
//! JSON writes a character beyond 16 bits as two `\u` escapes (RFC 8259 section 7); YAML knows only `\U` for it.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::de::IgnoredAny;

/// The length of two escapes, as in `\ud83c\udf0a`.
const PAIR: usize = 12;

/// JSON with its pairs of escapes as YAML writes them; any other text as it is. Lines stay, columns behind a pair do
/// not.
pub(super) fn as_yaml(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u") || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return text.into();
    }
    let mut yaml = String::with_capacity(text.len());
    let mut rest = text;
    // In JSON a backslash begins an escape, and its next byte belongs to it.
    while let Some((before, escape)) = rest.find('\\').map(|at| rest.split_at(at)) {
        yaml.push_str(before);
        let length = match paired(escape) {
            Some(char) => {
                // Writing to a string does not fail.
                let _ = write!(yaml, "\\U{:08X}", u32::from(char));
                PAIR
            }
            None => {
                yaml.push_str(&escape[..2]);
                2
            }
        };
        rest = &escape[length..];
    }
    yaml.push_str(rest);
    yaml.into()
}

/// The character of two escapes that stand for one.
fn paired(escape: &str) -> Option<char> {
    let (high, low) = escape.get(..PAIR)?.strip_prefix("\\u")?.split_once("\\u")?;
    let unit = |hex| u16::from_str_radix(hex, 16).ok();
    let high = unit(high).filter(|unit| (0xD800..0xDC00).contains(unit))?;
    char::decode_utf16([high, unit(low)?]).next()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_escapes_become_one() {
        let cases = [
            (r#"{"a":"\ud83c\udf0a!\u00e9\\"}"#, r#"{"a":"\U0001F30A!\u00e9\\"}"#),
            (r#"{"a":"\\ud83c\\udf0a"}"#, r#"{"a":"\\ud83c\\udf0a"}"#),
            (r#"{"a":"\u00e9\u00e9\ud83c"}"#, r#"{"a":"\u00e9\u00e9\ud83c"}"#),
            (r"a: '\ud83c\udf0a'", r"a: '\ud83c\udf0a'"),
        ];
        for (text, expected) in cases {
            assert_eq!(as_yaml(text), expected, "{text}");
        }
    }
}
