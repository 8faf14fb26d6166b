//! Reading the keys of a mapping: unknown, missing and wrong ones become errors that name their place.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::place::Place;
use super::yaml::{Entry, Kind, Node, Scalar, Value};
use crate::error::{Error, Result};
use crate::suggest;

/// A mapping whose keys are all known.
pub(super) struct Section<'a> {
    path: &'a str,
    place: &'a Place,
    entries: Vec<&'a Entry>,
}

impl<'a> Section<'a> {
    /// Takes a mapping apart. `path` is how users call it; the root's is empty.
    pub(super) fn new(path: &'a str, place: &'a Place, node: &'a Node, known: &[&'static str]) -> Result<Section<'a>> {
        let Value::Map(entries) = &node.value else {
            let subject = if path.is_empty() { "a connection file".to_owned() } else { format!("`{path}`") };
            return Err(node
                .place
                .error(format!("{subject} must be a mapping of keys to values, not {}", node.describe())));
        };
        let section = Section { path, place, entries: entries.iter().filter(|entry| !entry.node.is_null()).collect() };
        match entries.iter().find(|entry| !known.contains(&entry.key.as_str())) {
            Some(stranger) => Err(section.unknown(stranger, known)),
            None => Ok(section),
        }
    }

    fn unknown(&self, stranger: &Entry, known: &[&'static str]) -> Error {
        stranger
            .place
            .error(format!("unknown key `{}`{}", stranger.key, self.within()))
            .help(suggest::help(&stranger.key, known.iter().copied()))
    }

    fn within(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!(" in `{}`", self.path) }
    }

    /// The value of a key. One without a value counts as absent.
    pub(super) fn optional(&self, key: &str) -> Option<Field<'a>> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Some(Field { path, place: &entry.place, node: &entry.node })
    }

    /// The value of a key that must be there.
    pub(super) fn required(&self, key: &str, example: &str) -> Result<Field<'a>> {
        self.optional(key).ok_or_else(|| {
            self.place
                .error(format!("the key `{key}` is missing{}", self.within()))
                .help(format!("for example `{key}: {example}`"))
        })
    }
}

/// A value, with what is needed to complain about it.
pub(super) struct Field<'a> {
    path: String,
    place: &'a Place,
    node: &'a Node,
}

impl<'a> Field<'a> {
    pub(super) fn node(&self) -> &'a Node {
        self.node
    }

    /// Where its key stands.
    pub(super) fn place(&self) -> &'a Place {
        self.place
    }

    pub(super) fn section<'b>(&'b self, known: &[&'static str]) -> Result<Section<'b>> {
        Section::new(&self.path, self.place, self.node, known)
    }

    /// An error about the value.
    pub(super) fn wrong(&self, what: &str) -> Error {
        self.node.place.error(format!("`{}` {what}", self.path))
    }

    fn mismatch(&self, expected: &str) -> Error {
        self.wrong(&format!("must be {expected}, not {}", self.node.describe()))
    }

    fn scalar(&self, expected: &str) -> Result<&'a Scalar> {
        match &self.node.value {
            Value::Scalar(scalar) => Ok(scalar),
            _ => Err(self.mismatch(expected)),
        }
    }

    pub(super) fn text(&self) -> Result<&'a str> {
        let scalar = self.scalar("text")?;
        match scalar.kind() {
            Kind::Text => Ok(&scalar.text),
            _ if scalar.is_secret => Ok(&scalar.text),
            _ => Err(self.mismatch("text").help("put it in quotes")),
        }
    }

    /// Text or a number, as it is written.
    pub(super) fn plain(&self) -> Result<&'a str> {
        let expected = "a number or text such as `32MiB`";
        let scalar = self.scalar(expected)?;
        match scalar.kind() {
            Kind::Text | Kind::Integer => Ok(&scalar.text),
            _ => Err(self.mismatch(expected)),
        }
    }

    /// Text that says something.
    pub(super) fn word(&self) -> Result<&'a str> {
        match self.text()? {
            "" => Err(self.wrong("must not be empty")),
            text => Ok(text),
        }
    }

    pub(super) fn path(&self) -> Result<PathBuf> {
        Ok(PathBuf::from(self.word()?))
    }

    pub(super) fn secret(&self) -> Result<SecretString> {
        Ok(SecretString::from(self.text()?))
    }

    /// A secret without which nothing can be proved.
    pub(super) fn credential(&self) -> Result<SecretString> {
        Ok(SecretString::from(self.word()?))
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&'static str, T)]) -> Result<T> {
        let text = self.text()?;
        match choices.iter().find(|(name, _)| *name == text) {
            Some((_, choice)) => Ok(*choice),
            None => Err(self.unknown(text, choices.iter().map(|(name, _)| *name))),
        }
    }

    /// An error about a name that is none of the right ones.
    pub(super) fn unknown<'n>(&self, name: &str, right: impl IntoIterator<Item = &'n str>) -> Error {
        let shown = match &self.node.value {
            Value::Scalar(scalar) if !scalar.is_secret => format!(" `{name}`"),
            _ => String::new(),
        };
        self.wrong(&format!("has an unknown value{shown}")).help(suggest::help(name, right))
    }

    pub(super) fn boolean(&self) -> Result<bool> {
        match self.scalar("true or false")?.kind() {
            Kind::Boolean(value) => Ok(value),
            _ => Err(self.mismatch("true or false")),
        }
    }

    pub(super) fn whole(&self, range: RangeInclusive<u64>) -> Result<u64> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let scalar = self.scalar(&expected)?;
        if scalar.kind() != Kind::Integer {
            return Err(self.mismatch(&expected));
        }
        let value = scalar.text.parse().ok().filter(|value| range.contains(value));
        value.ok_or_else(|| self.wrong(&format!("must be {expected}")))
    }

    pub(super) fn positive(&self) -> Result<f64> {
        let expected = "a number greater than 0";
        let scalar = self.scalar(expected)?;
        if !matches!(scalar.kind(), Kind::Integer | Kind::Number) {
            return Err(self.mismatch(expected));
        }
        let value = scalar.text.parse().ok().filter(|value: &f64| value.is_finite() && *value > 0.0);
        value.ok_or_else(|| self.wrong(&format!("must be {expected}")))
    }

    /// A duration that is longer than nothing.
    pub(super) fn duration(&self) -> Result<Duration> {
        let expected = "a duration such as `500ms`, `30s`, `5m` or `2h`";
        let text = &self.scalar(expected)?.text;
        match parse_duration(text) {
            Some(duration) if !duration.is_zero() => Ok(duration),
            Some(_) => Err(self.wrong("must be longer than nothing")),
            None => Err(self.wrong(&format!("must be {expected}"))),
        }
    }

    /// An `http` or `https` address without credentials.
    pub(super) fn url(&self) -> Result<Url> {
        let expected = "must be an address that begins with `https://` or `http://`";
        let text = self.word()?;
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or_else(|| self.wrong(expected))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(self
                .wrong("must not have a user name or a password in it")
                .help("put them under `source.auth`, with `type: basic`"));
        }
        if url.fragment().is_some() {
            return Err(self.wrong("must not have a fragment (`#…`)"));
        }
        Ok(url)
    }

    pub(super) fn list(&self) -> Result<Vec<Field<'a>>> {
        let Value::List(items) = &self.node.value else {
            return Err(self.mismatch("a list").help("for example `[one, two]`"));
        };
        let item =
            |(at, node): (usize, &'a Node)| Field { path: format!("{}[{at}]", self.path), place: &node.place, node };
        Ok(items.iter().enumerate().map(item).collect())
    }

    pub(super) fn entries(&self) -> Result<Vec<(&'a str, Field<'a>)>> {
        let Value::Map(entries) = &self.node.value else {
            return Err(self.mismatch("a mapping of keys to values"));
        };
        let field = |entry: &'a Entry| {
            let path = format!("{}.{}", self.path, entry.key);
            (entry.key.as_str(), Field { path, place: &entry.place, node: &entry.node })
        };
        Ok(entries.iter().map(field).collect())
    }
}

/// Reads `50ms`, `30s`, `5m`, `2h` or `1d`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (amount, unit) = text.split_at(digits);
    let amount: u64 = amount.parse().ok()?;
    let seconds = match unit {
        "ms" => return Some(Duration::from_millis(amount)),
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    amount.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        let cases = [
            ("500ms", Some(Duration::from_millis(500))),
            ("30s", Some(Duration::from_secs(30))),
            ("5m", Some(Duration::from_secs(300))),
            ("2h", Some(Duration::from_secs(7_200))),
            ("1d", Some(Duration::from_secs(86_400))),
            ("30", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("1 s", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }
}
