//! Records on their way from a page to a sink.
//!
//! A batch is a selection of the records of one document: the document's text is shared, never copied. What a batch
//! says of its records (`wit/records.wit`) is told from the noted places of their members.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::json::{Cell, Document, Kind, resolve, unescape};
use crate::error::Result;

/// The records of one document, with the places of their members.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) body: Bytes,
    pub(super) root: Range<usize>,
    pub(super) fields: Vec<Field>,
    pub(super) cells: Vec<Cell>,
    pub(super) rows: Vec<RowSpan>,
}

impl Records {
    pub(super) fn text(&self) -> &str {
        // SAFETY: `Document::parse` is the only maker of `Records`, and it has checked the body, which is immutable.
        unsafe { std::str::from_utf8_unchecked(&self.body) }
    }

    fn slice(&self, start: u32, end: u32) -> &str {
        &self.text()[start as usize..end as usize]
    }
}

/// A field that occurs in the records of a document.
#[derive(Debug)]
pub(super) struct Field {
    /// Its name.
    pub(super) name: String,
    /// Where it stands for the first time, within the quotes.
    pub(super) key: Range<u32>,
}

/// Where a record stands, and its cells.
#[derive(Clone, Debug)]
pub(super) struct RowSpan {
    pub(super) text: Range<u32>,
    pub(super) cells: Range<u32>,
}

/// A list of records. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Batch {
    records: Arc<Records>,
    rows: Selection,
}

/// What something keeps in memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// What tells the document from all others that are in memory.
    pub document: usize,
    /// The size of the document, with what was noted of it.
    pub shared: usize,
    /// What is nobody else's.
    pub own: usize,
}

#[derive(Clone, Debug)]
enum Selection {
    Range(Range<u32>),
    Picked(Arc<[u32]>),
}

impl Batch {
    pub(super) fn range(records: Arc<Records>, rows: Range<u32>) -> Batch {
        Batch { records, rows: Selection::Range(rows) }
    }

    /// Records from the text of a JSON list of objects.
    pub fn from_json(text: Bytes) -> Result<Batch> {
        Document::parse(text)?.records("")
    }

    /// How many records.
    pub fn len(&self) -> usize {
        match &self.rows {
            Selection::Range(rows) => rows.len(),
            Selection::Picked(rows) => rows.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The size of the records' text, in bytes.
    pub fn bytes(&self) -> usize {
        match &self.rows {
            Selection::Range(rows) if rows.is_empty() => 0,
            Selection::Range(rows) => {
                let spans = &self.records.rows;
                (spans[rows.end as usize - 1].text.end - spans[rows.start as usize].text.start) as usize
            }
            Selection::Picked(_) => self.rows().map(|row| row.json().len()).sum(),
        }
    }

    /// What the batch keeps in memory: a document, which it may share with others, and its own selection.
    pub fn footprint(&self) -> Footprint {
        let Records { body, cells, rows, .. } = &*self.records;
        let selection = match &self.rows {
            Selection::Range(_) => 0,
            Selection::Picked(rows) => size_of_val::<[u32]>(rows),
        };
        Footprint {
            document: body.as_ptr().addr(),
            shared: body.len() + size_of_val(cells.as_slice()) + size_of_val(rows.as_slice()),
            own: size_of::<Batch>() + selection,
        }
    }

    /// The same records in a document of their own, without the rest of the one that they came in.
    pub fn detached(&self) -> Result<Batch> {
        Batch::from_json(self.to_json().into())
    }

    /// The records, in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> + Clone {
        (0..self.len()).map(|at| self.row(at))
    }

    /// The record at an index below [`Batch::len`].
    pub fn row(&self, at: usize) -> Row<'_> {
        let row = match &self.rows {
            Selection::Range(rows) => rows.start as usize + at,
            Selection::Picked(rows) => rows[at] as usize,
        };
        Row { records: &self.records, span: &self.records.rows[row] }
    }

    /// The names of all fields that occur in the document of these records. [`Row::cells`] refers to them by index.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = &str> {
        self.records.fields.iter().map(|field| field.name.as_str())
    }

    /// The records from `start` up to, not including, `end`; indices beyond the length are cut.
    #[must_use]
    pub fn slice(&self, start: usize, end: usize) -> Batch {
        let end = end.min(self.len());
        let start = start.min(end);
        let rows = match &self.rows {
            Selection::Range(rows) => Selection::Range(rows.start + start as u32..rows.start + end as u32),
            Selection::Picked(rows) => Selection::Picked(rows[start..end].into()),
        };
        Batch { records: Arc::clone(&self.records), rows }
    }

    /// The records in which `field` is neither null nor missing.
    #[must_use]
    pub fn having(&self, field: &str) -> Batch {
        let path = FieldPath::new(self, field);
        self.pick(|row| path.value(row).is_some())
    }

    /// The records that do not stand in `earlier` with the same content.
    #[must_use]
    pub fn unseen(&self, earlier: &Batch) -> Batch {
        let known: HashSet<&str> = earlier.rows().map(|row| row.json()).collect();
        self.pick(|row| !known.contains(row.json()))
    }

    fn pick(&self, keep: impl Fn(&Row<'_>) -> bool) -> Batch {
        let number = |at: usize| match &self.rows {
            Selection::Range(rows) => rows.start + at as u32,
            Selection::Picked(rows) => rows[at],
        };
        let rows = (0..self.len()).filter(|at| keep(&self.row(*at))).map(number).collect();
        Batch { records: Arc::clone(&self.records), rows: Selection::Picked(rows) }
    }

    /// The text of one field of each record; see `wit/records.wit` for what that is.
    pub fn column(&self, field: &str) -> Vec<Option<Cow<'_, str>>> {
        let path = FieldPath::new(self, field);
        self.rows().map(|row| path.text(&row)).collect()
    }

    /// The records as a JSON list.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(self.bytes() + self.len() + 2);
        out.push('[');
        for (at, row) in self.rows().enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(row.json());
        }
        out.push(']');
        out
    }
}

/// One record.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    records: &'a Records,
    span: &'a RowSpan,
}

impl<'a> Row<'a> {
    /// Its JSON text, as the source sent it.
    pub fn json(&self) -> &'a str {
        self.records.slice(self.span.text.start, self.span.text.end)
    }

    /// Its members in the order of the text: the index of the field in [`Batch::fields`], and the value.
    pub fn cells(&self) -> impl ExactSizeIterator<Item = (usize, Value<'a>)> + use<'a> {
        let records = self.records;
        self.span_cells().iter().map(move |cell| (usize::from(cell.field), Value::of(records, cell)))
    }

    /// The value of a field, by its name.
    pub fn get(&self, field: &str) -> Option<Value<'a>> {
        let cell = self.span_cells().iter().find(|cell| self.records.fields[usize::from(cell.field)].name == field)?;
        Some(Value::of(self.records, cell))
    }

    fn span_cells(&self) -> &'a [Cell] {
        &self.records.cells[self.span.cells.start as usize..self.span.cells.end as usize]
    }
}

/// A value of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, by its text: no digit is lost.
    Number(&'a str),
    /// A string, escapes resolved.
    String(Cow<'a, str>),
    /// The JSON text of a list.
    Array(&'a str),
    /// The JSON text of an object.
    Object(&'a str),
}

impl<'a> Value<'a> {
    fn of(records: &'a Records, cell: &Cell) -> Value<'a> {
        let text = records.slice(cell.start, cell.end);
        match cell.kind {
            Kind::Null => Value::Null,
            Kind::False => Value::Bool(false),
            Kind::True => Value::Bool(true),
            Kind::Number => Value::Number(text),
            Kind::Plain => Value::String(Cow::Borrowed(text)),
            Kind::Escaped => Value::String(unescape(text)),
            Kind::Array => Value::Array(text),
            Kind::Object => Value::Object(text),
        }
    }

    /// A value from its checked JSON text.
    fn parse(json: &'a str) -> Value<'a> {
        match json.as_bytes() {
            [b'n', ..] => Value::Null,
            [b't', ..] => Value::Bool(true),
            [b'f', ..] => Value::Bool(false),
            [b'"', ..] => Value::String(unescape(&json[1..json.len() - 1])),
            [b'[', ..] => Value::Array(json),
            [b'{', ..] => Value::Object(json),
            _ => Value::Number(json),
        }
    }

    /// The string itself; the JSON text of any other value; nothing for null.
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Value::Null => None,
            Value::Bool(true) => Some("true".into()),
            Value::Bool(false) => Some("false".into()),
            Value::Number(text) | Value::Array(text) | Value::Object(text) => Some(text.into()),
            Value::String(text) => Some(text),
        }
    }
}

/// A field of records, by its name or by a pointer into them, looked up once for a whole batch.
pub(super) struct FieldPath<'a> {
    field: Option<u16>,
    /// The rest of the pointer, below the field.
    below: &'a str,
}

impl<'a> FieldPath<'a> {
    pub(super) fn new(batch: &Batch, field: &'a str) -> Self {
        let (name, below): (Cow<'_, str>, &str) = match field.strip_prefix('/') {
            Some(pointer) => {
                let (first, _) = pointer.split_once('/').unwrap_or((pointer, ""));
                (first.replace("~1", "/").replace("~0", "~").into(), &pointer[first.len()..])
            }
            None => (field.into(), ""),
        };
        let field = batch.records.fields.iter().position(|known| known.name == name);
        FieldPath { field: field.map(|field| field as u16), below }
    }

    /// The value in a record, unless it is null or missing.
    pub(super) fn value<'r>(&self, row: &Row<'r>) -> Option<Value<'r>> {
        let field = self.field?;
        let cell = row.span_cells().iter().find(|cell| cell.field == field)?;
        let value = Value::of(row.records, cell);
        if self.below.is_empty() {
            return (value != Value::Null).then_some(value);
        }
        let (Value::Array(json) | Value::Object(json)) = value else { return None };
        let place = resolve(json, 0..json.len(), self.below, &|_| None)?;
        Some(Value::parse(&json[place])).filter(|value| *value != Value::Null)
    }

    pub(super) fn text<'r>(&self, row: &Row<'r>) -> Option<Cow<'r, str>> {
        self.value(row)?.text()
    }

    /// Like the text, but a string never equals a number or a boolean.
    pub(super) fn json<'r>(&self, row: &Row<'r>) -> Option<(bool, Cow<'r, str>)> {
        let value = self.value(row)?;
        Some((matches!(value, Value::String(_)), value.text()?))
    }
}
