//! A connection file as a JSON object, to be sent to a server: everything as it is written, `${NAME}` included.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::json::as_yaml;
use super::parse::{escape, json};
use super::place::{Place, Places};
use super::yaml::{self, Entry, Kind, Node, Scalar, Value};
use crate::error::Result;

/// Any number of so many digits comes through a JSON number as it was written (IEEE 754, binary64).
const DIGITS: usize = 15;

/// The document in a connection file, YAML or JSON. Only its form is checked: what it means is the server's to say.
pub fn document(text: &str, file: &Path) -> Result<Map<String, Json>> {
    let file: Arc<str> = file.display().to_string().into();
    let root = yaml::read(&as_yaml(text), &|line, column| Place::File { file: file.clone(), line, column })?;
    let Value::Map(entries) = &root.value else {
        return Err(root.place.error(format!("a connection file is a mapping, and this is {}", root.describe())));
    };
    check_digits(&root)?;
    let mut places = Places::new(root.place.clone());
    let member =
        |Entry { key, node, .. }: &Entry| Ok((key.clone(), json(node, &format!("/{}", escape(key)), &mut places)?));
    entries.iter().map(member).collect()
}

/// Refuses fractions of which digits would be lost. Whole numbers are refused where they are read.
fn check_digits(node: &Node) -> Result<()> {
    match &node.value {
        Value::Scalar(scalar) if is_exact(scalar) => Ok(()),
        Value::Scalar(_) => {
            Err(node.place.error("the number has too many digits to keep each of them").help("put it in quotes"))
        }
        Value::List(items) => items.iter().try_for_each(check_digits),
        Value::Map(entries) => entries.iter().try_for_each(|entry| check_digits(&entry.node)),
    }
}

fn is_exact(scalar: &Scalar) -> bool {
    if scalar.kind() != Kind::Number {
        return true;
    }
    let mantissa = scalar.text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_matches('0').len();
    let value: f64 = scalar.text.parse().unwrap_or(f64::NAN);
    significant <= DIGITS && (significant == 0 || value.is_normal())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String> {
        document(text, Path::new("orders.yaml")).map(|document| Json::Object(document).to_string())
    }

    #[test]
    fn everything_stays_as_it_is_written() {
        let cases = [
            ("", "{}"),
            ("name: orders", r#"{"name":"orders"}"#),
            ("a: ${TOKEN}\nb: 'x $${c} ${D:-e}'", r#"{"a":"${TOKEN}","b":"x $${c} ${D:-e}"}"#),
            (
                "config: {filter: \"$${a}\", list: [1, '1', ~, true]}",
                r#"{"config":{"filter":"$${a}","list":[1,"1",null,true]}}"#,
            ),
            (
                "a: 18446744073709551615\nb: -9223372036854775808",
                r#"{"a":18446744073709551615,"b":-9223372036854775808}"#,
            ),
            ("a: 0.1\nb: 2.50\nc: 1e3\nd: 123456789.012345", r#"{"a":0.1,"b":2.5,"c":1000.0,"d":123456789.012345}"#),
            (r#"{"z": "\ud83c\udf0a", "a": {"b/c~d": []}}"#, r#"{"z":"🌊","a":{"b/c~d":[]}}"#),
            ("a: &x {b: 1}\nc: *x", r#"{"a":{"b":1},"c":{"b":1}}"#),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).ok().as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_document_is_refused_with_its_place() {
        let cases = [
            ("- a", "orders.yaml:1:1: a connection file is a mapping, and this is a list"),
            ("text", "orders.yaml:1:1: a connection file is a mapping, and this is text"),
            ("a: 1\na: 2", "orders.yaml:2:1: the key `a` is here twice"),
            ("a: [", "not valid YAML"),
            ("a:\n  b: 18446744073709551616", "orders.yaml:2:6: the number is too large to keep every digit"),
            ("a: 0.12345678901234567", "orders.yaml:1:4: the number has too many digits"),
            ("a: 1e-400", "orders.yaml:1:4: the number has too many digits"),
            ("a: 1e400", "orders.yaml:1:4: the number has too many digits"),
        ];
        for (text, expected) in cases {
            let error = read(text).expect_err(text);
            assert!(error.message().contains(expected), "{text}: {error}");
        }
    }
}
