//! The spellings in which a source may send a secret back: plain, in URLs, in JSON, in base64.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// All spellings, several of which may be the same.
pub(super) fn all(secret: &str) -> Vec<Zeroizing<String>> {
    let in_json = in_json(secret);
    let mut all = vec![secret.to_owned()];
    all.extend(in_urls(secret));
    // Text in JSON may be JSON itself, and so may be what was encoded.
    all.push(quoted(&in_json[0]));
    all.extend(in_base64(secret.as_bytes()));
    all.extend(in_base64(in_json[0].as_bytes()));
    all.extend(in_json);
    all.into_iter().map(Zeroizing::new).collect()
}

/// What encoders leave as it is, besides letters and digits: of forms, of ECMAScript, of RFC 3986, of paths.
const UNENCODED: [&[u8]; 4] = [b"*-._", b"-_.!~*'()", b"-._~", b"-._~/"];

fn in_urls(secret: &str) -> impl Iterator<Item = String> {
    UNENCODED.into_iter().flat_map(move |kept| {
        let upper = percent_encoded(secret, kept, |byte| format!("%{byte:02X}"));
        let lower = percent_encoded(secret, kept, |byte| format!("%{byte:02x}"));
        [upper.replace("%20", "+"), lower.replace("%20", "+"), upper, lower]
    })
}

fn percent_encoded(secret: &str, kept: &[u8], encoded: fn(u8) -> String) -> String {
    let mut text = String::with_capacity(3 * secret.len());
    for byte in secret.bytes() {
        match byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            true => text.push(char::from(byte)),
            false => text.push_str(&encoded(byte)),
        }
    }
    text
}

/// As the usual encoders write it: some keep to ASCII, some are careful about HTML or slashes.
fn in_json(secret: &str) -> [String; 7] {
    let plain = quoted(secret);
    let slashed = plain.replace('/', "\\/");
    let is_foreign = |c: char| !c.is_ascii();
    let is_markup = |c: char| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
    // Of .NET, for which a quote is markup, too.
    let is_odd = |c: char| !c.is_ascii() || "<>&'+`\"".contains(c);
    [
        plain.clone(),
        escaped(&plain, is_foreign, Case::Lower),
        escaped(&plain, is_foreign, Case::Upper),
        escaped(&plain, is_markup, Case::Lower),
        escaped(&plain.replace("\\\"", "\""), is_odd, Case::Upper),
        escaped(&slashed, is_foreign, Case::Lower),
        slashed,
    ]
}

/// What stands between the quotes of a JSON string.
fn quoted(text: &str) -> String {
    let string = serde_json::Value::from(text).to_string();
    string.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
}

#[derive(Clone, Copy)]
enum Case {
    Lower,
    Upper,
}

/// With some characters as `\uXXXX`.
fn escaped(text: &str, is_escaped: fn(char) -> bool, case: Case) -> String {
    let mut escaped = String::with_capacity(6 * text.len());
    for c in text.chars() {
        if !is_escaped(c) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            escaped.push_str(&match case {
                Case::Lower => format!("\\u{unit:04x}"),
                Case::Upper => format!("\\u{unit:04X}"),
            });
        }
    }
    escaped
}

/// Alone, and as a part of something longer: it may begin at any of three bits of a digit.
fn in_base64(secret: &[u8]) -> Vec<String> {
    let mut all: Vec<String> =
        [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD].map(|engine| engine.encode(secret)).into();
    for before in 0..3 {
        let longer = Zeroizing::new([&[0; 2][..before], secret].concat());
        let (first, end) = ((8 * before).div_ceil(6), 8 * longer.len() / 6);
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            all.extend(engine.encode(&*longer).get(first..end).map(str::to_owned));
        }
    }
    all
}
