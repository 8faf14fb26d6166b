//! SQLite: rows and state in one database file, committed together.
//!
//! A write transaction keeps every other writer of the file out, and a strategy may wait long for its source. So
//! changes are checked when they are staged and kept in memory, which costs little, since batches share the text of
//! their pages. Only a commit opens a transaction, applies what is sealed and ends it. Where more is staged than
//! should be held in memory, the transaction begins early.

mod database;
mod refresh;
mod sql;
mod states;
mod steps;
mod target;
mod turn;
mod upserts;
mod write;

use std::path::Path;

use chrono::{SecondsFormat, Utc};

use self::database::Database;
use self::steps::{Applied, Step};
use self::target::Target;
use self::turn::Turn;
use super::{Mode, Sink};
use crate::error::{Error, Origin, Result};
use crate::model::{Change, Counts, Owner, State, Table};

pub(super) use self::states::SqliteStates;

/// How many bytes of records may wait in memory for a commit. More would gain little: docs/decisions/0011.
const WAITING_LIMIT: usize = 3 << 19;

/// An SQLite database, opened for one run of one connection.
#[derive(Debug)]
pub(super) struct SqliteSink {
    database: Database,
    owner: Owner,
    fence: i64,
    mode: Mode,
    targets: Vec<Target>,
    /// Whether a commit has made the tables.
    prepared: bool,
    /// What was staged and sealed and is not applied yet.
    waiting: Vec<Step>,
    /// The length of `waiting` at the last seal.
    sealed: usize,
    waiting_bytes: usize,
    /// What was applied and is not committed yet. Dropped after the database, which rolls back.
    transaction: Option<Transaction>,
    /// The state and the checkpoints of a full refresh, until it ends.
    refreshed: (Option<State>, u64),
    /// Rows of a failed commit are gone, so nothing that comes after them may be committed.
    failed: Option<Error>,
}

#[derive(Debug)]
struct Transaction {
    now: String,
    counts: Counts,
    /// The last seal that was applied, and the counts up to it.
    sealed: Option<(State, Counts)>,
    /// Whether anything was applied after that seal, behind a savepoint to go back to.
    is_unsealed: bool,
    _turn: Turn,
}

impl SqliteSink {
    /// Opens the database for a run, which takes over from any other run of the connection. A dry run works on a
    /// copy, so that nothing of it is ever seen.
    pub(super) fn open(path: &Path, owner: &Owner, lease: Option<u64>, dry_run: bool) -> Result<SqliteSink> {
        let database = if dry_run { Database::open_copy(path)? } else { Database::open(path)? };
        let fence = states::take_over(&database, owner, lease)?;
        Ok(SqliteSink {
            database,
            owner: owner.clone(),
            fence,
            mode: Mode::Incremental,
            targets: Vec::new(),
            prepared: false,
            waiting: Vec::new(),
            sealed: 0,
            waiting_bytes: 0,
            transaction: None,
            refreshed: (None, 0),
            failed: None,
        })
    }

    /// What the names of tables begin with that a full refresh of this connection fills.
    fn shadows(&self) -> String {
        // With their lengths, so that no connection's names are the beginning of another's.
        let Owner { tenant, connection } = &self.owner;
        format!("_tidegate_new:{}:{tenant}:{}:{connection}:", tenant.len(), connection.len())
    }

    fn check_usable(&self) -> Result<()> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Runs `action` unless an earlier one failed. Its own failure gives up all that is not committed.
    fn guarded<T>(&mut self, action: impl FnOnce(&mut SqliteSink) -> Result<T>) -> Result<T> {
        self.check_usable()?;
        let result = action(self);
        if let Err(error) = &result {
            self.roll_back();
            self.waiting.clear();
            self.failed = Some(error.clone());
        }
        result
    }

    /// Applies what is sealed, in a transaction that is begun where there is none.
    fn apply_sealed(&mut self) -> Result<Transaction> {
        let mut transaction = match self.transaction.take() {
            Some(transaction) => transaction,
            None => self.begin_transaction()?,
        };
        let behind = self.waiting.split_off(self.sealed);
        let sealed = std::mem::replace(&mut self.waiting, behind);
        self.sealed = 0;
        self.waiting_bytes = self.waiting.iter().map(Step::bytes).sum();
        if let Some(state) = self.work_off(sealed, &mut transaction)? {
            transaction.sealed = Some((state, transaction.counts));
            if std::mem::take(&mut transaction.is_unsealed) {
                self.database.run("RELEASE sealed")?;
            }
        }
        Ok(transaction)
    }

    /// Makes room before there is a commit. What is sealed needs no way back; what is not, does.
    fn apply_early(&mut self) -> Result<()> {
        let mut transaction = self.apply_sealed()?;
        if self.waiting_bytes > WAITING_LIMIT {
            if !std::mem::replace(&mut transaction.is_unsealed, true) {
                self.database.run("SAVEPOINT sealed")?;
            }
            self.waiting_bytes = 0;
            let unsealed = std::mem::take(&mut self.waiting);
            self.work_off(unsealed, &mut transaction)?;
        }
        self.transaction = Some(transaction);
        Ok(())
    }

    /// Returns the state of the last seal among the steps.
    fn work_off(&mut self, steps: Vec<Step>, transaction: &mut Transaction) -> Result<Option<State>> {
        let Applied { counts, sealed } = steps::apply(&self.database, &mut self.targets, steps, &transaction.now)?;
        transaction.counts += counts;
        Ok(sealed)
    }

    fn begin_transaction(&mut self) -> Result<Transaction> {
        let turn = self.database.begin()?;
        states::check_fence(&self.database, &self.owner, self.fence)?;
        self.targets.iter_mut().for_each(Target::forget);
        if !self.prepared {
            self.database.drop_tables(&self.shadows())?;
            for target in &mut self.targets {
                target.ensure(&self.database, target.declared)?;
            }
        }
        Ok(Transaction { now: now(), counts: Counts::default(), sealed: None, is_unsealed: false, _turn: turn })
    }

    fn commit_sealed(&mut self) -> Result<Counts> {
        self.waiting.truncate(self.sealed);
        if self.waiting.is_empty() && self.transaction.as_ref().is_none_or(|open| open.sealed.is_none()) {
            self.roll_back();
            return Ok(Counts::default());
        }
        let Transaction { sealed: Some((state, counts)), is_unsealed, _turn, .. } = self.apply_sealed()? else {
            return Ok(Counts::default());
        };
        if is_unsealed {
            self.database.run("ROLLBACK TO sealed")?;
        }
        match self.mode {
            Mode::Incremental => self.save(Some(&state))?,
            Mode::FullRefresh => self.refreshed = (Some(state), self.refreshed.1 + counts.checkpoints),
        }
        self.database.run("COMMIT")?;
        self.prepared = true;
        Ok(if self.mode == Mode::Incremental { counts } else { Counts::default() })
    }

    fn save(&self, state: Option<&State>) -> Result<()> {
        states::save(&self.database.sql, &self.owner, state).map_err(|error| self.database.failed(&error))
    }

    fn finish_run(&mut self) -> Result<Counts> {
        self.waiting.clear();
        self.roll_back();
        if self.mode == Mode::Incremental && self.prepared {
            return Ok(Counts::default());
        }
        let transaction = self.begin_transaction()?;
        let mut counts = Counts::default();
        if self.mode == Mode::FullRefresh {
            for target in &mut self.targets {
                counts += refresh::replace(&self.database, target, &transaction.now)?;
            }
            let (state, checkpoints) = std::mem::take(&mut self.refreshed);
            self.save(state.as_ref())?;
            counts.checkpoints = checkpoints;
        }
        self.database.run("COMMIT")?;
        (self.prepared, self.mode) = (true, Mode::Incremental);
        Ok(counts)
    }

    fn roll_back(&mut self) {
        self.database.roll_back();
        self.transaction = None;
    }

    fn is_by_hand(&self) -> Result<bool> {
        states::is_by_hand(&self.database.sql, &self.owner).map_err(|error| self.database.failed(&error))
    }

    /// A state that a run left says what is in the tables; without them, going on from it would lose all earlier rows.
    fn check_covered(&mut self, table: &Table) -> Result<()> {
        if self.database.find(&table.name)?.is_some() {
            return Ok(());
        }
        let message = format!(
            "connection `{}` has a saved state, but the table `{}` that it covers is not in the destination",
            self.owner, table.name
        );
        Err(Error::new(Origin::State, "state.invalid", message)
            .help("read everything again with `--full-refresh`, or forget the state with `tidegate state reset`"))
    }
}

impl Sink for SqliteSink {
    fn state(&mut self) -> Result<Option<State>> {
        states::load(&self.database.sql, &self.owner).map_err(|error| self.database.failed(&error))
    }

    fn begin(&mut self, tables: &[Table], mode: Mode) -> Result<()> {
        if mode == Mode::Incremental && self.state()?.is_some() && !self.is_by_hand()? {
            tables.iter().try_for_each(|table| self.check_covered(table))?;
        }
        let shadows = (mode == Mode::FullRefresh).then(|| self.shadows());
        for (number, table) in tables.iter().enumerate() {
            if let Some(other) = tables[..number].iter().find(|other| other.name.eq_ignore_ascii_case(&table.name)) {
                let message = format!("SQLite cannot tell the tables `{}` and `{}` apart", other.name, table.name);
                return Err(Error::rejected(message).help("let one of them have another name"));
            }
            self.targets.push(Target::open(&self.database, table, number, shadows.as_deref())?);
        }
        self.mode = mode;
        Ok(())
    }

    fn stage(&mut self, table: &str, change: &Change) -> Result<()> {
        self.check_usable()?;
        let known = |target: &Target| target.shape.table() == table;
        let target = self.targets.iter().position(known).ok_or_else(|| super::undeclared(table))?;
        let shape = &mut self.targets[target].shape;
        let slots = shape.admit(change)?;
        let columns = shape.columns().len();
        self.waiting_bytes += change.bytes();
        self.waiting.push(Step::Change { target, change: change.clone(), slots, columns });
        if self.waiting_bytes > WAITING_LIMIT {
            self.guarded(|sink| sink.apply_early())?;
        }
        Ok(())
    }

    fn seal(&mut self, state: &State) -> Result<()> {
        self.check_usable()?;
        self.waiting.push(Step::Seal(state.clone()));
        self.sealed = self.waiting.len();
        Ok(())
    }

    fn commit(&mut self) -> Result<Counts> {
        self.guarded(SqliteSink::commit_sealed)
    }

    fn finish(&mut self) -> Result<Counts> {
        self.guarded(SqliteSink::finish_run)
    }
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests;
