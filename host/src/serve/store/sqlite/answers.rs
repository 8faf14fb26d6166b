//! Answers to requests that may be sent again.

use rusqlite::{Connection, params};

use super::SqliteStore;
use super::database::Outcome;
use super::value::{parsed, written};
use crate::BoxFuture;
use crate::serve::Result;
use crate::serve::clock::Millis;
use crate::serve::store::{ANSWERED_WITHIN, ANSWERS_KEPT, Answer, Idempotency, RequestKey, Seen};

impl Idempotency for SqliteStore {
    fn begin_request<'a>(
        &'a self,
        key: &'a RequestKey,
        fingerprint: [u8; 32],
        now: Millis,
    ) -> BoxFuture<'a, Result<Seen>> {
        let key = key.clone();
        Box::pin(self.database.write(move |sql| {
            forget(sql, now)?;
            let seen = look_up(sql, &key, fingerprint)?;
            if seen == Seen::Never {
                let insert = "INSERT INTO answers (caller, key, fingerprint, begun_at) VALUES (?1, ?2, ?3, ?4)";
                sql.prepare_cached(insert)?.execute(params![key.caller, key.key, fingerprint, now])?;
            }
            Ok(seen)
        }))
    }

    fn finish_request<'a>(&'a self, key: &'a RequestKey, answer: Answer) -> BoxFuture<'a, Result<()>> {
        let key = key.clone();
        Box::pin(self.database.write(move |sql| {
            let mut update = sql.prepare_cached("UPDATE answers SET answer = ?3 WHERE caller = ?1 AND key = ?2")?;
            update.execute(params![key.caller, key.key, written(&answer)?])?;
            Ok(())
        }))
    }

    fn abandon_request<'a>(&'a self, key: &'a RequestKey) -> BoxFuture<'a, Result<()>> {
        let key = key.clone();
        Box::pin(self.database.write(move |sql| {
            let delete = "DELETE FROM answers WHERE caller = ?1 AND key = ?2 AND answer IS NULL";
            sql.prepare_cached(delete)?.execute([key.caller, key.key])?;
            Ok(())
        }))
    }
}

/// Forgets answers that are old, and requests that nobody can be answering any more.
fn forget(sql: &Connection, now: Millis) -> Outcome<()> {
    let delete = "DELETE FROM answers WHERE begun_at < ?1 OR (begun_at < ?2 AND answer IS NULL)";
    let (kept, within) = (now.saturating_sub(ANSWERS_KEPT), now.saturating_sub(ANSWERED_WITHIN));
    sql.prepare_cached(delete)?.execute([kept, within])?;
    Ok(())
}

fn look_up(sql: &Connection, key: &RequestKey, fingerprint: [u8; 32]) -> Outcome<Seen> {
    let mut query = sql.prepare_cached("SELECT fingerprint, answer FROM answers WHERE caller = ?1 AND key = ?2")?;
    let mut found = query.query_and_then([&key.caller, &key.key], |row| -> Outcome<Seen> {
        Ok(match parsed(row, "answer")? {
            _ if row.get::<_, [u8; 32]>("fingerprint")? != fingerprint => Seen::Different,
            Some(answer) => Seen::Answered(answer),
            None => Seen::Underway,
        })
    })?;
    found.next().unwrap_or(Ok(Seen::Never))
}
