//! `${NAME}` in a connection file: values from the environment.
//!
//! `${NAME:-default}` has a default, `$${` stands for `${` itself. A text into which a value was put is marked as a
//! secret and is never shown.

use super::place::Place;
use super::yaml::{Kind, Node, Scalar, Value};
use crate::error::{Error, Result};

/// Finds the value of an environment variable.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where values come from.
#[derive(Clone, Copy)]
pub(super) struct Variables<'a> {
    pub(super) lookup: Lookup<'a>,
    /// Whether they are a tenant's secrets, and not the environment.
    pub(super) are_secrets: bool,
}

/// Puts values in for all variables below a node.
pub(super) fn fill(node: &mut Node, variables: Variables<'_>) -> Result<()> {
    visit(node, &mut |scalar, place| {
        let filled = expand(&scalar.text, variables.lookup).map_err(|problem| match problem {
            Problem::Malformed => malformed(place),
            Problem::Unset(name) if variables.are_secrets => absent(name, place),
            Problem::Unset(name) => unset(name, place),
        })?;
        if let Some(text) = filled {
            let bare = Scalar { text, is_quoted: false, is_secret: true };
            // JSON has no way to write a variable but as text. A secret that reads `null` is a secret all the same.
            let is_quoted = scalar.is_quoted && (!variables.are_secrets || bare.kind() == Kind::Null);
            *scalar = Scalar { is_quoted, ..bare };
        }
        Ok(())
    })
}

/// Refuses variables below a node that a strategy gets to see.
pub(super) fn refuse(node: &mut Node) -> Result<()> {
    visit(node, &mut |scalar, place| {
        let literal = scalar.text.replace("$${", "");
        if literal.contains("${") {
            return Err(visible(place));
        }
        scalar.text = scalar.text.replace("$${", "${");
        Ok(())
    })
}

fn unset(name: &str, place: &Place) -> Error {
    place
        .error(format!("the environment variable `{name}` is not set"))
        .help(format!("set it, or give a default: `${{{name}:-default}}`"))
}

fn absent(name: &str, place: &Place) -> Error {
    place.error(format!("there is no secret `{name}`")).help("put it as a secret of the tenant")
}

fn malformed(place: &Place) -> Error {
    place
        .error("`${` begins the name of an environment variable, and none follows")
        .help("write `${NAME}` or `${NAME:-default}`, or `$${` for the characters `${` themselves")
}

fn visible(place: &Place) -> Error {
    place
        .error("environment variables are not put into `config`, which the strategy gets to see")
        .help("keep secrets under `source.auth`; write `$${` for the characters `${` themselves")
}

fn visit(node: &mut Node, act: &mut dyn FnMut(&mut Scalar, &Place) -> Result<()>) -> Result<()> {
    match &mut node.value {
        Value::Scalar(scalar) => act(scalar, &node.place),
        Value::List(items) => items.iter_mut().try_for_each(|item| visit(item, act)),
        Value::Map(entries) => entries.iter_mut().try_for_each(|entry| visit(&mut entry.node, act)),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Problem<'a> {
    Malformed,
    Unset(&'a str),
}

/// The text with values put in; none where it has no `${`.
fn expand<'a>(text: &'a str, lookup: Lookup<'_>) -> Result<Option<String>, Problem<'a>> {
    if !text.contains("${") {
        return Ok(None);
    }
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            filled.push_str(before);
            filled.push_str("${");
            rest = after;
            continue;
        }
        let (inner, after) = after.split_once('}').ok_or(Problem::Malformed)?;
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        if !is_name(name) {
            return Err(Problem::Malformed);
        }
        let value = lookup(name).or_else(|| default.map(str::to_owned)).ok_or(Problem::Unset(name))?;
        filled.push_str(before);
        filled.push_str(&value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(Some(filled))
}

fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !text.is_empty() && text.bytes().all(is_part) && !text.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<Option<&str>, Problem<'_>>) {
        let filled = expand(text, &|name| (name == "A").then(|| "alpha".to_owned()));
        assert_eq!(filled, expected.map(|text| text.map(str::to_owned)), "{text}");
    }

    #[test]
    fn variables_are_put_in() {
        let cases = [
            ("plain $A {A}", Ok(None)),
            ("${A}", Ok(Some("alpha"))),
            ("x ${A}${A} y", Ok(Some("x alphaalpha y"))),
            ("${B:-beta}", Ok(Some("beta"))),
            ("${B:-}", Ok(Some(""))),
            ("${A:-beta}", Ok(Some("alpha"))),
            ("$${A} ${A}", Ok(Some("${A} alpha"))),
            ("${B}", Err(Problem::Unset("B"))),
            ("${", Err(Problem::Malformed)),
            ("${}", Err(Problem::Malformed)),
            ("${1A}", Err(Problem::Malformed)),
            ("${A B}", Err(Problem::Malformed)),
        ];
        for (text, expected) in cases {
            check(text, expected);
        }
    }
}
