//! The saved states, in a table of the destination itself, so that they are committed together with the rows.
//!
//! Each connection of a tenant has one row with its state and its fence: a number that every run raises when it opens the
//! destination. Who holds an older number has been overtaken and may no longer commit. Where runs are given out under
//! leases, the greatest lease is kept as well, so that who was given an older one does not take over from a newer.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use super::database::{Database, explain, open_read_only};
use super::now;
use crate::error::Result;
use crate::model::{Owner, State};
use crate::sink::{StateStore, overtaken};

const CREATE: &str = "
    CREATE TABLE IF NOT EXISTS _tidegate_state (
        tenant TEXT NOT NULL,
        connection TEXT NOT NULL,
        state TEXT,
        state_version INTEGER,
        plugin_digest TEXT,
        fence INTEGER NOT NULL,
        by_hand INTEGER NOT NULL DEFAULT 0,
        updated_at TEXT NOT NULL,
        PRIMARY KEY (tenant, connection)
    );
    CREATE TABLE IF NOT EXISTS _tidegate_state_history (
        tenant TEXT NOT NULL,
        connection TEXT NOT NULL,
        state TEXT NOT NULL,
        state_version INTEGER NOT NULL,
        plugin_digest TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        replaced_at TEXT NOT NULL,
        reason TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS _tidegate_lease (
        tenant TEXT NOT NULL,
        connection TEXT NOT NULL,
        token INTEGER NOT NULL,
        PRIMARY KEY (tenant, connection)
    );";

const LOAD: &str = "SELECT state, state_version, plugin_digest FROM _tidegate_state
                    WHERE tenant = ?1 AND connection = ?2 AND state IS NOT NULL";

/// Raises the fence of a connection. Returns the number by which the caller may commit.
pub(super) fn take_over(database: &Database, owner: &Owner, lease: Option<u64>) -> Result<i64> {
    let _turn = database.begin()?;
    let raise = || {
        database.sql.execute_batch(CREATE)?;
        match lease {
            Some(lease) if !keep_lease(&database.sql, owner, lease)? => Ok(None),
            _ => raise_fence(&database.sql, owner).map(Some),
        }
    };
    let fence = raise().map_err(|error| database.failed(&error)).and_then(|fence| match fence {
        Some(fence) => database.run("COMMIT").map(|()| fence),
        None => Err(overtaken(owner)),
    });
    database.roll_back();
    fence
}

/// Notes the lease under which a connection is run. False where a later one is noted.
fn keep_lease(sql: &Connection, owner: &Owner, lease: u64) -> rusqlite::Result<bool> {
    let keep = "INSERT INTO _tidegate_lease (tenant, connection, token) VALUES (?1, ?2, ?3)
                ON CONFLICT (tenant, connection) DO UPDATE SET token = excluded.token WHERE token <= excluded.token";
    let lease = i64::try_from(lease).unwrap_or(i64::MAX);
    Ok(sql.execute(keep, params![owner.tenant, owner.connection, lease])? == 1)
}

fn raise_fence(sql: &Connection, owner: &Owner) -> rusqlite::Result<i64> {
    let raise = "INSERT INTO _tidegate_state (tenant, connection, fence, updated_at) VALUES (?1, ?2, 1, ?3)
                 ON CONFLICT (tenant, connection) DO UPDATE SET fence = fence + 1 RETURNING fence";
    sql.query_row(raise, params![owner.tenant, owner.connection, now()], |row| row.get(0))
}

/// Fails where another run has raised the fence since. To be called within the transaction that is to be committed.
pub(super) fn check_fence(database: &Database, owner: &Owner, fence: i64) -> Result<()> {
    let query = "SELECT fence FROM _tidegate_state WHERE tenant = ?1 AND connection = ?2";
    let current: Option<i64> = database
        .sql
        .query_row(query, [&owner.tenant, &owner.connection], |row| row.get(0))
        .optional()
        .map_err(|error| database.failed(&error))?;
    if current == Some(fence) {
        return Ok(());
    }
    Err(overtaken(owner))
}

/// The last committed state.
pub(super) fn load(sql: &Connection, owner: &Owner) -> rusqlite::Result<Option<State>> {
    let state =
        |row: &rusqlite::Row<'_>| Ok(State { text: row.get(0)?, version: row.get(1)?, plugin_digest: row.get(2)? });
    sql.query_row(LOAD, [&owner.tenant, &owner.connection], state).optional()
}

/// Saves a state within the transaction of its rows. A state of another version that it replaces is kept.
pub(super) fn save(sql: &Connection, owner: &Owner, state: Option<&State>) -> rusqlite::Result<()> {
    let before = load(sql, owner)?;
    if let (Some(before), Some(state)) = (&before, state)
        && before.version != state.version
    {
        keep(sql, owner, "version")?;
    }
    put(sql, owner, state, false)
}

/// Whether the state is one that somebody set, which says nothing of what is in the tables.
pub(super) fn is_by_hand(sql: &Connection, owner: &Owner) -> rusqlite::Result<bool> {
    let query = "SELECT by_hand FROM _tidegate_state WHERE tenant = ?1 AND connection = ?2";
    Ok(sql.query_row(query, [&owner.tenant, &owner.connection], |row| row.get(0)).optional()?.unwrap_or(false))
}

fn put(sql: &Connection, owner: &Owner, state: Option<&State>, by_hand: bool) -> rusqlite::Result<()> {
    let update = "UPDATE _tidegate_state
                  SET state = ?3, state_version = ?4, plugin_digest = ?5, by_hand = ?6, updated_at = ?7
                  WHERE tenant = ?1 AND connection = ?2";
    let (text, version) = (state.map(|state| &state.text), state.map(|state| state.version));
    let digest = state.map(|state| &state.plugin_digest);
    let values = params![owner.tenant, owner.connection, text, version, digest, by_hand, now()];
    sql.prepare_cached(update)?.execute(values).map(drop)
}

/// Copies the present state into the history.
fn keep(sql: &Connection, owner: &Owner, reason: &str) -> rusqlite::Result<()> {
    let copy = "INSERT INTO _tidegate_state_history
                SELECT tenant, connection, state, state_version, plugin_digest, updated_at, ?3, ?4
                FROM _tidegate_state WHERE tenant = ?1 AND connection = ?2 AND state IS NOT NULL";
    sql.execute(copy, params![owner.tenant, owner.connection, now(), reason]).map(drop)
}

/// The state of one connection, for people who look at it or change it by hand.
#[derive(Debug)]
pub(crate) struct SqliteStates {
    path: PathBuf,
    owner: Owner,
}

impl SqliteStates {
    /// Opens nothing yet: looking at a state must not create a database.
    pub(crate) fn new(path: &Path, owner: &Owner) -> SqliteStates {
        SqliteStates { path: path.to_owned(), owner: owner.clone() }
    }
}

impl StateStore for SqliteStates {
    fn show(&mut self) -> Result<Option<State>> {
        let Some(sql) = open_read_only(&self.path)? else { return Ok(None) };
        let failed = |error: rusqlite::Error| explain(&self.path, &error);
        if sql.table_exists(Some("main"), "_tidegate_state").map_err(failed)? {
            load(&sql, &self.owner).map_err(failed)
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
            keep(&database.sql, &self.owner, "by hand")?;
            raise_fence(&database.sql, &self.owner)?;
            put(&database.sql, &self.owner, state, true)?;
            database.sql.execute_batch("COMMIT")
        };
        let changed = change().map_err(|error| database.failed(&error));
        database.roll_back();
        changed
    }
}
