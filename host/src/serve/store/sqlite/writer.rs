//! Group commit: changes that come while one is being written share the next commit.
//!
//! A commit waits for the disk, however much is in it. So whoever gets the connection writes all that waits, each
//! change within a savepoint of its own, and commits once. It must not know what the changes are.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::{Mutex as Turn, oneshot};
use tokio::task::spawn_blocking;

use super::database::{Outcome, Stop, cut_short, explain};
use crate::error::{Error, Result};
use crate::serve::Refusal;

/// The one connection that writes, and the changes that wait for it.
pub(super) struct Writer {
    sql: Arc<Turn<Connection>>,
    waiting: Arc<Mutex<Vec<Box<dyn Change>>>>,
    path: Arc<Path>,
}

impl Writer {
    pub(super) fn new(sql: Connection, path: Arc<Path>) -> Writer {
        Writer { sql: Arc::new(Turn::new(sql)), waiting: Arc::default(), path }
    }

    /// Makes a change, in a commit of its own or with others. Whoever stops waiting for it may not find it done.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        let (sender, mut answer) = oneshot::channel();
        lock(&self.waiting).push(Box::new(Pending { act: Some(act), outcome: None, sender }));
        tokio::select! {
            biased;
            outcome = &mut answer => return outcome.unwrap_or_else(|_| Err(cut_short())),
            sql = Arc::clone(&self.sql).lock_owned() => {
                let (waiting, path) = (Arc::clone(&self.waiting), Arc::clone(&self.path));
                // Its end is told by the answers, also where it panics: then there are none.
                let _ = spawn_blocking(move || {
                    let group = std::mem::take(&mut *lock(&waiting));
                    commit(&sql, &path, group);
                })
                .await;
            }
        }
        answer.await.unwrap_or_else(|_| Err(cut_short()))
    }
}

/// Writes a group of changes, and answers each.
fn commit(sql: &Connection, path: &Path, mut group: Vec<Box<dyn Change>>) {
    group.retain(|change| change.is_awaited());
    if group.is_empty() {
        return;
    }
    let end = perform_all(sql, path, &mut group);
    if end.is_err() && !sql.is_autocommit() {
        // It can fail only where SQLite has rolled back by itself.
        let _ = sql.execute_batch("ROLLBACK");
    }
    group.into_iter().for_each(|change| change.answer(end.as_ref().err()));
}

fn perform_all(sql: &Connection, path: &Path, group: &mut [Box<dyn Change>]) -> Result<()> {
    let run = |statements: &str| sql.execute_batch(statements).map_err(|error| explain(path, &error));
    if !sql.is_autocommit() {
        // A change before panicked.
        run("ROLLBACK")?;
    }
    run("BEGIN IMMEDIATE")?;
    for change in group {
        run("SAVEPOINT change")?;
        let is_good = change.perform(sql);
        if sql.is_autocommit() {
            // SQLite gave up the whole transaction, as it does where the disk is full.
            return Err(Error::host(format!("`{}`: a transaction could not be completed", path.display())));
        }
        run(if is_good { "RELEASE change" } else { "ROLLBACK TO change; RELEASE change" })?;
    }
    run("COMMIT")
}

/// A change, whatever its outcome is.
trait Change: Send {
    /// Whether anybody still waits for it. What nobody waits for is not begun.
    fn is_awaited(&self) -> bool;
    /// Makes it, and says whether it is to be kept.
    fn perform(&mut self, sql: &Connection) -> bool;
    /// Tells its outcome, or why the whole group failed.
    fn answer(self: Box<Self>, failure: Option<&Error>);
}

struct Pending<T, F> {
    act: Option<F>,
    outcome: Option<Outcome<T>>,
    sender: oneshot::Sender<Outcome<T>>,
}

impl<T: Send, F: FnOnce(&Connection) -> Outcome<T> + Send> Change for Pending<T, F> {
    fn is_awaited(&self) -> bool {
        !self.sender.is_closed()
    }

    fn perform(&mut self, sql: &Connection) -> bool {
        self.outcome = self.act.take().map(|act| act(sql));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, failure: Option<&Error>) {
        let outcome = match (self.outcome, failure) {
            (Some(Err(stop)), _) => Err(stop),
            (_, Some(error)) => Err(Stop::Refused(Refusal::Failed(error.clone()))),
            (Some(outcome), None) => outcome,
            (None, None) => Err(cut_short()),
        };
        // Whoever waited may have gone.
        let _ = self.sender.send(outcome);
    }
}

// What the lock guards is never left half changed, so a panic elsewhere does not matter.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
