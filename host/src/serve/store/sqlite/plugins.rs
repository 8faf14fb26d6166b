//! Versions of strategies, which of them is active, and rollouts.

use rusqlite::{Connection as Sql, OptionalExtension, Row, params};

use super::SqliteStore;
use super::connections::connection;
use super::database::Outcome;
use super::value::{self, count, integer, natural, parsed, written};
use crate::BoxFuture;
use crate::serve::canary::{Canaries, Share};
use crate::serve::connection::Connection;
use crate::serve::plugin::{Handover, Rollout, Stage, Step, Version};
use crate::serve::store::{Page, Plugins};
use crate::serve::tenant::Name;
use crate::serve::{Refusal, Result};

impl Plugins for SqliteStore {
    fn add_version(&self, version: Version) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.database.write(move |sql| add_version(sql, &version)))
    }

    fn versions(&self) -> BoxFuture<'_, Result<Vec<Version>>> {
        Box::pin(self.database.read(|sql| {
            let mut query = sql.prepare_cached("SELECT * FROM versions ORDER BY name, uploaded_at")?;
            query.query_and_then([], version)?.collect()
        }))
    }

    fn active(&self) -> BoxFuture<'_, Result<Vec<(Name, String, Handover)>>> {
        Box::pin(self.database.read(|sql| {
            let mut query = sql.prepare_cached("SELECT * FROM active ORDER BY name")?;
            let active = |row: &Row<'_>| {
                Ok((value::name(row, "name")?, row.get("digest")?, parsed(row, "handover")?.unwrap_or_default()))
            };
            query.query_and_then([], active)?.collect()
        }))
    }

    fn connections_naming<'a>(&'a self, strategy: &'a str) -> BoxFuture<'a, Result<Vec<Connection>>> {
        let strategy = strategy.to_owned();
        Box::pin(self.database.read(move |sql| {
            let naming = "SELECT * FROM connections WHERE json_extract(document, '$.strategy') = ?1
                          ORDER BY tenant, name";
            sql.prepare_cached(naming)?.query_and_then([strategy], connection)?.collect()
        }))
    }

    fn begin_rollout(&self, rollout: Rollout) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.database.write(move |sql| begin(sql, &rollout)))
    }

    fn note_step<'a>(&'a self, id: &'a str, before: Stage, stage: Stage, step: Step) -> BoxFuture<'a, Result<()>> {
        let id = id.to_owned();
        Box::pin(self.database.write(move |sql| {
            note(sql, &id, before, stage, step)?;
            Ok(())
        }))
    }

    fn begin_canary<'a>(
        &'a self,
        id: &'a str,
        before: Stage,
        canaries: Canaries,
        step: Step,
    ) -> BoxFuture<'a, Result<()>> {
        let id = id.to_owned();
        Box::pin(self.database.write(move |sql| {
            note(sql, &id, before, Stage::Canary, step)?;
            let choose = "UPDATE rollouts SET canaries_below = ?2 WHERE id = ?1";
            sql.prepare_cached(choose)?.execute(params![id, integer(canaries.below)])?;
            Ok(())
        }))
    }

    fn switch<'a>(&'a self, id: &'a str, before: Stage, stage: Stage, step: Step) -> BoxFuture<'a, Result<()>> {
        let id = id.to_owned();
        Box::pin(self.database.write(move |sql| {
            let Rollout { name, from, to, handover, .. } = note(sql, &id, before, stage, step)?;
            match stage {
                Stage::RolledBack => activate(sql, &name, from.as_deref(), Handover::AtCheckpoint),
                _ => activate(sql, &name, to.as_deref(), handover),
            }
        }))
    }

    fn rollout<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Rollout>> {
        let id = id.to_owned();
        Box::pin(self.database.read(move |sql| find(sql, &id)))
    }

    fn rollouts<'a>(&'a self, name: Option<&'a Name>, page: Page) -> BoxFuture<'a, Result<Vec<Rollout>>> {
        let name = name.map(Name::to_string);
        Box::pin(self.database.read(move |sql| {
            let list = "SELECT * FROM rollouts WHERE (?1 IS NULL OR name = ?1) AND (?2 IS NULL OR id < ?2)
                        ORDER BY id DESC LIMIT ?3";
            let mut query = sql.prepare_cached(list)?;
            query.query_and_then(params![name, page.after, page.limit], rollout)?.collect()
        }))
    }

    fn open_rollouts(&self) -> BoxFuture<'_, Result<Vec<Rollout>>> {
        Box::pin(self.database.read(|sql| {
            let mut query = sql.prepare_cached("SELECT * FROM rollouts WHERE NOT is_over ORDER BY id")?;
            query.query_and_then([], rollout)?.collect()
        }))
    }
}

fn add_version(sql: &Sql, version: &Version) -> Outcome<()> {
    let known = "SELECT digest FROM versions WHERE digest = ?1 OR (name = ?2 AND version = ?3)";
    let named = params![version.digest, version.name.as_str(), version.version];
    let known: Option<String> = sql.prepare_cached(known)?.query_row(named, |row| row.get(0)).optional()?;
    match known {
        Some(digest) if digest == version.digest => return Ok(()),
        Some(digest) => {
            let Version { name, version, .. } = version;
            let message = format!("{name} {version} is there already, with other bytes ({digest}); raise its version");
            return Err(Refusal::Conflict(message).into());
        }
        None => {}
    }
    let add = "INSERT INTO versions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    sql.prepare_cached(add)?.execute(params![
        version.digest,
        version.name.as_str(),
        version.version,
        integer(version.bytes),
        version.contract,
        written(&version.imports)?,
        written(&version.needs)?,
        version.state_version,
        version.summary,
        version.config_schema,
        version.uploaded_by,
        version.uploaded_at,
    ])?;
    Ok(())
}

fn version(row: &Row<'_>) -> Outcome<Version> {
    Ok(Version {
        name: value::name(row, "name")?,
        version: row.get("version")?,
        digest: row.get("digest")?,
        bytes: count(row, "bytes")?,
        contract: row.get("contract")?,
        imports: parsed(row, "imports")?.unwrap_or_default(),
        needs: parsed(row, "needs")?.unwrap_or_default(),
        state_version: row.get("state_version")?,
        summary: row.get("summary")?,
        config_schema: row.get("config_schema")?,
        uploaded_by: row.get("uploaded_by")?,
        uploaded_at: row.get("uploaded_at")?,
    })
}

fn begin(sql: &Sql, rollout: &Rollout) -> Outcome<()> {
    let name = rollout.name.as_str();
    let open = "SELECT 1 FROM rollouts WHERE name = ?1 AND NOT is_over";
    if sql.prepare_cached(open)?.exists([name])? {
        return Err(Refusal::Conflict(format!("another rollout of `{name}` is not over; end it first")).into());
    }
    if active(sql, name)? != rollout.from {
        return Err(Refusal::Conflict(format!("another version of `{name}` became active meanwhile")).into());
    }
    let begin = "INSERT INTO rollouts (id, name, from_digest, to_digest, handover, share, stage, steps, started_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    sql.prepare_cached(begin)?.execute(params![
        rollout.id,
        name,
        rollout.from,
        rollout.to,
        written(&rollout.handover)?,
        rollout.share.percent(),
        rollout.stage.as_str(),
        written(&rollout.steps)?,
        rollout.started_at,
    ])?;
    Ok(())
}

fn active(sql: &Sql, name: &str) -> Outcome<Option<String>> {
    let active = "SELECT digest FROM active WHERE name = ?1";
    Ok(sql.prepare_cached(active)?.query_row([name], |row| row.get(0)).optional()?)
}

/// Brings a rollout from one stage to another.
fn note(sql: &Sql, id: &str, before: Stage, stage: Stage, step: Step) -> Outcome<Rollout> {
    let mut rollout = find(sql, id)?;
    if rollout.stage != before {
        return Err(
            Refusal::Conflict(format!("the rollout is {}, not {}", rollout.stage.as_str(), before.as_str())).into()
        );
    }
    rollout.steps.push(step);
    rollout.stage = stage;
    let note = "UPDATE rollouts SET stage = ?2, is_over = ?3, steps = ?4 WHERE id = ?1";
    let values = params![id, stage.as_str(), stage.is_over(), written(&rollout.steps)?];
    sql.prepare_cached(note)?.execute(values)?;
    Ok(rollout)
}

fn activate(sql: &Sql, name: &Name, digest: Option<&str>, handover: Handover) -> Outcome<()> {
    match digest {
        Some(digest) => {
            let put = "INSERT OR REPLACE INTO active (name, digest, handover) VALUES (?1, ?2, ?3)";
            sql.prepare_cached(put)?.execute(params![name.as_str(), digest, written(&handover)?])?
        }
        None => sql.prepare_cached("DELETE FROM active WHERE name = ?1")?.execute([name.as_str()])?,
    };
    Ok(())
}

fn find(sql: &Sql, id: &str) -> Outcome<Rollout> {
    let mut query = sql.prepare_cached("SELECT * FROM rollouts WHERE id = ?1")?;
    let mut found = query.query_and_then([id], rollout)?;
    found.next().unwrap_or_else(|| Err(Refusal::Absent.into()))
}

fn rollout(row: &Row<'_>) -> Outcome<Rollout> {
    let stage: String = row.get("stage")?;
    Ok(Rollout {
        id: row.get("id")?,
        name: value::name(row, "name")?,
        from: row.get("from_digest")?,
        to: row.get("to_digest")?,
        handover: parsed(row, "handover")?.unwrap_or_default(),
        share: Share::new(row.get("share")?).unwrap_or_default(),
        canaries: row.get::<_, Option<i64>>("canaries_below")?.map(|below| Canaries { below: natural(below) }),
        stage: stage.parse()?,
        steps: parsed(row, "steps")?.unwrap_or_default(),
        started_at: row.get("started_at")?,
    })
}
