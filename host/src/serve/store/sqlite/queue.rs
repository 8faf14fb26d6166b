//! What is due, and who runs it: claims, leases and ends.

use std::sync::{Arc, Mutex};

use rusqlite::{Connection as Sql, OptionalExtension, Row, named_params, params};
use uuid::{ContextV7, Timestamp, Uuid};

use super::SqliteStore;
use super::database::Outcome;
use super::value::{self, DAY, integer, written};
use super::{connections, runs};
use crate::BoxFuture;
use crate::error::Origin;
use crate::model::{Progress, Status};
use crate::serve::clock::Millis;
use crate::serve::connection::RunError;
use crate::serve::run::{CANCELLED, End, LOST, Run, Trigger};
use crate::serve::store::{Claim, Lease, Next, Queue};
use crate::serve::tenant::Name;
use crate::serve::{Refusal, Result};

/// The tenants that may have one more run, with how many they have, and whether they have used up a day.
const ROOM: &str = "
    WITH tenant AS (
        SELECT name, ifnull(concurrent_runs, 9223372036854775807) AS most_runs,
            (SELECT count(*) FROM connections WHERE tenant = tenants.name AND run IS NOT NULL) AS runs,
            ifnull(usage.requests >= requests_per_day OR usage.bytes >= bytes_per_day, FALSE)
                OR ifnull(requests_per_day = 0 OR bytes_per_day = 0, FALSE) AS is_used_up
        FROM tenants LEFT JOIN usage ON usage.tenant = tenants.name AND usage.day = :day
    )";

/// What may begin: a tenant's first beside its runs that go on comes before another's second. Of each tenant only so
/// many are looked at as could be claimed, so that a crowd of one costs the others nothing.
const CHOOSE: &str = "
    SELECT tenant, connection FROM (
        SELECT due.tenant, due.name AS connection, due.ready_at, due.requested_at, tenant.most_runs,
            tenant.runs + row_number() OVER (PARTITION BY due.tenant ORDER BY due.ready_at, due.requested_at) AS place
        FROM tenant CROSS JOIN connections AS due ON due.rowid IN (
            SELECT rowid FROM connections
            WHERE tenant = tenant.name AND ready_at <= :now
            ORDER BY ready_at, requested_at LIMIT :most
        )
        WHERE tenant.runs < tenant.most_runs AND NOT tenant.is_used_up
    )
    WHERE place <= most_runs
    ORDER BY place, ready_at, requested_at
    LIMIT :most";

/// The first that may begin some time, of the tenants that have room. A used-up tenant has to wait for the next day.
const FIRST: &str = "
    SELECT min(CASE WHEN is_used_up THEN max(ready_at, (:day + 1) * :day_length) ELSE ready_at END) FROM (
        SELECT is_used_up,
            (SELECT min(ready_at) FROM connections WHERE tenant = tenant.name AND ready_at IS NOT NULL) AS ready_at
        FROM tenant WHERE runs < most_runs
    )";

/// What a claim finds with its connection.
struct Demand {
    due_at: Option<Millis>,
    due_as: Trigger,
    is_requested: bool,
    is_full_refresh: bool,
}

impl Demand {
    fn read(row: &Row<'_>) -> Outcome<Demand> {
        let due_as: String = row.get("due_as")?;
        Ok(Demand {
            due_at: row.get("due_at")?,
            due_as: due_as.parse()?,
            is_requested: row.get::<_, Option<Millis>>("requested_at")?.is_some(),
            is_full_refresh: row.get("is_full_refresh")?,
        })
    }

    fn trigger(&self) -> Trigger {
        if self.is_requested { Trigger::Manual } else { self.due_as }
    }

    /// The firing that the run is. One that somebody asked for is also the firing whose time has come.
    fn firing(&self, now: Millis) -> Option<Millis> {
        self.due_at.filter(|due_at| self.due_as == Trigger::Schedule && *due_at <= now)
    }
}

impl Queue for SqliteStore {
    fn claim(&self, now: Millis, until: Millis, most: u32) -> BoxFuture<'_, Result<Vec<Claim>>> {
        let sequence = Arc::clone(&self.sequence);
        Box::pin(self.database.write(move |sql| {
            let chosen = choose(sql, now, most)?;
            if chosen.is_empty() {
                // Nothing is written, and the disk not waited for.
                return Ok(Vec::new());
            }
            let last = connections::draw(sql, u32::try_from(chosen.len()).unwrap_or(most))?;
            let tokens = (0..=last).rev();
            chosen
                .iter()
                .zip(tokens)
                .map(|((tenant, connection), token)| {
                    let lease = Lease { tenant: tenant.clone(), connection: connection.clone(), token };
                    claim(sql, lease, identifier(&sequence, now), now, until)
                })
                .collect()
        }))
    }

    fn next_due(&self) -> BoxFuture<'_, Result<Option<Millis>>> {
        let day = self.clock.now().div_euclid(DAY);
        Box::pin(self.database.read(move |sql| {
            let mut query = sql.prepare_cached(&format!("{ROOM} {FIRST}"))?;
            Ok(query.query_row(named_params! {":day": day, ":day_length": DAY}, |row| row.get(0))?)
        }))
    }

    fn renew(&self, leases: Vec<Lease>, until: Millis) -> BoxFuture<'_, Result<Vec<Lease>>> {
        Box::pin(self.database.write(move |sql| {
            let renew = "UPDATE connections SET lease_until = ?4
                         WHERE tenant = ?1 AND name = ?2 AND lease_token = ?3 AND run IS NOT NULL";
            let mut renew = sql.prepare_cached(renew)?;
            let mut lost = Vec::new();
            for lease in leases {
                let token = integer(lease.token);
                if renew.execute(params![lease.tenant.as_str(), lease.connection.as_str(), token, until])? == 0 {
                    lost.push(lease);
                }
            }
            Ok(lost)
        }))
    }

    fn end<'a>(&'a self, lease: &'a Lease, run: &'a str, end: End, next: Next) -> BoxFuture<'a, Result<()>> {
        let (lease, run) = (lease.clone(), run.to_owned());
        Box::pin(self.database.write(move |sql| {
            if !holds(sql, &lease, &run)? {
                return Err(Refusal::Absent.into());
            }
            finish(sql, &lease.tenant, &lease.connection, &run, &end, next)
        }))
    }

    fn recover(&self, now: Millis) -> BoxFuture<'_, Result<u64>> {
        Box::pin(self.database.write(move |sql| {
            let lost = expired(sql, now)?;
            for (tenant, connection, run) in &lost {
                let next = Next { due_at: Some(now), trigger: Trigger::Retry };
                finish(sql, tenant, connection, run, &loss(now), next)?;
            }
            Ok(lost.len() as u64)
        }))
    }
}

/// Lets all leases run out: whoever held them is gone when another process has opened the store.
pub(super) fn expire_all(sql: &Sql) -> rusqlite::Result<()> {
    sql.execute("UPDATE connections SET lease_until = 0 WHERE run IS NOT NULL", []).map(drop)
}

fn choose(sql: &Sql, now: Millis, most: u32) -> Outcome<Vec<(Name, Name)>> {
    let mut query = sql.prepare_cached(&format!("{ROOM} {CHOOSE}"))?;
    let values = named_params! {":now": now, ":day": now.div_euclid(DAY), ":most": most};
    let chosen =
        query.query_and_then(values, |row| Ok((value::name(row, "tenant")?, value::name(row, "connection")?)))?;
    chosen.collect()
}

fn claim(sql: &Sql, lease: Lease, id: String, now: Millis, until: Millis) -> Outcome<Claim> {
    let key = [lease.tenant.as_str(), lease.connection.as_str()];
    let demand = {
        let mut query = sql.prepare_cached("SELECT * FROM connections WHERE tenant = ?1 AND name = ?2")?;
        query.query_and_then(key, Demand::read)?.next().unwrap_or_else(|| Err(Refusal::Absent.into()))?
    };
    let mut run = Run {
        id,
        tenant: lease.tenant.clone(),
        connection: lease.connection.clone(),
        trigger: demand.trigger(),
        scheduled_for: demand.firing(now),
        is_full_refresh: demand.is_full_refresh,
        started_at: now,
        end: None,
    };
    if !runs::begin(sql, &run)? {
        // The connection was changed while its firing ran, by somebody who counted on that firing: what has changed is
        // run, but not as the same firing again.
        (run.trigger, run.scheduled_for) = (Trigger::Retry, None);
        runs::begin(sql, &run)?;
    }
    let hold = "UPDATE connections
                SET run = ?3, run_revision = revision, lease_token = ?4, lease_until = ?5,
                    due_at = NULL, due_as = 'schedule', requested_at = NULL, is_full_refresh = FALSE
                WHERE tenant = ?1 AND name = ?2";
    sql.prepare_cached(hold)?.execute(params![key[0], key[1], run.id, integer(lease.token), until])?;
    let connection = connections::find(sql, &lease.tenant, &lease.connection)?;
    Ok(Claim { lease, run, connection })
}

/// An identifier for a run: greater than all before it.
fn identifier(sequence: &Mutex<ContextV7>, now: Millis) -> String {
    let now = now.unsigned_abs();
    let nanos = u32::try_from(now % 1_000).unwrap_or(0) * 1_000_000;
    Uuid::new_v7(Timestamp::from_unix(sequence, now / 1_000, nanos)).to_string()
}

fn holds(sql: &Sql, lease: &Lease, run: &str) -> Outcome<bool> {
    let holds = "SELECT 1 FROM connections WHERE tenant = ?1 AND name = ?2 AND lease_token = ?3 AND run = ?4";
    let values = params![lease.tenant.as_str(), lease.connection.as_str(), integer(lease.token), run];
    Ok(sql.prepare_cached(holds)?.query_row(values, |_| Ok(())).optional()?.is_some())
}

fn expired(sql: &Sql, now: Millis) -> Outcome<Vec<(Name, Name, String)>> {
    let expired = "SELECT tenant, name, run FROM connections WHERE run IS NOT NULL AND lease_until < ?1";
    let mut query = sql.prepare_cached(expired)?;
    let found = query
        .query_and_then([now], |row| Ok((value::name(row, "tenant")?, value::name(row, "name")?, row.get("run")?)))?;
    found.collect()
}

/// The end of a run whose host went down.
fn loss(now: Millis) -> End {
    End {
        at: now,
        status: LOST.to_owned(),
        progress: Progress::default(),
        plugin_digest: String::new(),
        retry_at: None,
        error: Some(RunError {
            origin: Origin::Host.to_string(),
            code: "host.failed".to_owned(),
            message: "the server went down, or stood still for longer than its lease, while this ran".to_owned(),
            help: Some("nothing needs to be done: it goes on from the last checkpoint".to_owned()),
        }),
        log: Vec::new(),
    }
}

/// Writes a run's end, and what becomes of its connection.
fn finish(sql: &Sql, tenant: &Name, connection: &Name, run: &str, end: &End, next: Next) -> Outcome<()> {
    runs::end(sql, tenant, run, end)?;
    let has_failed = end.status == Status::Failed.as_str();
    let is_done = end.status == Status::Done.as_str();
    // What was to be read anew still is, where the run comes again; unless somebody did not want it any more.
    let stays_full = next.due_at.is_some() && !is_done && end.status != CANCELLED;
    let is_lost = end.status == LOST;
    // A definition that came meanwhile brought its own time. What was cut short goes on at once all the same.
    let update = "UPDATE connections
                  SET run = NULL, lease_until = NULL,
                      due_at = CASE WHEN :is_lost OR revision = run_revision THEN :due_at ELSE due_at END,
                      due_as = CASE WHEN :is_lost OR revision = run_revision THEN :due_as ELSE due_as END,
                      is_full_refresh = is_full_refresh
                          OR (:stays_full AND (SELECT is_full_refresh FROM runs WHERE id = :run)),
                      failures = CASE WHEN :is_done THEN 0 ELSE failures + :has_failed END,
                      failing_since = CASE
                          WHEN :is_done THEN NULL
                          WHEN :has_failed THEN ifnull(failing_since, :at)
                          ELSE failing_since
                      END,
                      last_status = :status, last_ended_at = :at,
                      last_done_at = CASE WHEN :is_done THEN :at ELSE last_done_at END,
                      last_error = CASE WHEN :is_done THEN NULL WHEN :has_failed THEN :error ELSE last_error END
                  WHERE tenant = :tenant AND name = :connection";
    sql.prepare_cached(update)?.execute(named_params! {
        ":tenant": tenant.as_str(),
        ":connection": connection.as_str(),
        ":run": run,
        ":due_at": next.due_at,
        ":due_as": next.trigger.as_str(),
        ":stays_full": stays_full,
        ":is_lost": is_lost,
        ":is_done": is_done,
        ":has_failed": has_failed,
        ":status": end.status,
        ":at": end.at,
        ":error": end.error.as_ref().map(written).transpose()?,
    })?;
    Ok(())
}
