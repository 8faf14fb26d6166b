//! The nearest right name for a wrong one. It knows nothing of what the names are of.

/// What to say about `wrong`, given the names that would have been right.
pub(crate) fn help<'a>(wrong: &str, right: impl IntoIterator<Item = &'a str>) -> String {
    let right: Vec<&str> = right.into_iter().collect();
    match nearest(wrong, &right) {
        Some(name) => format!("did you mean `{name}`?"),
        None => list(&right),
    }
}

/// How many names are listed.
const MOST: usize = 20;
/// How many characters of a name are looked at, as strangers give names, too.
const LENGTH: usize = 100;

/// The names as an answer to "which are there?".
fn list(names: &[&str]) -> String {
    match names {
        [] => "nothing may stand here".to_owned(),
        [one] => format!("it can only be {}", quoted(one)),
        [most @ .., last] if names.len() <= MOST => format!("it can be {} or {}", few(most, MOST), quoted(last)),
        many => format!("it can be {}", few(many, MOST)),
    }
}

/// As many of the names, and how many more there are.
pub(crate) fn few(names: &[&str], most: usize) -> String {
    let listed = names.iter().take(most).map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 => listed,
        others => format!("{listed} and {others} more"),
    }
}

fn quoted(name: &str) -> String {
    match name.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("`{}…`", &name[..end]),
        None => format!("`{name}`"),
    }
}

/// The most similar name, where one is similar enough to be meant.
pub(crate) fn nearest<'a>(wrong: &str, right: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| {
        let beginning: String = text.chars().take(LENGTH).collect();
        beginning.to_lowercase().replace(['-', '_', ' '], "")
    };
    let wrong = plain(wrong);
    let similarity = |name: &str| strsim::jaro_winkler(&wrong, &plain(name));
    let best = right.iter().copied().max_by(|a, b| similarity(a).total_cmp(&similarity(b)))?;
    (similarity(best) > 0.8).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_similar_name_is_suggested() {
        let names = ["base_url", "auth", "allowed_hosts"];
        let cases = [
            ("baseurl", "did you mean `base_url`?"),
            ("base-url", "did you mean `base_url`?"),
            ("bas_url", "did you mean `base_url`?"),
            ("Auth", "did you mean `auth`?"),
            ("zebra", "it can be `base_url`, `auth` or `allowed_hosts`"),
        ];
        for (wrong, expected) in cases {
            assert_eq!(help(wrong, names), expected, "{wrong}");
        }
        assert_eq!(help("x", ["y"]), "it can only be `y`");
    }

    #[test]
    fn of_many_or_long_names_only_the_beginning_is_shown() {
        let long = "a".repeat(1 << 20);
        assert_eq!(help(&"z".repeat(1 << 20), [&*long]), format!("it can only be `{}…`", "a".repeat(LENGTH)));
        let names: Vec<String> = (100..1_100).map(|at| at.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(few(&names, 2), "`100`, `101` and 998 more");
        assert!(help("zebra", names).ends_with("`118`, `119` and 980 more"));
    }
}
