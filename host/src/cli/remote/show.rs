//! What answers of the API look like to people: tables, from JSON.

use serde_json::Value;

use crate::cli::summary;
use crate::plain::plain;

/// A column of a table, or a line of facts: what it is called, and what is in it.
pub(super) type Column = (&'static str, fn(&Value) -> String);

/// The items of a listing, one a line.
pub(super) fn table(listing: &Value, columns: &[Column]) -> String {
    let mut table = summary::new_table();
    table.set_header(columns.iter().map(|(title, _)| *title));
    for item in listing["items"].as_array().into_iter().flatten() {
        table.add_row(columns.iter().map(|(_, cell)| cell(item)));
    }
    table.trim_fmt()
}

/// One thing, a fact a line. What is empty is left out.
pub(super) fn facts(thing: &Value, lines: &[Column]) -> String {
    let mut table = summary::new_table();
    for (title, cell) in lines {
        let fact = cell(thing);
        if !fact.is_empty() {
            table.add_row([(*title).to_owned(), fact]);
        }
    }
    table.trim_fmt()
}

/// A value as people write it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(is) => if *is { "yes" } else { "no" }.to_owned(),
        Value::String(text) => plain(text.as_str()).into_owned(),
        Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), summary::count),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(_) => plain(value.to_string()).into_owned(),
    }
}

/// A size in bytes.
pub(super) fn size(value: &Value) -> String {
    value.as_u64().map(summary::bytes).unwrap_or_default()
}

/// A number of seconds, where there is one.
pub(super) fn duration(value: &Value) -> String {
    value.as_f64().map(summary::seconds).unwrap_or_default()
}

/// A time, to the second.
pub(super) fn time(value: &Value) -> String {
    let text = text(value);
    match text.split_once('.') {
        Some((to_the_second, _)) => format!("{to_the_second}Z"),
        None => text,
    }
}

/// As much of a digest as tells it from others.
pub(super) fn digest(value: &Value) -> String {
    text(value).chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_easy_to_read() {
        let cases = [
            (text(&json!(null)), ""),
            (text(&json!(true)), "yes"),
            (text(&json!(1_234_567)), "1,234,567"),
            (text(&json!(-1)), "-1"),
            (text(&json!(["a", "b"])), "a, b"),
            (text(&json!("a\u{1b}[2J")), r"a\u{1b}[2J"),
            (size(&json!(300_000)), "300.0 kB"),
            (time(&json!("2025-11-24T16:00:00.120Z")), "2025-11-24T16:00:00Z"),
            (time(&json!(null)), ""),
            (digest(&json!("0123456789abcdef")), "0123456789ab"),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_listing_is_a_table_and_a_thing_a_list_of_facts() {
        let columns: [Column; 2] = [("name", |item| text(&item["name"])), ("size", |item| size(&item["bytes"]))];
        let listing = json!({ "items": [{ "name": "a", "bytes": 1 }, { "name": "b" }] });
        let shown = table(&listing, &columns);
        let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines, [vec!["name", "size"], vec!["a", "1", "B"], vec!["b"]]);
        assert_eq!(facts(&listing["items"][1], &columns).split_whitespace().collect::<Vec<_>>(), ["name", "b"]);
    }
}
