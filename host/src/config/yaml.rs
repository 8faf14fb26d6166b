//! YAML (and with it JSON) as a tree in which everything knows its place.
//!
//! Scalars keep their text, so that no digit is lost and variables can be put in before a type is asked for. It must
//! not know what any key means.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag};

use super::place::Place;
use crate::error::Result;

/// How deep lists and mappings may nest.
const DEPTH_LIMIT: usize = 64;

/// How many nodes a file may have once its aliases are followed.
const NODE_LIMIT: usize = 100_000;

/// A value, and where it begins.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a mapping, with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

/// A scalar as it was written.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    pub(super) text: String,
    /// Quotes and blocks are text, whatever they look like.
    pub(super) is_quoted: bool,
    /// Whether a variable was put in: such a text is never shown.
    pub(super) is_secret: bool,
}

/// What a scalar is, by the core schema of YAML 1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Boolean(bool),
    Integer,
    Number,
    Text,
}

impl Scalar {
    pub(super) fn kind(&self) -> Kind {
        if self.is_quoted {
            return Kind::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
            "true" | "True" | "TRUE" => Kind::Boolean(true),
            "false" | "False" | "FALSE" => Kind::Boolean(false),
            text if is_integer(text) => Kind::Integer,
            text if is_decimal(text) => Kind::Number,
            _ => Kind::Text,
        }
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_decimal(text: &str) -> bool {
    let starts_like_one = text.trim_start_matches(['-', '+', '.']).starts_with(|first: char| first.is_ascii_digit());
    starts_like_one && text.parse::<f64>().is_ok()
}

impl Node {
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.kind() == Kind::Null)
    }

    /// What it is, in words.
    pub(super) fn describe(&self) -> &'static str {
        match &self.value {
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Scalar(scalar) => match scalar.kind() {
                Kind::Null => "nothing",
                Kind::Boolean(_) => "true or false",
                Kind::Integer => "a whole number",
                Kind::Number => "a number",
                Kind::Text => "text",
            },
        }
    }
}

/// Reads one document. `place` says where a line and a column are.
pub(super) fn read(text: &str, place: &dyn Fn(usize, usize) -> Place) -> Result<Node> {
    let mut reader = Reader { parser: Parser::new_from_str(text), place, anchors: HashMap::new(), nodes: 0 };
    let root = loop {
        match reader.next()? {
            (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
            (Event::StreamEnd, _) => break Node { place: place(1, 1), value: Value::Map(Vec::new()) },
            (event, span) => break reader.node(event, span, 0)?,
        }
    };
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(root),
            (Event::DocumentStart(_), span) => {
                return Err(reader.at(span).error("a second document begins; a file describes one connection"));
            }
            _ => {}
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    place: &'a dyn Fn(usize, usize) -> Place,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span)> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.mark(*error.marker()).error(format!("not valid YAML: {}", error.info()))),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn at(&self, span: Span) -> Place {
        self.mark(span.start)
    }

    fn mark(&self, marker: Marker) -> Place {
        (self.place)(marker.line(), marker.col() + 1)
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node> {
        let place = self.at(span);
        self.count(1, &place)?;
        if depth > DEPTH_LIMIT {
            return Err(place.error(format!("lists and mappings nest more than {DEPTH_LIMIT} deep")));
        }
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_quoted = style != ScalarStyle::Plain || is_text(tag.as_deref(), &place)?;
                let scalar = Scalar { text: text.into_owned(), is_quoted, is_secret: false };
                (anchor, Value::Scalar(scalar))
            }
            Event::SequenceStart(anchor, tag) => {
                is_text(tag.as_deref(), &place)?;
                (anchor, Value::List(self.list(depth)?))
            }
            Event::MappingStart(anchor, tag) => {
                is_text(tag.as_deref(), &place)?;
                (anchor, Value::Map(self.map(depth)?))
            }
            Event::Alias(anchor) => {
                let unknown = || place.error("an alias stands within what it names");
                let node = self.anchors.get(&anchor).cloned().ok_or_else(unknown)?;
                self.count(size(&node), &place)?;
                return Ok(node);
            }
            _ => return Err(place.error("not valid YAML: a value is missing")),
        };
        let node = Node { place, value };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (key, place) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(text, ..), span) => (text.into_owned(), self.at(span)),
                (_, span) => return Err(self.at(span).error("a key must be plain text")),
            };
            if let Some(earlier) = entries.iter().find(|entry| entry.key == key) {
                return Err(place.error(format!("the key `{key}` is here twice; the first is at {}", earlier.place)));
            }
            let (event, span) = self.next()?;
            let node = self.node(event, span, depth + 1)?;
            entries.push(Entry { key, place, node });
        }
    }

    fn count(&mut self, nodes: usize, place: &Place) -> Result<()> {
        self.nodes += nodes;
        if self.nodes > NODE_LIMIT {
            return Err(place.error(format!("the file has more than {NODE_LIMIT} values")));
        }
        Ok(())
    }
}

/// Whether a tag makes a scalar text. Other tags would have to change a value, and none is known.
fn is_text(tag: Option<&Tag>, place: &Place) -> Result<bool> {
    match tag {
        None => Ok(false),
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Ok(true),
        Some(tag) => Err(place.error(format!("the tag `{tag}` is not supported")).help("leave the tag out")),
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(_) => 1,
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|entry| size(&entry.node)).sum::<usize>(),
    }
}
