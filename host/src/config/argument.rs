//! `--set key.path=value`: keys from the command line, which win over the file.

use std::str::FromStr;
use std::sync::Arc;

use super::place::Place;
use super::yaml::{self, Entry, Node, Scalar, Value};
use crate::error::{Error, Result};

/// One key that the command line sets.
#[derive(Clone)]
pub struct Override {
    key: String,
    /// YAML. It may be a secret.
    value: String,
}

impl FromStr for Override {
    type Err = Error;

    fn from_str(text: &str) -> Result<Override> {
        // What stands before the first `=` is no key where a colon is used in its place, and may be a secret then.
        let pair = text.split_once('=').filter(|(key, _)| !key.contains(": "));
        let (key, value) = pair.ok_or_else(|| {
            Error::configuration("--set needs a key and a value").help("write `--set destination.path=other.db`")
        })?;
        if key.split('.').any(|part| part.trim().is_empty()) {
            return Err(Error::configuration(format!("--set {key}: a part of the key is empty")));
        }
        Ok(Override { key: key.to_owned(), value: value.to_owned() })
    }
}

impl Override {
    /// Puts the value where its key says.
    pub(super) fn apply(&self, root: &mut Node) -> Result<()> {
        let place = Place::Argument(Arc::from(self.key.as_str()));
        let parts: Vec<&str> = self.key.split('.').collect();
        set(root, &parts, self.read(&place)?, &place)
    }

    fn read(&self, place: &Place) -> Result<Node> {
        // YAML takes a lone hyphen for a list, where it is the name of standard output.
        if matches!(self.value.as_str(), "" | "-") {
            let text = Scalar { text: self.value.clone(), is_quoted: true, is_secret: false };
            return Ok(Node { place: place.clone(), value: Value::Scalar(text) });
        }
        yaml::read(&self.value, &|_, _| place.clone())
            .map_err(|error| error.help("the value is read as YAML; put text with special characters in quotes"))
    }
}

fn set(node: &mut Node, key: &[&str], value: Node, place: &Place) -> Result<()> {
    let [first, rest @ ..] = key else {
        *node = value;
        return Ok(());
    };
    let nothing = || Node { place: place.clone(), value: Value::Map(Vec::new()) };
    if node.is_null() {
        *node = nothing();
    }
    let what = node.describe();
    let Value::Map(entries) = &mut node.value else {
        return Err(place.error(format!("`{first}` cannot be set, since {what} stands where it would belong")));
    };
    if let Some(entry) = entries.iter_mut().find(|entry| entry.key == *first) {
        if rest.is_empty() {
            entry.place = place.clone();
        }
        return set(&mut entry.node, rest, value, place);
    }
    let mut entry = Entry { key: (*first).to_owned(), place: place.clone(), node: nothing() };
    set(&mut entry.node, rest, value, place)?;
    entries.push(entry);
    Ok(())
}
