//! Scroll tokens that are no secrets of the source but the cursor's value, plainly or in base64.

/// What a token may say: itself, and what it encodes.
pub(crate) fn readings(token: &str) -> impl Iterator<Item = String> {
    [Some(token.to_owned()), decode(token)].into_iter().flatten()
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
}
