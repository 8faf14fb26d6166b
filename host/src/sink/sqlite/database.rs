//! The database file: opening it, writing to it in turn, and turning SQLite's errors into sentences.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};
use tempfile::TempDir;

use super::sql::quote;
use super::turn::{Queue, Turn};
use crate::error::{Error, Result};
use crate::sink::place;

/// How long another process may hold the database before a commit fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open database.
#[derive(Debug)]
pub(super) struct Database {
    path: PathBuf,
    pub(super) sql: Connection,
    queue: Arc<Queue>,
    /// Where the copy of a dry run lies; removed when the run ends. Dropped after the connection.
    _copy: Option<TempDir>,
}

impl Database {
    /// Opens a database for writing; creates it where there is none.
    pub(super) fn open(path: &Path) -> Result<Database> {
        place::check(path)?;
        let sql =
            Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE))
                .map_err(|error| explain(path, &error))?;
        Database::prepare(path, sql, None)
    }

    /// Opens a copy of the database, for a run that must leave no trace.
    pub(super) fn open_copy(path: &Path) -> Result<Database> {
        place::check(path)?;
        let failed = |error: std::io::Error| Error::host(format!("cannot make a temporary directory: {error}"));
        let directory = tempfile::tempdir().map_err(failed)?;
        let copy = directory.path().join("copy.db");
        if let Some(original) = open_read_only(path)? {
            let into = copy.to_string_lossy();
            original.execute("VACUUM INTO ?1", [&*into]).map_err(|error| explain(path, &error))?;
        }
        let sql = Connection::open(&copy).map_err(|error| explain(&copy, &error))?;
        Database::prepare(&copy, sql, Some(directory))
    }

    fn prepare(path: &Path, sql: Connection, copy: Option<TempDir>) -> Result<Database> {
        let database = Database { path: path.to_owned(), sql, queue: Queue::of(path), _copy: copy };
        let settings = || {
            database.sql.busy_timeout(PATIENCE)?;
            // In WAL mode a commit survives a crash of the process; after a power loss the last commits may be gone,
            // each with its state, so that the next run reads those rows again.
            database.sql.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            database.sql.pragma_update(None, "synchronous", "NORMAL")?;
            // Rows are written in the order of their keys, so a larger cache gains nothing (docs/decisions/0011).
            database.sql.pragma_update(None, "cache_size", -1_024)?;
            // Keys in random order touch the whole index in every commit: copy its pages back from the log seldom.
            database.sql.pragma_update(None, "wal_autocheckpoint", 10_000)?;
            database.sql.set_prepared_statement_cache_capacity(64);
            Ok(())
        };
        let _turn = database.queue.wait();
        settings().map_err(|error| database.failed(&error))?;
        Ok(database)
    }

    /// Waits for the right to write and begins a transaction.
    pub(super) fn begin(&self) -> Result<Turn> {
        let turn = self.queue.wait();
        self.run("BEGIN IMMEDIATE")?;
        Ok(turn)
    }

    /// Runs statements that need no values.
    pub(super) fn run(&self, sql: &str) -> Result<()> {
        self.sql.execute_batch(sql).map_err(|error| self.failed(&error))
    }

    /// Gives up the transaction, where there is one.
    pub(super) fn roll_back(&self) {
        if !self.sql.is_autocommit() {
            // It can fail only where SQLite has rolled back by itself.
            let _ = self.sql.execute_batch("ROLLBACK");
        }
    }

    /// What SQLite says, as an error of ours.
    pub(super) fn failed(&self, error: &rusqlite::Error) -> Error {
        explain(&self.path, error)
    }

    /// The names and declared types of a table's columns, in order, with their places in the primary key. Empty
    /// where there is no such table.
    pub(super) fn columns(&self, table: &str) -> Result<Vec<ColumnInfo>> {
        let read = || {
            let mut statement = self.sql.prepare_cached("SELECT name, type, pk FROM pragma_table_info(?1, 'main')")?;
            let column =
                |row: &rusqlite::Row<'_>| Ok(ColumnInfo { name: row.get(0)?, declared: row.get(1)?, key: row.get(2)? });
            statement.query_map([table], column)?.collect::<rusqlite::Result<Vec<ColumnInfo>>>()
        };
        read().map_err(|error| self.failed(&error))
    }

    /// The name under which a table is there, and whether it is a table, not a view.
    pub(super) fn find(&self, table: &str) -> Result<Option<(String, bool)>> {
        let query = "SELECT name, type = 'table' FROM main.sqlite_schema \
                     WHERE name = ?1 COLLATE NOCASE AND type IN ('table', 'view')";
        let row = self.sql.query_row(query, [table], |row| Ok((row.get(0)?, row.get(1)?)));
        row.optional().map_err(|error| self.failed(&error))
    }

    /// Removes the tables whose names begin with `prefix`.
    pub(super) fn drop_tables(&self, prefix: &str) -> Result<()> {
        let query = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND substr(name, 1, length(?1)) = ?1";
        let read = || {
            let mut statement = self.sql.prepare(query)?;
            statement.query_map([prefix], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()
        };
        let tables = read().map_err(|error| self.failed(&error))?;
        tables.iter().try_for_each(|table| self.run(&format!("DROP TABLE {}", quote(table))))
    }
}

/// A column as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ColumnInfo {
    pub(super) name: String,
    pub(super) declared: String,
    /// Its place in the primary key, from 1 on; 0 for other columns.
    pub(super) key: u32,
}

/// Opens a database that is there, to look at it. What a process has left half done that was killed is undone before,
/// which takes the right to write.
pub(super) fn open_read_only(path: &Path) -> Result<Option<Connection>> {
    if !path.exists() {
        return Ok(None);
    }
    place::check(path)?;
    let open = |mode| -> rusqlite::Result<Connection> {
        let sql = Connection::open_with_flags(path, flags(mode))?;
        sql.busy_timeout(PATIENCE)?;
        sql.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
        Ok(sql)
    };
    let opened = match open(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ReadOnly) => open(OpenFlags::SQLITE_OPEN_READ_WRITE),
        opened => opened,
    };
    opened.map(Some).map_err(|error| explain(path, &error))
}

// Without `SQLITE_OPEN_URI`: a path is a path, also where it begins with `file:`.
fn flags(mode: OpenFlags) -> OpenFlags {
    mode | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// What SQLite says, and what to do about it.
pub(super) fn explain(path: &Path, error: &rusqlite::Error) -> Error {
    let shown = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => place::misplaced(format!("`{shown}` is no SQLite database"))
            .help("let `destination.path` name another file; this one was left as it is"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::sink(format!("`{shown}` is locked by another program, for {} seconds now", PATIENCE.as_secs()))
                .help("close the program that writes to it, and run again")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            Error::sink(format!("`{shown}` cannot be written: {}", sentence(error)))
                .help("give the user who runs this the right to write the file and its directory")
        }
        Some(ErrorCode::CannotOpen) => Error::sink(format!("`{shown}` cannot be opened: {}", sentence(error)))
            .help("check that the file and its directory can be read and written"),
        Some(ErrorCode::DiskFull) => {
            Error::sink(format!("the disk of `{shown}` is full")).help("make room, and run again")
        }
        Some(ErrorCode::DatabaseCorrupt) => Error::sink(format!("`{shown}` is damaged: {}", sentence(error)))
            .help("restore it from a backup, or let `destination.path` name another file"),
        Some(ErrorCode::SystemIoFailure) => Error::sink(format!("`{shown}`: {}", sentence(error)))
            .help("check the disk, and the limits on its use; what was committed before is kept"),
        _ => Error::sink(format!("`{shown}`: {}", sentence(error))),
    }
}

fn sentence(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}
