//! The history of runs.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection as Sql, OptionalExtension, Row, params};

use super::SqliteStore;
use super::database::Outcome;
use super::value::{self, DAY, count, integer, parsed, written};
use super::{connections, tenants};
use crate::BoxFuture;
use crate::model::{Counts, Progress};
use crate::serve::clock::Millis;
use crate::serve::run::{End, Run};
use crate::serve::store::{Page, Runs, Trimmed};
use crate::serve::tenant::Name;
use crate::serve::{Refusal, Result};

/// All but the log.
const COLUMNS: &str = "id, tenant, connection, trigger, scheduled_for, is_full_refresh, started_at,
                       ended_at, status, requests, retries, bytes_in, rows_read, cpu_ms, memory_bytes,
                       inserted, updated, unchanged, deleted, checkpoints, plugin_digest, retry_at, error";
/// How many runs are forgotten at once: others write in between.
const PORTION: usize = 1_000;

impl Runs for SqliteStore {
    fn run<'a>(&'a self, tenant: &'a Name, id: &'a str) -> BoxFuture<'a, Result<Run>> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        Box::pin(self.database.read(move |sql| {
            let find = format!("SELECT {COLUMNS}, log FROM runs WHERE tenant = ?1 AND id = ?2");
            let mut query = sql.prepare_cached(&find)?;
            let mut found = query.query_and_then([tenant.as_str(), id.as_str()], run)?;
            found.next().unwrap_or_else(|| Err(Refusal::Absent.into()))
        }))
    }

    fn runs<'a>(
        &'a self,
        tenant: &'a Name,
        connection: Option<&'a Name>,
        page: Page,
    ) -> BoxFuture<'a, Result<Vec<Run>>> {
        let (tenant, connection) = (tenant.clone(), connection.cloned());
        Box::pin(self.database.read(move |sql| {
            let which = match &connection {
                Some(name) => connections::find(sql, &tenant, name).map(|_| "AND connection = ?4")?,
                None => tenants::check(sql, &tenant).map(|()| "AND ?4 IS NULL")?,
            };
            // Behind every identifier, which are hexadecimal.
            let list = format!(
                "SELECT {COLUMNS}, NULL AS log FROM runs
                 WHERE tenant = ?1 {which} AND id < ifnull(?2, 'z') ORDER BY id DESC LIMIT ?3"
            );
            let mut query = sql.prepare_cached(&list)?;
            let connection = connection.as_ref().map(Name::as_str);
            query.query_and_then(params![tenant.as_str(), page.after, page.limit, connection], run)?.collect()
        }))
    }

    fn forget_runs(&self, before: Millis, keep: u32) -> BoxFuture<'_, Result<Vec<Trimmed>>> {
        Box::pin(async move {
            let mut trimmed: BTreeMap<(Name, Name), u64> = BTreeMap::new();
            let mut last = (Millis::MIN, String::new());
            loop {
                let old = self.database.read(move |sql| find_old(sql, &last, before, keep)).await?;
                let is_last = old.len() < PORTION;
                last = old.last().map(|run| (run.ended_at, run.id.clone())).unwrap_or_default();
                let ids: Vec<String> = old.iter().map(|run| run.id.clone()).collect();
                self.database.write(move |sql| forget(sql, &ids, before)).await?;
                for run in old {
                    *trimmed.entry((run.tenant, run.connection)).or_default() += 1;
                }
                if is_last {
                    break;
                }
            }
            self.database.read(move |sql| trimmed.into_iter().map(|(of, runs)| since(sql, of, runs)).collect()).await
        })
    }
}

/// Begins a run. Says false where there is a run for its firing already, and then begins none.
pub(super) fn begin(sql: &Sql, run: &Run) -> Outcome<bool> {
    let begin = "INSERT INTO runs (id, tenant, connection, trigger, scheduled_for, is_full_refresh, started_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (tenant, connection, scheduled_for) WHERE scheduled_for IS NOT NULL DO NOTHING";
    let values = params![
        run.id,
        run.tenant.as_str(),
        run.connection.as_str(),
        run.trigger.as_str(),
        run.scheduled_for,
        run.is_full_refresh,
        run.started_at,
    ];
    Ok(sql.prepare_cached(begin)?.execute(values)? > 0)
}

/// Writes the end of a run, and what it used.
pub(super) fn end(sql: &Sql, tenant: &Name, id: &str, end: &End) -> Outcome<()> {
    let update = "UPDATE runs
                  SET ended_at = ?3, status = ?4, requests = ?5, retries = ?6, bytes_in = ?7, rows_read = ?8,
                      inserted = ?9, updated = ?10, unchanged = ?11, deleted = ?12, checkpoints = ?13,
                      plugin_digest = ?14, retry_at = ?15, error = ?16, log = ?17, cpu_ms = ?18, memory_bytes = ?19
                  WHERE tenant = ?1 AND id = ?2";
    let Progress { requests, retries, bytes_in, rows_read, cpu, memory_bytes, committed } = end.progress;
    let values = params![
        tenant.as_str(),
        id,
        end.at,
        end.status,
        integer(requests),
        integer(retries),
        integer(bytes_in),
        integer(rows_read),
        integer(committed.inserted),
        integer(committed.updated),
        integer(committed.unchanged),
        integer(committed.deleted),
        integer(committed.checkpoints),
        end.plugin_digest,
        end.retry_at,
        end.error.as_ref().map(written).transpose()?,
        written(&end.log)?,
        i64::try_from(cpu.as_millis()).unwrap_or(i64::MAX),
        integer(memory_bytes),
    ];
    sql.prepare_cached(update)?.execute(values)?;
    let add = "INSERT INTO usage (tenant, day, requests, bytes) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (tenant, day) DO UPDATE
               SET requests = requests + excluded.requests, bytes = bytes + excluded.bytes";
    let values = params![tenant.as_str(), end.at.div_euclid(DAY), integer(requests), integer(bytes_in)];
    sql.prepare_cached(add)?.execute(values)?;
    Ok(())
}

/// A run that is to be forgotten.
struct Old {
    tenant: Name,
    connection: Name,
    id: String,
    ended_at: Millis,
}

/// The next portion of runs to be forgotten, behind the last one of the portion before.
fn find_old(sql: &Sql, last: &(Millis, String), before: Millis, keep: u32) -> Outcome<Vec<Old>> {
    let find = "SELECT tenant, connection, id, ended_at FROM runs AS old
                WHERE ended_at < ?1 AND (ended_at, id) > (?2, ?3) AND ?4 <= (
                    SELECT count(*) FROM (
                        SELECT 1 FROM runs WHERE tenant = old.tenant AND connection = old.connection AND id > old.id
                        LIMIT ?4
                    )
                )
                ORDER BY ended_at, id LIMIT ?5";
    let old = |row: &Row<'_>| {
        let (tenant, connection) = (value::name(row, "tenant")?, value::name(row, "connection")?);
        Ok(Old { tenant, connection, id: row.get("id")?, ended_at: row.get("ended_at")? })
    };
    let values = params![before, last.0, last.1, keep, PORTION as u32];
    sql.prepare_cached(find)?.query_and_then(values, old)?.collect()
}

/// Forgets these runs, and what was used on days before then.
fn forget(sql: &Sql, ids: &[String], before: Millis) -> Outcome<()> {
    let mut forget = sql.prepare_cached("DELETE FROM runs WHERE id = ?1")?;
    for id in ids {
        forget.execute([id])?;
    }
    sql.prepare_cached("DELETE FROM usage WHERE day < ?1")?.execute([before.div_euclid(DAY)])?;
    Ok(())
}

fn since(sql: &Sql, (tenant, connection): (Name, Name), runs: u64) -> Outcome<Trimmed> {
    let first = "SELECT started_at FROM runs WHERE tenant = ?1 AND connection = ?2 ORDER BY id LIMIT 1";
    let of = [tenant.as_str(), connection.as_str()];
    let since = sql.prepare_cached(first)?.query_row(of, |row| row.get(0)).optional()?;
    // Without any, the connection itself is gone, and all of it is old.
    Ok(Trimmed { tenant, connection, runs, since: since.unwrap_or(Millis::MAX) })
}

fn run(row: &Row<'_>) -> Outcome<Run> {
    let trigger: String = row.get("trigger")?;
    let ended_at: Option<Millis> = row.get("ended_at")?;
    Ok(Run {
        id: row.get("id")?,
        tenant: value::name(row, "tenant")?,
        connection: value::name(row, "connection")?,
        trigger: trigger.parse()?,
        scheduled_for: row.get("scheduled_for")?,
        is_full_refresh: row.get("is_full_refresh")?,
        started_at: row.get("started_at")?,
        end: ended_at.map(|at| read_end(row, at)).transpose()?,
    })
}

fn read_end(row: &Row<'_>, at: Millis) -> Outcome<End> {
    let committed = Counts {
        inserted: count(row, "inserted")?,
        updated: count(row, "updated")?,
        unchanged: count(row, "unchanged")?,
        deleted: count(row, "deleted")?,
        checkpoints: count(row, "checkpoints")?,
    };
    let progress = Progress {
        requests: count(row, "requests")?,
        retries: count(row, "retries")?,
        bytes_in: count(row, "bytes_in")?,
        rows_read: count(row, "rows_read")?,
        cpu: Duration::from_millis(count(row, "cpu_ms")?),
        memory_bytes: count(row, "memory_bytes")?,
        committed,
    };
    Ok(End {
        at,
        status: row.get("status")?,
        progress,
        plugin_digest: row.get("plugin_digest")?,
        retry_at: row.get("retry_at")?,
        error: parsed(row, "error")?,
        log: parsed(row, "log")?.unwrap_or_default(),
    })
}
