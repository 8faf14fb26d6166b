//! A JSON document as the source sent it: checked whole, once, and kept as it is.
//!
//! One pass checks the text and notes where the members of each record lie, so that nothing is copied and nothing is
//! parsed twice. The check is stricter than RFC 8259 where being lenient loses data: a key that occurs twice in an
//! object, a lone surrogate, invalid UTF-8 and anything after the document refuse the whole document. Numbers keep
//! their text. A byte order mark at the beginning is passed over, as RFC 8259 section 8.1 allows.

mod pointer;
mod scan;
mod text;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::batch::{Batch, Records};
use crate::error::{Error, Result};

pub(super) use pointer::resolve;
pub(super) use text::unescape;

/// How deep lists and objects may nest; the limit that serde_json has, too.
pub(super) const DEPTH_LIMIT: usize = 128;

/// How many different fields the records of one document may have.
pub(super) const FIELD_LIMIT: usize = 65_535;

/// A checked JSON document.
#[derive(Clone, Debug)]
pub struct Document {
    records: Arc<Records>,
    lists: Vec<List>,
}

/// A list of objects whose members were noted.
#[derive(Clone, Debug)]
struct List {
    /// Where it stands, brackets included.
    text: Range<u32>,
    /// Its records, as indices of rows.
    rows: Range<u32>,
    /// The index of its first element that is no object, with that element's kind.
    stranger: Option<(u32, Kind)>,
}

/// What a value is, told by how it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    False,
    True,
    Number,
    /// Without escapes.
    Plain,
    /// With escapes.
    Escaped,
    Array,
    Object,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Null => "null",
            Kind::False | Kind::True => "a boolean",
            Kind::Number => "a number",
            Kind::Plain | Kind::Escaped => "a string",
            Kind::Array => "a list",
            Kind::Object => "an object",
        })
    }
}

/// One member of a record. For strings, the range lies within the quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) field: u16,
    pub(super) kind: Kind,
}

impl Document {
    /// Checks a text. The error says what is wrong and at which byte.
    pub fn parse(body: Bytes) -> Result<Document> {
        let invalid = |message: String| Error::plugin("source.body", message);
        if u32::try_from(body.len()).is_err() {
            return Err(invalid("the document is larger than 4 GiB".to_owned()));
        }
        let text = std::str::from_utf8(&body)
            .map_err(|error| invalid(format!("invalid UTF-8 at byte {}", error.valid_up_to())))?;
        let scanned = scan::scan(text).map_err(|fault| invalid(fault.to_string()))?;
        let records =
            Records { fields: scanned.fields, cells: scanned.cells, rows: scanned.rows, root: scanned.root, body };
        Ok(Document { records: Arc::new(records), lists: scanned.lists })
    }

    /// The JSON text of the value at an RFC 6901 pointer.
    pub fn get(&self, pointer: &str) -> Option<&str> {
        let range = self.locate(pointer)?;
        Some(&self.records.text()[range])
    }

    /// The records in the list at an RFC 6901 pointer.
    pub fn records(&self, pointer: &str) -> Result<Batch> {
        let place = if pointer.is_empty() { "the document".to_owned() } else { format!("the value at `{pointer}`") };
        let refuse = |message: String| Error::plugin("plugin.records", message);
        let range = self.locate(pointer).ok_or_else(|| {
            refuse(format!("nothing at `{pointer}`: {}", self.members()))
                .help("set the record pointer of the configuration to the place of the list of records")
        })?;
        let text = &self.records.text()[range.clone()];
        if !text.starts_with('[') {
            let kind = Kind::of(text.as_bytes()[0]);
            return Err(refuse(format!("{place} is {kind}, not a list of records: {}", self.members())));
        }
        let noted = self.lists.iter().find(|list| list.text.start as usize == range.start);
        match noted {
            Some(List { stranger: Some((index, kind)), .. }) => {
                Err(refuse(format!("{place} has {kind} at index {index}, not an object")))
            }
            Some(list) => Ok(Batch::range(Arc::clone(&self.records), list.rows.clone())),
            None if is_empty_list(text) => Ok(Batch::range(Arc::clone(&self.records), 0..0)),
            // A list inside a record was checked, but its members were not noted.
            None => Document::parse(self.records.body.slice(range))?.inner_records(&place),
        }
    }

    fn inner_records(&self, place: &str) -> Result<Batch> {
        match self.lists.first() {
            Some(List { stranger: None, rows, text }) if text.start == 0 => {
                Ok(Batch::range(Arc::clone(&self.records), rows.clone()))
            }
            _ => Err(Error::plugin("plugin.records", format!("{place} is not a list of objects"))),
        }
    }

    fn locate(&self, pointer: &str) -> Option<Range<usize>> {
        let jump = |at: usize| {
            let index = self.lists.binary_search_by_key(&at, |list| list.text.start as usize).ok()?;
            Some(self.lists[index].text.end as usize)
        };
        resolve(self.records.text(), self.records.root.clone(), pointer, &jump)
    }

    /// What the document has instead, for messages.
    fn members(&self) -> String {
        let text = &self.records.text()[self.records.root.clone()];
        match pointer::member_names(text, 8) {
            Some(names) if names.is_empty() => "the document is an empty object".to_owned(),
            Some(names) => format!("the document has {}", names.join(", ")),
            None => format!("the document is {}", Kind::of(text.as_bytes()[0])),
        }
    }
}

impl Kind {
    /// The kind of a checked value, from its first byte. Strings count as plain.
    fn of(first: u8) -> Kind {
        match first {
            b'n' => Kind::Null,
            b'f' => Kind::False,
            b't' => Kind::True,
            b'"' => Kind::Plain,
            b'[' => Kind::Array,
            b'{' => Kind::Object,
            _ => Kind::Number,
        }
    }
}

fn is_empty_list(text: &str) -> bool {
    text[1..].trim_start_matches([' ', '\t', '\n', '\r']).starts_with(']')
}

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;
