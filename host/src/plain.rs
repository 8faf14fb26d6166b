//! Texts of strangers, made harmless: they stay on their line, and steer no terminal.
//!
//! Whatever a strategy or a source has said passes here before a person sees it. It knows nothing else of the house.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with escapes in place of the characters that steer a terminal or the direction of writing.
pub fn plain<'a>(text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
    escaped(text.into(), is_steering, |c, plain| plain.extend(c.escape_default()))
}

/// The same for a JSON text, which stays the JSON text of the same value, and keeps its lines.
pub fn plain_json<'a>(json: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
    let is_steering = |c: char| is_steering(c) && !matches!(c, '\n' | '\t');
    escaped(json.into(), is_steering, |c, plain| match c {
        // As it is in no string of a JSON text, it stands between two of its parts.
        '\r' => plain.push(' '),
        // All of them are of the plane that four digits name, so that writing cannot fail.
        c => drop(write!(plain, "\\u{:04x}", u32::from(c))),
    })
}

/// Control characters, the marks of Unicode that change the direction of writing, and its other ends of lines.
fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped<'a>(
    text: Cow<'a, str>,
    is_steering: impl Fn(char) -> bool,
    escape: impl Fn(char, &mut String),
) -> Cow<'a, str> {
    if !text.contains(&is_steering) {
        return text;
    }
    let mut plain = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_steering(c) { escape(c, &mut plain) } else { plain.push(c) }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_steers_is_escaped() {
        let cases = [
            ("as it is: \"é\" '\\' 日本", "as it is: \"é\" '\\' 日本"),
            ("a\u{1b}[2J\r\n\t\0b\u{7f}\u{9b}", r"a\u{1b}[2J\r\n\t\u{0}b\u{7f}\u{9b}"),
            ("\u{202e}\u{2066}\u{2069}\u{200e}\u{200f}\u{61c}", r"\u{202e}\u{2066}\u{2069}\u{200e}\u{200f}\u{61c}"),
            ("\u{85}\u{2028}\u{2029}", r"\u{85}\u{2028}\u{2029}"),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text), expected);
        }
    }

    #[test]
    fn json_stays_json_of_the_same_value() {
        let value = serde_json::json!({"a\u{202e}": ["\u{1b}\u{7f}\u{9b}\u{2028}\n\t\r", "é"]});
        let shown = plain_json(format!("{value:#}"));
        assert!(!shown.contains(|c: char| is_steering(c) && c != '\n'), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"), value);
        assert_eq!(plain_json("{\r\n\"a\":\t1}"), "{ \n\"a\":\t1}");
    }
}
