//! The nearest right name for a wrong one. It knows nothing of what the names are of.

/// What to say about `wrong`, given the names that would have been right.
pub(crate) fn help<'a>(wrong: &str, right: impl IntoIterator<Item = &'a str>) -> String {
    let right: Vec<&str> = right.into_iter().collect();
    match nearest(wrong, &right) {
        Some(name) => format!("did you mean `{name}`?"),
        None => list(&right),
    }
}

/// The names as an answer to "which are there?".
fn list(names: &[&str]) -> String {
    let quoted = |name: &&str| format!("`{name}`");
    match names {
        [] => "nothing may stand here".to_owned(),
        [one] => format!("it can only be `{one}`"),
        [most @ .., last] => {
            format!("it can be {} or `{last}`", most.iter().map(quoted).collect::<Vec<_>>().join(", "))
        }
    }
}

/// The most similar name, where one is similar enough to be meant.
pub(crate) fn nearest<'a>(wrong: &str, right: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
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
}
