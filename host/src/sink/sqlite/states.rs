//! The saved states, in a table of the destination itself, so that they are committed together with the rows.
//!
//! Each connection has one row with its state and its fence: a number that every run raises when it opens the
//! destination. Who holds an older number has been overtaken and may no longer commit.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use super::database::{Database, explain, open_read_only};
use super::now;
use crate::error::{Error, Origin, Result};
use crate::model::State;
use crate::sink::StateStore;

const CREATE: &str = "
    CREATE TABLE IF NOT EXISTS _tidegate_state (
        connection TEXT PRIMARY KEY NOT NULL,
        state TEXT,
        state_version INTEGER,
        plugin_digest TEXT,
        fence INTEGER NOT NULL,
        by_hand INTEGER NOT NULL DEFAULT 0,
        updated_at TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS _tidegate_state_history (
        connection TEXT NOT NULL,
        state TEXT NOT NULL,
        state_version INTEGER NOT NULL,
        plugin_digest TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        replaced_at TEXT NOT NULL,
        reason TEXT NOT NULL
    );";

const LOAD: &str =
    "SELECT state, state_version, plugin_digest FROM _tidegate_state WHERE connection = ?1 AND state IS NOT NULL";

/// Raises the fence of a connection. Returns the number by which the caller may commit.
pub(super) fn take_over(database: &Database, connection: &str) -> Result<i64> {
    let _turn = database.begin()?;
    let raise = || {
        database.sql.execute_batch(CREATE)?;
        raise_fence(&database.sql, connection)
    };
    let fence =
        raise().map_err(|error| database.failed(&error)).and_then(|fence| database.run("COMMIT").map(|()| fence));
    database.roll_back();
    fence
}

fn raise_fence(sql: &Connection, connection: &str) -> rusqlite::Result<i64> {
    let raise = "INSERT INTO _tidegate_state (connection, fence, updated_at) VALUES (?1, 1, ?2)
                 ON CONFLICT (connection) DO UPDATE SET fence = fence + 1 RETURNING fence";
    sql.query_row(raise, params![connection, now()], |row| row.get(0))
}

/// Fails where another run has raised the fence since. To be called within the transaction that is to be committed.
pub(super) fn check_fence(database: &Database, connection: &str, fence: i64) -> Result<()> {
    let query = "SELECT fence FROM _tidegate_state WHERE connection = ?1";
    let current: Option<i64> = database
        .sql
        .query_row(query, [connection], |row| row.get(0))
        .optional()
        .map_err(|error| database.failed(&error))?;
    if current == Some(fence) {
        return Ok(());
    }
    let message = format!("another run of connection `{connection}` has taken over; this one can commit no more");
    Err(Error::new(Origin::State, "sink.fenced", message)
        .help("let one run of a connection end before the next begins; what was committed before is kept"))
}

/// The last committed state.
pub(super) fn load(sql: &Connection, connection: &str) -> rusqlite::Result<Option<State>> {
    let state =
        |row: &rusqlite::Row<'_>| Ok(State { text: row.get(0)?, version: row.get(1)?, plugin_digest: row.get(2)? });
    sql.query_row(LOAD, [connection], state).optional()
}

/// Saves a state within the transaction of its rows. A state of another version that it replaces is kept.
pub(super) fn save(sql: &Connection, connection: &str, state: Option<&State>) -> rusqlite::Result<()> {
    let before = load(sql, connection)?;
    if let (Some(before), Some(state)) = (&before, state)
        && before.version != state.version
    {
        keep(sql, connection, "version")?;
    }
    put(sql, connection, state, false)
}

/// Whether the state is one that somebody set, which says nothing of what is in the tables.
pub(super) fn is_by_hand(sql: &Connection, connection: &str) -> rusqlite::Result<bool> {
    let query = "SELECT by_hand FROM _tidegate_state WHERE connection = ?1";
    Ok(sql.query_row(query, [connection], |row| row.get(0)).optional()?.unwrap_or(false))
}

fn put(sql: &Connection, connection: &str, state: Option<&State>, by_hand: bool) -> rusqlite::Result<()> {
    let update = "UPDATE _tidegate_state
                  SET state = ?2, state_version = ?3, plugin_digest = ?4, by_hand = ?5, updated_at = ?6
                  WHERE connection = ?1";
    let (text, version) = (state.map(|state| &state.text), state.map(|state| state.version));
    let digest = state.map(|state| &state.plugin_digest);
    sql.prepare_cached(update)?.execute(params![connection, text, version, digest, by_hand, now()]).map(drop)
}

/// Copies the present state into the history.
fn keep(sql: &Connection, connection: &str, reason: &str) -> rusqlite::Result<()> {
    let copy = "INSERT INTO _tidegate_state_history
                SELECT connection, state, state_version, plugin_digest, updated_at, ?2, ?3
                FROM _tidegate_state WHERE connection = ?1 AND state IS NOT NULL";
    sql.execute(copy, params![connection, now(), reason]).map(drop)
}

/// The state of one connection, for people who look at it or change it by hand.
#[derive(Debug)]
pub(crate) struct SqliteStates {
    path: PathBuf,
    connection: String,
}

impl SqliteStates {
    /// Opens nothing yet: looking at a state must not create a database.
    pub(crate) fn new(path: &Path, connection: &str) -> SqliteStates {
        SqliteStates { path: path.to_owned(), connection: connection.to_owned() }
    }
}

impl StateStore for SqliteStates {
    fn show(&mut self) -> Result<Option<State>> {
        let Some(sql) = open_read_only(&self.path)? else { return Ok(None) };
        let failed = |error: rusqlite::Error| explain(&self.path, &error);
        if sql.table_exists(Some("main"), "_tidegate_state").map_err(failed)? {
            load(&sql, &self.connection).map_err(failed)
        } else {
            Ok(None)
        }
    }

    fn replace(&mut self, state: Option<&State>) -> Result<()> {
        if state.is_none() && !self.path.exists() {
            return Ok(());
        }
        let database = Database::open(&self.path)?;
        let _turn = database.begin()?;
        let change = || {
            database.sql.execute_batch(CREATE)?;
            keep(&database.sql, &self.connection, "by hand")?;
            raise_fence(&database.sql, &self.connection)?;
            put(&database.sql, &self.connection, state, true)?;
            database.sql.execute_batch("COMMIT")
        };
        let changed = change().map_err(|error| database.failed(&error));
        database.roll_back();
        changed
    }
}
