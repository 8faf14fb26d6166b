//! RFC 6901 pointers into a checked text.

use std::ops::Range;

use super::text::unescape;

/// Where a value ends that begins at this byte, for values that need not be walked through.
type Jump<'a> = &'a dyn Fn(usize) -> Option<usize>;

/// Where the value at `pointer` stands, looking from the value at `root`. `text` must have been checked.
pub(in crate::model) fn resolve(text: &str, root: Range<usize>, pointer: &str, jump: Jump<'_>) -> Option<Range<usize>> {
    let mut at = root.start;
    let mut rest = pointer;
    while !rest.is_empty() {
        rest = rest.strip_prefix('/')?;
        let (token, tail) = rest.find('/').map_or((rest, ""), |end| rest.split_at(end));
        at = step(text.as_bytes(), text, at, token, jump)?;
        rest = tail;
    }
    let end = if pointer.is_empty() { root.end } else { skip_value(text.as_bytes(), at, jump) };
    Some(at..end)
}

/// The names of the members of an object, at most `most`, quoted for messages. None for other values.
pub(super) fn member_names(text: &str, most: usize) -> Option<Vec<String>> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'{') {
        return None;
    }
    let mut names = Vec::new();
    let mut members = Members::new(bytes, 0, &|_| None);
    while let Some((key, _)) = members.next() {
        if names.len() == most {
            names.push("…".to_owned());
            break;
        }
        names.push(format!("`/{}`", unescape(&text[key])));
    }
    Some(names)
}

/// Goes from the value at `at` to its member or element `token`.
fn step(bytes: &[u8], text: &str, at: usize, token: &str, jump: Jump<'_>) -> Option<usize> {
    match bytes[at] {
        b'{' => {
            let name = token.replace("~1", "/").replace("~0", "~");
            let mut members = Members::new(bytes, at, jump);
            while let Some((key, value)) = members.next() {
                if unescape(&text[key]) == name {
                    return Some(value);
                }
            }
            None
        }
        b'[' => {
            // Rust would read a `+` before them, too.
            let canonical = token == "0" || !token.starts_with(['0', '+']);
            let index: usize = token.parse().ok().filter(|_| canonical)?;
            let mut value = skip_space(bytes, at + 1);
            for _ in 0..index {
                if bytes[value] == b']' {
                    return None;
                }
                value = next_element(bytes, skip_value(bytes, value, jump));
            }
            (bytes[value] != b']').then_some(value)
        }
        _ => None,
    }
}

/// Walks over the members of an object: the range of the key within its quotes, and where the value begins.
struct Members<'a> {
    bytes: &'a [u8],
    at: usize,
    jump: Jump<'a>,
}

impl<'a> Members<'a> {
    fn new(bytes: &'a [u8], object: usize, jump: Jump<'a>) -> Self {
        Members { bytes, at: skip_space(bytes, object + 1), jump }
    }

    fn next(&mut self) -> Option<(Range<usize>, usize)> {
        if self.bytes[self.at] == b'}' {
            return None;
        }
        let key_end = skip_string(self.bytes, self.at);
        let key = self.at + 1..key_end - 1;
        let value = skip_space(self.bytes, skip_space(self.bytes, key_end) + 1);
        self.at = next_element(self.bytes, skip_value(self.bytes, value, self.jump));
        Some((key, value))
    }
}

/// From behind an element to the next one, or to the closing bracket.
fn next_element(bytes: &[u8], at: usize) -> usize {
    let at = skip_space(bytes, at);
    if bytes[at] == b',' { skip_space(bytes, at + 1) } else { at }
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes[at], b' ' | b'\t' | b'\n' | b'\r') {
        at += 1;
    }
    at
}

fn skip_string(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    loop {
        match memchr::memchr2(b'"', b'\\', &bytes[at..]) {
            Some(found) if bytes[at + found] == b'"' => return at + found + 1,
            Some(found) => at += found + 2,
            None => return bytes.len(),
        }
    }
}

fn skip_value(bytes: &[u8], at: usize, jump: Jump<'_>) -> usize {
    if let Some(end) = jump(at) {
        return end;
    }
    let mut depth = 0usize;
    let mut at = at;
    loop {
        match bytes[at] {
            b'"' => at = skip_string(bytes, at),
            b'[' | b'{' => {
                depth += 1;
                at += 1;
            }
            b']' | b'}' => {
                depth -= 1;
                at += 1;
            }
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            _ => at = skip_scalar(bytes, at),
        }
        if depth == 0 {
            return at;
        }
    }
}

fn skip_scalar(bytes: &[u8], at: usize) -> usize {
    let is_end = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
    bytes[at..].iter().position(is_end).map_or(bytes.len(), |length| at + length)
}
