//! The sink of the simulated destination, which can fail at every step.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Destination, Durability, Durable, Rows};
use crate::certify::course::{Course, Mishap, Step};
use crate::error::{Error, Origin, Result};
use crate::model::{Change, Counts, State, Table};
use crate::sink::{Mode, Sink};

/// A destination that is open for one run.
pub(in crate::certify) struct ModelSink {
    destination: Destination,
    course: Arc<Course>,
    fence: u64,
    mode: Mode,
    tables: Vec<Table>,
    staged: Vec<(String, Change)>,
    /// How much of `staged` is sealed, and by which state.
    sealed: Option<(usize, State)>,
    seals: u64,
    /// What a full refresh has committed, until it is finished.
    hidden: BTreeMap<String, Rows>,
    hidden_state: Option<State>,
}

impl ModelSink {
    /// Opens the destination and takes it over from whoever had it open.
    pub(in crate::certify) fn open(destination: Destination, course: Arc<Course>) -> ModelSink {
        let mut durable = destination.lock();
        durable.fence += 1;
        let fence = durable.fence;
        drop(durable);
        ModelSink {
            destination,
            course,
            fence,
            mode: Mode::Incremental,
            tables: Vec::new(),
            staged: Vec::new(),
            sealed: None,
            seals: 0,
            hidden: BTreeMap::new(),
            hidden_state: None,
        }
    }

    /// Takes a step; an error where the process is gone or something else goes wrong.
    fn step(&self, step: Step) -> Result<()> {
        match self.course.step(step) {
            None if self.course.is_endless() => {
                let message = "the run stages and seals on and on, and comes to no end";
                Err(Error::new(Origin::Limit, "limit.no_progress", message))
            }
            None => Ok(()),
            Some(Mishap::Rejection) => Err(Error::rejected("the simulated destination refuses these records")),
            Some(_) => Err(Error::sink("the simulated destination is gone")),
        }
    }

    fn check_fence(&self) -> Result<()> {
        if self.destination.lock().fence == self.fence {
            return Ok(());
        }
        Err(Error::new(Origin::Sink, "sink.fenced", "another run of this connection has taken over"))
    }

    /// Applies what is sealed to the rows; what was staged after the seal is dropped.
    fn apply(&mut self, sealed: usize) -> Counts {
        let mut staged = std::mem::take(&mut self.staged);
        staged.truncate(sealed);
        let mut durable = self.destination.lock();
        let Durable { tables, delivered, .. } = &mut *durable;
        let tables = if self.mode == Mode::FullRefresh { &mut self.hidden } else { tables };
        let mut counts = Counts { checkpoints: std::mem::take(&mut self.seals), ..Counts::default() };
        for (table, change) in staged {
            if let Some(rows) = tables.get_mut(&table) {
                delivered.extend(rows.keys(&change));
                counts += rows.apply(&change);
            }
        }
        tables.values_mut().for_each(|rows| counts += rows.end_truncation());
        counts
    }

    fn save(&mut self, state: State) {
        if self.mode == Mode::FullRefresh {
            self.hidden_state = Some(state);
            return;
        }
        self.destination.lock().save(state);
    }
}

impl Sink for ModelSink {
    fn state(&mut self) -> Result<Option<State>> {
        self.step(Step::Load)?;
        let state = self.destination.lock().state.clone();
        self.step(Step::Loaded)?;
        Ok(state)
    }

    fn begin(&mut self, tables: &[Table], mode: Mode) -> Result<()> {
        self.tables = tables.to_vec();
        self.mode = mode;
        let mut durable = self.destination.lock();
        for table in tables {
            durable.tables.entry(table.name.clone()).or_insert_with(|| Rows::of(table));
            self.hidden.insert(table.name.clone(), Rows::of(table));
        }
        Ok(())
    }

    fn stage(&mut self, table: &str, change: &Change) -> Result<()> {
        let Some(rows) = self.hidden.get(table) else {
            return Err(Error::plugin("plugin.table", format!("the table `{table}` is not declared")));
        };
        if change.rows().is_some_and(|batch| batch.rows().any(|row| rows.key_of(&row).is_none())) {
            return Err(Error::rejected(format!("a record of `{table}` has no value for its primary key")));
        }
        self.step(Step::Stage)?;
        let count = change.rows().map_or(0, |batch| batch.len());
        self.course.note(format_args!("    staged    {} {count} rows of {table}", verb(change)));
        self.staged.push((table.to_owned(), change.clone()));
        self.step(Step::Staged)
    }

    fn seal(&mut self, state: &State) -> Result<()> {
        self.step(Step::Seal)?;
        self.course.note(format_args!("    sealed    {}", state.text));
        self.sealed = Some((self.staged.len(), state.clone()));
        self.seals += 1;
        self.step(Step::Sealed)
    }

    fn commit(&mut self) -> Result<Counts> {
        let Some((sealed, state)) = self.sealed.take() else {
            self.staged.clear();
            return Ok(Counts::default());
        };
        self.step(Step::Commit)?;
        self.check_fence()?;
        let durability = self.destination.lock().durability;
        let counts = self.apply(sealed);
        if durability == Durability::RowsFirst {
            self.step(Step::RowsWritten)?;
        }
        self.course.note(format_args!("    committed {}", state.text));
        self.save(state);
        self.step(Step::Committed)?;
        Ok(counts)
    }

    fn finish(&mut self) -> Result<Counts> {
        self.step(Step::Finish)?;
        self.check_fence()?;
        if self.mode == Mode::FullRefresh {
            let mut durable = self.destination.lock();
            durable.tables.append(&mut self.hidden);
            if let Some(state) = self.hidden_state.take() {
                durable.save(state);
            }
        }
        self.step(Step::Finished)?;
        Ok(Counts::default())
    }
}

fn verb(change: &Change) -> &'static str {
    match change {
        Change::Upsert(_) => "upsert",
        Change::Update(_) => "update",
        Change::Delete(_) => "delete",
        Change::Truncate => "truncate",
    }
}
