//! What is left when the product is taken away: SQLite alone, with the rows in memory, and a client that only copies
//! records into a file.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use axum::body::Bytes;
use rusqlite::Connection;
use tidegate::config::Destination;
use tidegate::model::{Batch, Document, Owner};
use tidegate::sink::{self, Mode};

use crate::support::bare_client;
use crate::support::records::FIELDS;
use crate::support::twin::table;

/// How many rows a commit has.
const COMMIT: usize = 50_000;

/// The statement of the sink, for the table that [`table`] declares.
const UPSERT: &str = r#"
    INSERT INTO "user" AS present
        ("id", "name", "email", "address", "company", "job", "createdAt", "updatedAt",
         "_tidegate_synced_at", "_tidegate_deleted")
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)
    ON CONFLICT ("id") DO UPDATE SET
        "_tidegate_synced_at" = excluded."_tidegate_synced_at", "_tidegate_deleted" = 0,
        "name" = excluded."name", "email" = excluded."email", "address" = excluded."address",
        "company" = excluded."company", "job" = excluded."job",
        "createdAt" = excluded."createdAt", "updatedAt" = excluded."updatedAt"
    WHERE (present."_tidegate_deleted", present."name", present."email", present."address", present."company",
           present."job", present."createdAt", present."updatedAt")
        IS NOT (0, excluded."name", excluded."email", excluded."address", excluded."company",
                excluded."job", excluded."createdAt", excluded."updatedAt")"#;

/// Rows in memory, ready to be bound.
struct Rows {
    text: String,
    /// Where each value ends. The next one begins there.
    ends: Vec<u32>,
}

impl Rows {
    fn values(&self, row: usize) -> [&str; FIELDS.len()] {
        std::array::from_fn(|column| {
            let at = row * FIELDS.len() + column;
            let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.text[start as usize..self.ends[at] as usize]
        })
    }

    fn take(&mut self, batch: &Batch) -> Result<()> {
        for (_, value) in batch.rows().flat_map(|row| row.cells().collect::<Vec<_>>()) {
            self.text.push_str(&value.text().context("a text")?);
            self.ends.push(u32::try_from(self.text.len())?);
        }
        Ok(())
    }
}

/// Upserts all rows of the source, each commit in the order in which they came or in that of their keys. Returns how
/// long that took once they were in memory, and how many there were.
pub(crate) async fn sqlite(url: &str, path: &Path, are_sorted: bool) -> Result<(Instant, usize)> {
    let mut rows = Rows { text: String::new(), ends: Vec::new() };
    walk(url, |body| rows.take(&Document::parse(body)?.records("/data")?)).await?;
    let mut sink = sink::open(&Destination::Sqlite { path: path.to_owned() }, &Owner::local("alone"), None, false)?;
    sink.begin(&[table()], Mode::Incremental)?;
    sink.finish()?;
    drop(sink);

    let begin = Instant::now();
    let sql = Connection::open(path)?;
    // As the sink sets them.
    sql.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1024; PRAGMA wal_autocheckpoint = 10000")?;
    let mut statement = sql.prepare(UPSERT)?;
    let mut order: Vec<usize> = (0..rows.ends.len() / FIELDS.len()).collect();
    for commit in order.chunks_mut(COMMIT) {
        if are_sorted {
            commit.sort_by_key(|row| rows.values(*row)[0]);
        }
        sql.execute_batch("BEGIN IMMEDIATE")?;
        statement.raw_bind_parameter(FIELDS.len() + 1, "2026-01-01T00:00:00.000Z")?;
        for row in commit {
            for (column, value) in rows.values(*row).into_iter().enumerate() {
                statement.raw_bind_parameter(column + 1, value)?;
            }
            statement.raw_execute()?;
        }
        sql.execute_batch("COMMIT")?;
    }
    Ok((begin, order.len()))
}

/// Copies all records into a file, one a line. They are found by a lazy parse; a thread writes meanwhile.
pub(crate) async fn lines(url: &str, path: &Path) -> Result<usize> {
    let (bodies, pages) = std::sync::mpsc::sync_channel::<Bytes>(4);
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let writer = std::thread::spawn(move || -> Result<usize> {
        let mut count = 0;
        for body in pages {
            let data = sonic_rs::get(body.as_ref(), ["data"])?;
            for record in sonic_rs::to_array_iter(data.as_raw_str()) {
                file.write_all(record?.as_raw_str().as_bytes())?;
                file.write_all(b"\n")?;
                count += 1;
            }
        }
        file.flush()?;
        Ok(count)
    });
    walk(url, |body| bodies.send(body).context("the writer has ended")).await?;
    drop(bodies);
    writer.join().ok().context("the writer crashed")?
}

/// Fetches page after page by one client.
async fn walk(url: &str, mut take: impl FnMut(Bytes) -> Result<()>) -> Result<()> {
    let client = bare_client()?;
    let mut query = String::new();
    loop {
        let answer = client.get(format!("{url}/pagination/keyset{query}")).send().await?.error_for_status()?;
        let body = answer.bytes().await?;
        // It stands behind the records.
        let tail = std::str::from_utf8(&body[body.len().saturating_sub(64)..])?;
        let token = tail.rsplit_once(r#""scroll_param":""#).map(|(_, token)| token.trim_end_matches("\"}"));
        query = token.map(|token| format!("?scroll_param={token}")).unwrap_or_default();
        take(body)?;
        if query.is_empty() {
            return Ok(());
        }
    }
}
