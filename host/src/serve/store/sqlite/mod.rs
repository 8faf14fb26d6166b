//! The store in one SQLite file, for a server on one machine.
//!
//! `database` opens the file and turns SQLite's errors into sentences; `writer` makes many changes durable with one
//! commit; `schema.sql` says what is kept. The other files implement a trait of the port each. Nothing here decides when
//! a connection is due, nor knows what a document says.

mod answers;
mod connections;
mod database;
mod kept_states;
mod plugins;
mod queue;
mod runs;
mod secrets;
mod tenants;
mod value;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex};

use uuid::ContextV7;

use self::database::Database;
use self::secrets::Vault;
use super::Store;
use crate::error::Result;
use crate::seal::SecretKey;
use crate::serve::Clock;
use crate::serve::tenant::Token;

/// A store in a data folder, which is this process's alone while it is open.
pub struct SqliteStore {
    database: Database,
    vault: Arc<Vault>,
    /// What the identifiers of runs are drawn from: those of one millisecond are in order.
    sequence: Arc<Mutex<ContextV7>>,
    clock: Clock,
}

impl SqliteStore {
    /// Opens the store of a folder; makes both where they are not there. Without a key, secrets are kept in memory only.
    pub fn open(folder: &Path, key: Option<SecretKey>) -> Result<SqliteStore> {
        let database = Database::open(folder)?;
        let vault = Arc::new(Vault::new(key));
        database.look(|sql| vault.check(sql))?;
        Ok(SqliteStore { database, vault, sequence: Arc::default(), clock: Clock::System })
    }

    /// Keeps an operators' token in the store of a folder that a server may be using, in place of all others if they are
    /// to go. Whoever may write there may do everything anyway. Returns how many went.
    pub fn add_operator_token(folder: &Path, token: &Token, hash: [u8; 32], others_go: bool) -> Result<usize> {
        database::beside(folder, |sql| {
            let gone = if others_go { tenants::revoke_operators(sql)? } else { 0 };
            tenants::add_token(sql, token, hash)?;
            Ok(gone)
        })
    }

    /// Says another time than the system's: when something was made, changed or asked for.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> SqliteStore {
        self.clock = clock;
        self
    }
}

impl Store for SqliteStore {}
