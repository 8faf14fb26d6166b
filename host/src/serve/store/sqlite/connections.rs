//! Definitions of connections, and how they do.

use rusqlite::{Connection as Sql, OptionalExtension, Row, params};

use super::SqliteStore;
use super::database::Outcome;
use super::tenants;
use super::value::{self, count, natural, parsed, written};
use crate::BoxFuture;
use crate::serve::clock::Millis;
use crate::serve::connection::{Connection, Definition, Health};
use crate::serve::store::{Connections, Expected, Page};
use crate::serve::tenant::Name;
use crate::serve::{Refusal, Result};

impl Connections for SqliteStore {
    fn put_connection<'a>(
        &'a self,
        tenant: &'a Name,
        name: &'a Name,
        definition: Definition,
        due_at: Option<Millis>,
        expected: Expected,
    ) -> BoxFuture<'a, Result<(Connection, bool)>> {
        let (tenant, name, now) = (tenant.clone(), name.clone(), self.clock.now());
        Box::pin(self.database.write(move |sql| {
            let present = revision(sql, &tenant, &name)?;
            compare(present, expected, "connection")?;
            if present.is_none() {
                check_room(sql, &tenant)?;
            }
            put(sql, &tenant, &name, &definition, due_at, now)?;
            Ok((find(sql, &tenant, &name)?, present.is_none()))
        }))
    }

    fn connection<'a>(&'a self, tenant: &'a Name, name: &'a Name) -> BoxFuture<'a, Result<Connection>> {
        let (tenant, name) = (tenant.clone(), name.clone());
        Box::pin(self.database.read(move |sql| find(sql, &tenant, &name)))
    }

    fn connections<'a>(&'a self, tenant: &'a Name, page: Page) -> BoxFuture<'a, Result<Vec<Connection>>> {
        let tenant = tenant.clone();
        Box::pin(self.database.read(move |sql| {
            tenants::check(sql, &tenant)?;
            let list = "SELECT * FROM connections WHERE tenant = ?1 AND name > ifnull(?2, '') ORDER BY name LIMIT ?3";
            let mut query = sql.prepare_cached(list)?;
            query.query_and_then(params![tenant.as_str(), page.after, page.limit], connection)?.collect()
        }))
    }

    fn count_connections(&self) -> BoxFuture<'_, Result<Vec<(Name, String, u64)>>> {
        Box::pin(self.database.read(|sql| {
            let count_all = "SELECT tenant, count(*) AS connections,
                                 CASE
                                     WHEN failures > 0 THEN 'failing'
                                     WHEN run IS NOT NULL THEN 'running'
                                     WHEN is_paused THEN 'paused'
                                     WHEN last_ended_at IS NULL THEN 'new'
                                     ELSE 'well'
                                 END AS state
                             FROM connections GROUP BY tenant, state ORDER BY tenant, state";
            let counted =
                |row: &Row<'_>| Ok((value::name(row, "tenant")?, row.get("state")?, count(row, "connections")?));
            sql.prepare_cached(count_all)?.query_and_then([], counted)?.collect()
        }))
    }

    fn delete_connection<'a>(
        &'a self,
        tenant: &'a Name,
        name: &'a Name,
        expected: Expected,
    ) -> BoxFuture<'a, Result<()>> {
        let (tenant, name) = (tenant.clone(), name.clone());
        Box::pin(self.database.write(move |sql| {
            let found = find(sql, &tenant, &name)?;
            compare(Some(found.revision), expected, "connection")?;
            if found.health.running.is_some() {
                let message = format!("a run of the connection `{name}` goes on; cancel it first, or let it end");
                return Err(Refusal::Conflict(message).into());
            }
            let mut delete = sql.prepare_cached("DELETE FROM connections WHERE tenant = ?1 AND name = ?2")?;
            delete.execute([tenant.as_str(), name.as_str()])?;
            Ok(())
        }))
    }

    fn request_run<'a>(&'a self, tenant: &'a Name, name: &'a Name, is_full_refresh: bool) -> BoxFuture<'a, Result<()>> {
        let (tenant, name, now) = (tenant.clone(), name.clone(), self.clock.now());
        Box::pin(self.database.write(move |sql| {
            let request = "UPDATE connections
                           SET requested_at = ifnull(requested_at, ?3), is_full_refresh = is_full_refresh OR ?4
                           WHERE tenant = ?1 AND name = ?2";
            let values = params![tenant.as_str(), name.as_str(), now, is_full_refresh];
            match sql.prepare_cached(request)?.execute(values)? {
                0 => Err(Refusal::Absent.into()),
                _ => Ok(()),
            }
        }))
    }
}

/// Draws so many numbers that were never drawn before, and returns the last.
pub(super) fn draw(sql: &Sql, numbers: u32) -> Outcome<u64> {
    let mut raise = sql.prepare_cached("UPDATE counter SET value = value + ?1 RETURNING value")?;
    Ok(raise.query_row([numbers], |row| row.get(0).map(natural))?)
}

/// One connection.
pub(super) fn find(sql: &Sql, tenant: &Name, name: &Name) -> Outcome<Connection> {
    let mut query = sql.prepare_cached("SELECT * FROM connections WHERE tenant = ?1 AND name = ?2")?;
    let mut found = query.query_and_then([tenant.as_str(), name.as_str()], connection)?;
    found.next().unwrap_or_else(|| Err(Refusal::Absent.into()))
}

fn revision(sql: &Sql, tenant: &Name, name: &Name) -> Outcome<Option<u64>> {
    let mut query = sql.prepare_cached("SELECT revision FROM connections WHERE tenant = ?1 AND name = ?2")?;
    Ok(query.query_row([tenant.as_str(), name.as_str()], |row| count(row, "revision")).optional()?)
}

/// Whether what is there is what the caller expects.
pub(super) fn compare(present: Option<u64>, expected: Expected, what: &str) -> Result<()> {
    match (expected, present) {
        (Expected::Something | Expected::Revision(_), None) => Err(Refusal::Absent),
        (Expected::Nothing, Some(_)) => Err(Refusal::Conflict(format!("there is a {what} of that name already"))),
        (Expected::Revision(seen), Some(present)) if seen != present => {
            Err(Refusal::Conflict(format!("the {what} was changed meanwhile; look at it again")))
        }
        _ => Ok(()),
    }
}

/// Whether the tenant may have one more connection.
fn check_room(sql: &Sql, tenant: &Name) -> Outcome<()> {
    let Some(most) = tenants::find(sql, tenant)?.quotas.connections else { return Ok(()) };
    let mut query = sql.prepare_cached("SELECT count(*) FROM connections WHERE tenant = ?1")?;
    let present: i64 = query.query_row([tenant.as_str()], |row| row.get(0))?;
    if present < i64::from(most) {
        return Ok(());
    }
    Err(Refusal::Quota(format!("the tenant may have {most} connections, and has {present}")).into())
}

fn put(
    sql: &Sql,
    tenant: &Name,
    name: &Name,
    definition: &Definition,
    due_at: Option<Millis>,
    now: Millis,
) -> Outcome<()> {
    let put = "INSERT INTO connections
                   (tenant, name, document, schedule, is_paused, revision, created_at, updated_at, due_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8)
               ON CONFLICT (tenant, name) DO UPDATE
               SET document = excluded.document, schedule = excluded.schedule, is_paused = excluded.is_paused,
                   revision = excluded.revision, updated_at = excluded.updated_at,
                   due_at = excluded.due_at, due_as = 'schedule'";
    let values = params![
        tenant.as_str(),
        name.as_str(),
        written(&definition.document)?,
        definition.schedule.as_ref().map(written).transpose()?,
        definition.is_paused,
        value::integer(draw(sql, 1)?),
        now,
        due_at,
    ];
    sql.prepare_cached(put)?.execute(values)?;
    Ok(())
}

pub(super) fn connection(row: &Row<'_>) -> Outcome<Connection> {
    let definition = Definition {
        document: parsed(row, "document")?.unwrap_or_default(),
        schedule: parsed(row, "schedule")?,
        is_paused: row.get("is_paused")?,
    };
    let health = Health {
        due_at: row.get("due_at")?,
        running: row.get("run")?,
        failures: row.get("failures")?,
        failing_since: row.get("failing_since")?,
        last_status: row.get("last_status")?,
        last_ended_at: row.get("last_ended_at")?,
        last_done_at: row.get("last_done_at")?,
        last_error: parsed(row, "last_error")?,
    };
    Ok(Connection {
        tenant: value::name(row, "tenant")?,
        name: value::name(row, "name")?,
        definition,
        revision: count(row, "revision")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        health,
    })
}
