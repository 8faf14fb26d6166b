//! The line of a file that an error is about. Only keys are ever shown, since any value may be a secret.

/// The line, cut after its key, with a mark under the column. None where something else than a key would show.
pub(super) fn excerpt(text: &str, line: usize, column: usize) -> Option<String> {
    let content: Vec<char> = text.lines().nth(line.checked_sub(1)?)?.chars().collect();
    let at = column.checked_sub(1)?;
    let key_end = content.iter().position(|char| *char == ':')?;
    let before: String = content[..key_end].iter().collect();
    let is_key = |char: char| char.is_alphanumeric() || " -_\"'{".contains(char);
    if !before.chars().all(is_key) {
        return None;
    }
    if at > key_end + 2 {
        return None;
    }
    let has_value = content[key_end + 1..].iter().any(|char| !char.is_whitespace());
    let value = if has_value { " …" } else { "" };
    let margin = " ".repeat(line.to_string().len());
    let indent = " ".repeat(at);
    Some(format!("  {line} │ {before}:{value}\n  {margin} │ {indent}^"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_and_values_are_not() {
        let text =
            "name: orders\nsource:\n  baseurl: https://x\n  auth: {type: bearer, token: hunter2}\nhunter2\n- a\n";
        let cases = [
            (1, 7, Some("  1 │ name: …\n    │       ^")),
            (2, 1, Some("  2 │ source:\n    │ ^")),
            (3, 3, Some("  3 │   baseurl: …\n    │   ^")),
            (4, 9, Some("  4 │   auth: …\n    │         ^")),
            (4, 10, None),
            (4, 31, None),
            (5, 1, None),
            (6, 3, None),
            (9, 1, None),
            (0, 0, None),
        ];
        for (line, column, expected) in cases {
            assert_eq!(excerpt(text, line, column).as_deref(), expected, "{line}:{column}");
        }
    }
}
