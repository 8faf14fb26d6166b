//! An honest strategy in parts.

use crate::{Batch, Error, Manifest, Page, Request, Result, Table, checkpoint, fetch, upsert};

/// The manifest of an honest strategy.
pub fn manifest() -> Manifest {
    Manifest {
        name: "honest".into(),
        version: "1.0.0".into(),
        summary: "Reads one page.".into(),
        config_schema: "{}".into(),
        state_version: 1,
        needs: Vec::new(),
    }
}

/// A table without declared columns, whose key is `id`.
pub fn table(name: &str) -> Table {
    Table { name: name.into(), primary_key: vec!["id".into()], columns: Vec::new() }
}

/// The table of an honest strategy.
pub fn users() -> Table {
    table("user")
}

/// Reads the one page, stages it, seals it.
pub fn sync() -> Result<()> {
    upsert("user", &get("/users")?.records("")?)?;
    checkpoint(r#"{"read":"all"}"#)
}

/// Fetches a page.
pub fn get(path: &str) -> Result<Page> {
    fetch(&Request { method: "GET".into(), path: path.into(), query: Vec::new(), headers: Vec::new(), body: None })
}

/// A batch of records that the strategy made itself.
pub fn batch(json: &str) -> Result<Batch> {
    Batch::from_json(json.as_bytes())
}

/// The text of so many records of so many bytes each. `seed` makes one list differ from another.
pub fn rows(seed: usize, count: usize, bytes: usize) -> String {
    let filler = "x".repeat(bytes);
    let rows: Vec<String> =
        (0..count).map(|row| format!(r#"{{"id":"evil-{seed}-{row}","filler":"{filler}"}}"#)).collect();
    format!("[{}]", rows.join(","))
}

/// An error that tells what came of an attack.
pub fn failure(message: impl Into<String>) -> Error {
    Error { code: "attack.ended".into(), message: message.into(), details: Vec::new() }
}
