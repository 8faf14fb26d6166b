//! The one pass over a text: checks the grammar and notes the members of records.
//!
//! A *record* is an object in a list that is not itself inside a record. Records of one list tend to have the same
//! members in the same order, so the field of a member is first guessed from the record before.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;

use super::text::{hex4, unescape};
use super::{Cell, DEPTH_LIMIT, FIELD_LIMIT, Kind, List};
use crate::model::batch::{Field, RowSpan};

/// What the pass noted.
pub(super) struct Scanned {
    pub(super) fields: Vec<Field>,
    pub(super) cells: Vec<Cell>,
    pub(super) rows: Vec<RowSpan>,
    pub(super) lists: Vec<List>,
    pub(super) root: Range<usize>,
}

/// What is wrong with a text, and where.
#[derive(Debug)]
pub(super) struct Fault {
    what: String,
    at: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

type Outcome<T> = Result<T, Fault>;

/// Checks `text` and notes its records.
pub(super) fn scan(text: &str) -> Outcome<Scanned> {
    let mut scanner = Scanner {
        text,
        bytes: text.as_bytes(),
        at: if text.starts_with('\u{feff}') { 3 } else { 0 },
        depth: 0,
        fields: Vec::new(),
        by_name: HashMap::new(),
        last_seen: Vec::new(),
        cells: Vec::new(),
        rows: Vec::new(),
        lists: Vec::new(),
        keys: Vec::new(),
    };
    scanner.skip_space();
    let start = scanner.at;
    scanner.value(true)?;
    let root = start..scanner.at;
    scanner.skip_space();
    if scanner.at < text.len() {
        return Err(scanner.unexpected("the end"));
    }
    scanner.lists.sort_unstable_by_key(|list| list.text.start);
    let Scanner { fields, mut cells, mut rows, lists, .. } = scanner;
    // Pages wait by the dozen for a commit, so room to grow is room lost.
    cells.shrink_to_fit();
    rows.shrink_to_fit();
    Ok(Scanned { fields, cells, rows, lists, root })
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    fields: Vec<Field>,
    by_name: HashMap<String, u16>,
    /// The record in which each field was seen last, to find a key that occurs twice.
    last_seen: Vec<usize>,
    cells: Vec<Cell>,
    rows: Vec<RowSpan>,
    lists: Vec<List>,
    /// The keys of the objects that are open outside and below records, to find one that occurs twice.
    keys: Vec<Range<u32>>,
}

impl Scanner<'_> {
    /// Checks the value at the cursor. `outside` says that no record is open.
    fn value(&mut self, outside: bool) -> Outcome<Kind> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.object(outside),
            Some(b'[') => self.array(outside),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Kind::True),
            Some(b'f') => self.word("false", Kind::False),
            Some(b'n') => self.word("null", Kind::Null),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn array(&mut self, outside: bool) -> Outcome<Kind> {
        self.enter()?;
        let start = self.at;
        let first_row = self.rows.len();
        let mut stranger = None;
        let mut count = 0u32;
        self.at += 1;
        self.skip_space();
        if self.peek() != Some(b']') {
            loop {
                if outside && self.peek() == Some(b'{') {
                    self.record()?;
                } else {
                    let kind = self.value(outside)?;
                    stranger = stranger.or(Some((count, kind)));
                }
                count += 1;
                if !self.more(b']')? {
                    break;
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        if outside && count > 0 {
            let rows = index(first_row)..index(self.rows.len());
            self.lists.push(List { text: index(start)..index(self.at), rows, stranger });
        }
        Ok(Kind::Array)
    }

    fn object(&mut self, outside: bool) -> Outcome<Kind> {
        self.enter()?;
        let first_key = self.keys.len();
        self.at += 1;
        self.skip_space();
        if self.peek() != Some(b'}') {
            loop {
                let key = self.key()?;
                self.keys.push(key);
                self.colon()?;
                self.value(outside)?;
                if !self.more(b'}')? {
                    break;
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        self.refuse_repeated_keys(first_key)?;
        Ok(Kind::Object)
    }

    /// An object in a list outside of other records: its members become cells.
    fn record(&mut self) -> Outcome<()> {
        self.enter()?;
        let row = self.rows.len();
        let start = self.at;
        let first_cell = self.cells.len();
        let mut guess = self.rows.last().map_or(0..0, |last| last.cells.start as usize..last.cells.end as usize);
        self.at += 1;
        self.skip_space();
        if self.peek() != Some(b'}') {
            loop {
                let field = match guess.next().and_then(|cell| self.guessed(self.cells[cell].field)) {
                    Some(field) => field,
                    None => self.field()?,
                };
                if std::mem::replace(&mut self.last_seen[usize::from(field)], row) == row {
                    return Err(self.repeated(&self.fields[usize::from(field)].name));
                }
                self.colon()?;
                let from = self.at;
                let kind = self.value(false)?;
                let quote = usize::from(matches!(kind, Kind::Plain | Kind::Escaped));
                self.cells.push(Cell { start: index(from + quote), end: index(self.at - quote), field, kind });
                if !self.more(b'}')? {
                    break;
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        self.rows
            .push(RowSpan { text: index(start)..index(self.at), cells: index(first_cell)..index(self.cells.len()) });
        if row == 0 {
            self.make_room(self.at - start);
        }
        Ok(())
    }

    /// Makes room for the rest of the records, if they are like the first one: growing step by step leaves holes in the
    /// heap that nothing fits into.
    fn make_room(&mut self, length: usize) {
        const MOST: usize = 1 << 16;
        let rows = (self.bytes.len() - self.at) / length;
        self.rows.reserve(rows.min(MOST));
        self.cells.reserve(rows.saturating_mul(self.cells.len()).min(MOST));
    }

    /// Takes the key at the cursor if it is this field's.
    fn guessed(&mut self, field: u16) -> Option<u16> {
        let key = self.fields[usize::from(field)].key.clone();
        let key = &self.bytes[key.start as usize - 1..key.end as usize + 1];
        self.bytes[self.at..].starts_with(key).then(|| {
            self.at += key.len();
            field
        })
    }

    /// The field of the key at the cursor.
    fn field(&mut self) -> Outcome<u16> {
        let key = self.key()?;
        let name = unescape(&self.text[key.start as usize..key.end as usize]);
        if let Some(field) = self.by_name.get(name.as_ref()) {
            return Ok(*field);
        }
        let field = u16::try_from(self.fields.len()).ok().filter(|field| usize::from(*field) < FIELD_LIMIT);
        let field = field.ok_or_else(|| self.fault(format!("more than {FIELD_LIMIT} different fields")))?;
        self.by_name.insert(name.clone().into_owned(), field);
        self.fields.push(Field { name: name.into_owned(), key });
        self.last_seen.push(usize::MAX);
        Ok(field)
    }

    /// The key at the cursor, as its range within the quotes.
    fn key(&mut self) -> Outcome<Range<u32>> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a key in quotes"));
        }
        let start = self.at + 1;
        self.string()?;
        Ok(index(start)..index(self.at - 1))
    }

    fn refuse_repeated_keys(&mut self, first: usize) -> Outcome<()> {
        /// Up to here comparing each with each is faster than hashing.
        const FEW: usize = 12;
        let text = |key: &Range<u32>| &self.text[key.start as usize..key.end as usize];
        let keys = &self.keys[first..];
        let escaped = keys.iter().any(|key| text(key).contains('\\'));
        let repeated = if keys.len() <= FEW && !escaped {
            let repeated = (1..keys.len()).find(|i| keys[..*i].iter().any(|key| text(key) == text(&keys[*i])));
            repeated.map(|i| text(&keys[i]).to_owned())
        } else {
            let mut seen = HashSet::with_capacity(keys.len());
            keys.iter().map(|key| unescape(text(key))).find(|name| !seen.insert(name.clone())).map(|name| name.into())
        };
        self.keys.truncate(first);
        match repeated {
            Some(name) => Err(self.repeated(&name)),
            None => Ok(()),
        }
    }

    /// A key that occurs twice. It is the source's, so it may have characters that a terminal obeys.
    fn repeated(&self, key: &str) -> Fault {
        self.fault(format!("the key `{}` occurs twice", key.escape_debug()))
    }

    fn string(&mut self) -> Outcome<Kind> {
        let mut kind = Kind::Plain;
        self.at += 1;
        loop {
            self.at = skip_plain(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(kind);
                }
                Some(b'\\') => {
                    kind = Kind::Escaped;
                    self.escape()?;
                }
                Some(_) => return Err(self.fault("a control character in a string".to_owned())),
                None => return Err(self.fault("the text ends in a string".to_owned())),
            }
        }
    }

    fn escape(&mut self) -> Outcome<()> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => self.unicode_escape(),
            _ => Err(self.fault("an unknown escape".to_owned())),
        }
    }

    fn unicode_escape(&mut self) -> Outcome<()> {
        let unit = |at: usize| self.bytes.get(at..).and_then(hex4);
        let low = || (self.bytes.get(self.at + 6..self.at + 8) == Some(b"\\u")).then(|| unit(self.at + 8)).flatten();
        match unit(self.at + 2) {
            None => Err(self.fault("an incomplete \\u escape".to_owned())),
            Some(0xD800..0xDC00) if matches!(low(), Some(0xDC00..0xE000)) => {
                self.at += 12;
                Ok(())
            }
            Some(0xD800..0xE000) => Err(self.fault("a lone surrogate".to_owned())),
            Some(_) => {
                self.at += 6;
                Ok(())
            }
        }
    }

    fn number(&mut self) -> Outcome<Kind> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        match self.peek() {
            None | Some(b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r') => Ok(Kind::Number),
            Some(_) => Err(self.unexpected("the end of a number")),
        }
    }

    fn digits(&mut self) -> Outcome<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected("a digit")) } else { Ok(()) }
    }

    fn word(&mut self, word: &str, kind: Kind) -> Outcome<Kind> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        Ok(kind)
    }

    fn colon(&mut self) -> Outcome<()> {
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.unexpected("`:`"));
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    /// Whether another element follows; else the cursor stands on `close`.
    fn more(&mut self, close: u8) -> Outcome<bool> {
        self.skip_space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.skip_space();
                Ok(true)
            }
            Some(byte) if byte == close => Ok(false),
            _ => Err(self.unexpected(if close == b']' { "`,` or `]`" } else { "`,` or `}`" })),
        }
    }

    fn enter(&mut self) -> Outcome<()> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(self.fault(format!("more than {DEPTH_LIMIT} levels of lists and objects")));
        }
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn unexpected(&self, wanted: &str) -> Fault {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(found) => self.fault(format!("{wanted} was expected, not `{}`", found.escape_default())),
            None => self.fault(format!("the text ends where {wanted} was expected")),
        }
    }

    fn fault(&self, what: String) -> Fault {
        Fault { what, at: self.at }
    }
}

/// Offsets fit: the document's length was checked.
fn index(offset: usize) -> u32 {
    offset as u32
}

/// The first byte from `at` on that is a quote, a backslash or a control character. Eight bytes a step; the bit trick
/// (find a byte below n in a word) is described in Warren, "Hacker's Delight", section 6-1.
fn skip_plain(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
    const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
    const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);
    const SPACES: u64 = u64::from_le_bytes([b' '; 8]);
    while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*word);
        let zero = |x: u64| x.wrapping_sub(ONES) & !x;
        let found = (zero(word ^ QUOTES) | zero(word ^ BACKSLASHES) | word.wrapping_sub(SPACES) & !word) & HIGHS;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)) {
        at += 1;
    }
    at
}
