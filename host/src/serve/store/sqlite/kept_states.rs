//! The states from before other versions went on from them.

use rusqlite::{OptionalExtension, Row, params};

use super::SqliteStore;
use crate::BoxFuture;
use crate::model::State;
use crate::serve::Result;
use crate::serve::store::{Before, KeptStates};
use crate::serve::tenant::Name;

/// The form of a state that is none.
const NONE: i64 = -1;

/// What a connection had before a version, if the last time that this became active it was rolled back. The built-in
/// version of a name has no row of its own.
const WAY_BACK: &str = "
    SELECT state, version, plugin_digest FROM kept_states
    WHERE tenant = ?1 AND connection = ?2 AND successor = ?3 AND 'rolled_back' = (
        SELECT stage FROM rollouts
        WHERE to_digest IS (SELECT digest FROM versions WHERE digest = ?3)
            AND name = (
                SELECT substr(strategy, 1, instr(strategy || '@', '@') - 1) FROM (
                    SELECT json_extract(document, '$.strategy') AS strategy
                    FROM connections WHERE tenant = ?1 AND name = ?2
                )
            )
            AND stage NOT IN ('checking', 'awaiting_approval', 'refused')
        ORDER BY id DESC LIMIT 1
    )";

impl KeptStates for SqliteStore {
    fn keep_state<'a>(
        &'a self,
        tenant: &'a Name,
        name: &'a Name,
        state: Option<State>,
        successor: &'a str,
    ) -> BoxFuture<'a, Result<()>> {
        let (tenant, name, successor) = (tenant.to_string(), name.to_string(), successor.to_owned());
        Box::pin(self.database.write(move |sql| {
            let pass = "UPDATE kept_states SET successor = NULL
                        WHERE tenant = ?1 AND connection = ?2 AND successor = ?3";
            sql.prepare_cached(pass)?.execute(params![tenant, name, successor])?;
            let keep = "INSERT OR REPLACE INTO kept_states
                            (tenant, connection, version, state, plugin_digest, successor)
                        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let (version, text, digest) = match state {
                Some(State { version, text, plugin_digest }) => (version.into(), Some(text), plugin_digest),
                None => (NONE, None, String::new()),
            };
            sql.prepare_cached(keep)?.execute(params![tenant, name, version, text, digest, successor])?;
            Ok(())
        }))
    }

    fn kept_state<'a>(
        &'a self,
        tenant: &'a Name,
        name: &'a Name,
        version: u32,
    ) -> BoxFuture<'a, Result<Option<State>>> {
        let (tenant, name) = (tenant.to_string(), name.to_string());
        Box::pin(self.database.read(move |sql| {
            let newest = "SELECT state, version, plugin_digest FROM kept_states
                          WHERE tenant = ?1 AND connection = ?2 AND version BETWEEN 0 AND ?3
                          ORDER BY version DESC LIMIT 1";
            Ok(sql.prepare_cached(newest)?.query_row(params![tenant, name, version], state).optional()?)
        }))
    }

    fn way_back<'a>(
        &'a self,
        tenant: &'a Name,
        name: &'a Name,
        undone: &'a str,
    ) -> BoxFuture<'a, Result<Option<Before>>> {
        let (tenant, name, undone) = (tenant.to_string(), name.to_string(), undone.to_owned());
        Box::pin(self.database.read(move |sql| {
            let before = |row: &Row<'_>| match row.get::<_, i64>("version")? {
                NONE => Ok(Before::Nothing),
                _ => state(row).map(Before::State),
            };
            Ok(sql.prepare_cached(WAY_BACK)?.query_row([tenant, name, undone], before).optional()?)
        }))
    }
}

fn state(row: &Row<'_>) -> rusqlite::Result<State> {
    Ok(State { text: row.get("state")?, version: row.get("version")?, plugin_digest: row.get("plugin_digest")? })
}
