//! What a destination holds, read as its users read it, without changing it.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

use super::Workspace;

/// The fields of a record of the source, the key first.
const FIELDS: [&str; 8] = ["id", "name", "email", "address", "company", "job", "createdAt", "updatedAt"];

/// The fields of a record as texts.
pub(crate) type Row = Vec<String>;

/// A kind of destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sink {
    Sqlite,
    Jsonl,
}

impl Sink {
    /// Its name in a connection file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Sink::Sqlite => "sqlite",
            Sink::Jsonl => "jsonl",
        }
    }

    /// The file that holds it, and those that may stand beside it.
    pub(crate) fn files(self) -> &'static [&'static str] {
        match self {
            Sink::Sqlite => &["test.db", "test.db-wal", "test.db-shm"],
            Sink::Jsonl => &["test.jsonl"],
        }
    }
}

/// Rows by their keys, and the state that covers them.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) rows: BTreeMap<String, Row>,
    pub(crate) state: Option<Value>,
    /// Whether something stands behind what counts, as a crash leaves it.
    pub(crate) torn: bool,
}

/// The rows that a table should have for these records.
pub(crate) fn expected(records: &[Value]) -> BTreeMap<String, Row> {
    records.iter().map(row).collect()
}

fn row(record: &Value) -> (String, Row) {
    let text = |field: &str| record[field].as_str().unwrap_or_else(|| panic!("{field} in {record}")).to_owned();
    (text("id"), FIELDS.iter().map(|field| text(field)).collect())
}

impl Workspace {
    /// What the destination holds. It is looked at in a copy: a database must be mended by the next run, not by us.
    pub(crate) fn contents(&self, sink: Sink) -> Contents {
        let copy = tempfile::tempdir().expect("a folder");
        for file in sink.files().iter().filter(|file| !file.ends_with("-shm")) {
            if self.path(file).exists() {
                std::fs::copy(self.path(file), copy.path().join(file)).expect("a copy");
            }
        }
        let path = copy.path().join(sink.files()[0]);
        match sink {
            _ if !path.exists() => Contents::default(),
            Sink::Sqlite => read_database(&path),
            Sink::Jsonl => read_lines(&std::fs::read(path).expect("the file")),
        }
    }
}

fn read_database(path: &Path) -> Contents {
    let database = Connection::open(path).expect("the database");
    let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(check, "ok", "the database is damaged");
    let has = |table: &str| database.table_exists(Some("main"), table).expect("the schema");
    let mut contents = Contents::default();
    if has("user") {
        let columns = FIELDS.map(|field| format!("\"{field}\"")).join(", ");
        let mut statement = database.prepare(&format!("SELECT {columns} FROM user")).expect("a query");
        let rows = statement.query_map([], |row| (0..FIELDS.len()).map(|at| row.get(at)).collect());
        let rows: Vec<Row> = rows.and_then(Iterator::collect).expect("the rows");
        let count = rows.len();
        contents.rows = rows.into_iter().map(|row| (row[0].clone(), row)).collect();
        assert_eq!(contents.rows.len(), count, "a key stands in two rows");
    }
    if has("_tidegate_state") {
        let state = database.query_row("SELECT state FROM _tidegate_state", [], |row| row.get::<_, Option<String>>(0));
        let state = state.optional().expect("the state").flatten();
        contents.state = state.map(|state| serde_json::from_str(&state).expect("a state"));
    }
    contents
}

/// Rows count up to the last whole checkpoint; of several with one key the last does.
fn read_lines(bytes: &[u8]) -> Contents {
    let mut contents = Contents::default();
    let mut waiting = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match serde_json::from_slice::<Value>(line).ok().filter(|_| line.ends_with(b"\n")) {
            Some(line) if line["op"] == "upsert" => waiting.push(row(&line["row"])),
            Some(line) if line["checkpoint"].is_object() => {
                contents.rows.extend(waiting.drain(..));
                let state = line["checkpoint"]["state"].as_str();
                contents.state = state.map(|state| serde_json::from_str(state).expect("a state"));
            }
            Some(line) => panic!("nobody wrote such a line: {line}"),
            None => contents.torn = true,
        }
    }
    contents.torn |= !waiting.is_empty();
    contents
}
