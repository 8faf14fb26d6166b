//! Strikes secrets out of a body, so that JSON stays JSON.

use super::MASK;
use super::searcher::Searcher;

/// The body without secrets; nothing where it has none.
pub(super) fn strike(searcher: &Searcher, body: &[u8]) -> Option<Vec<u8>> {
    searcher.find(body, 0)?;
    let is_json = matches!(body.trim_ascii_start().first(), Some(b'{' | b'['));
    let mut clean = Vec::with_capacity(body.len());
    let mut walk = Walk { body, at: 0, in_string: !is_json, is_json };
    let mut copied = 0;
    while let Some((start, end)) = searcher.find(body, copied) {
        walk.to(start);
        let (from, to, mask) = match walk.in_string {
            // An escape that reaches into the secret stays whole.
            true => (walk.at.min(end), end, MASK.to_owned()),
            // A number becomes a text.
            false => (word_start(body, copied, start), word_end(body, end), format!("\"{MASK}\"")),
        };
        clean.extend_from_slice(&body[copied..from]);
        clean.extend_from_slice(mask.as_bytes());
        walk.to(to);
        copied = to;
    }
    clean.extend_from_slice(&body[copied..]);
    Some(clean)
}

/// A place in a body, and whether it is within a string. What is no JSON is all one string.
struct Walk<'a> {
    body: &'a [u8],
    at: usize,
    in_string: bool,
    is_json: bool,
}

impl Walk<'_> {
    /// Walks on to a place, or to the end of the escape that it is in.
    fn to(&mut self, place: usize) {
        if !self.is_json {
            self.at = place;
        }
        while self.at < place {
            self.at += match self.body[self.at..] {
                [b'\\', b'u', ..] if self.in_string => 6,
                [b'\\', ..] if self.in_string => 2,
                [b'"', ..] => {
                    self.in_string = !self.in_string;
                    1
                }
                _ => 1,
            };
        }
    }
}

fn word_start(body: &[u8], least: usize, at: usize) -> usize {
    at - body[least..at].iter().rev().take_while(|byte| is_word(**byte)).count()
}

fn word_end(body: &[u8], at: usize) -> usize {
    at + body[at..].iter().take_while(|byte| is_word(**byte)).count()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}
