//! Paths: what a strategy may call one, and which ones could mean another than they seem to.
//!
//! Servers differ in how often they decode a path, and in what separates its segments. A path that leaves its folder by
//! any of their ways is refused.

use crate::error::{Error, Result};

/// How often a path is decoded at most; what needs more was made to deceive.
const DEPTH: usize = 8;

/// Checks a path that a strategy gave.
pub(super) fn check(path: &str) -> Result<()> {
    let malformed = |why: &str| Err(Error::plugin("plugin.request", format!("the path {path:?} {why}")));
    if !path.starts_with('/') {
        return malformed("does not begin with `/`");
    }
    if path.starts_with("//") {
        return malformed("begins with `//`, which would name a host");
    }
    if path.contains(['?', '#']) {
        return malformed("contains `?` or `#`; query parameters are given apart from it");
    }
    if path.contains(|c: char| c == '\\' || c.is_control()) {
        return malformed("contains a backslash or a control character");
    }
    match flaw(path) {
        Some(flaw) => Err(Error::plugin("grant.refused", format!("the path {path:?} contains {flaw}"))),
        None => Ok(()),
    }
}

/// What makes a path mean another one to some server; nothing for most.
pub(super) fn flaw(path: &str) -> Option<&'static str> {
    let mut text = path.as_bytes().to_vec();
    for depth in 0..DEPTH {
        if text.split(|byte| matches!(byte, b'/' | b'\\')).any(is_dot_segment) {
            return Some("`.` or `..`, which could leave the base URL");
        }
        if text.iter().any(u8::is_ascii_control) {
            return Some("an encoded control character");
        }
        let decoded = match decode(&text) {
            // Only what is sent has to be well-formed: `100%` may well be what it stands for.
            Err(Malformed) if depth == 0 => return Some("a `%` that encodes nothing"),
            Err(Malformed) => return None,
            Ok(decoded) => decoded,
        };
        if std::str::from_utf8(&decoded).is_err() {
            return Some("encoded bytes that are no UTF-8");
        }
        if decoded == text {
            return None;
        }
        text = decoded;
    }
    Some("what is encoded again and again")
}

/// `.` and `..`, also with what some servers cut off: parameters behind `;`, and spaces.
fn is_dot_segment(segment: &[u8]) -> bool {
    let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
    matches!(name.trim_ascii(), b"." | b"..")
}

struct Malformed;

fn decode(text: &[u8]) -> Result<Vec<u8>, Malformed> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16)).ok_or(Malformed);
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'%' => (digit(rest.next())? << 4 | digit(rest.next())?) as u8,
            byte => *byte,
        });
    }
    Ok(decoded)
}
