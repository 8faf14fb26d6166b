//! JSONL: changes and checkpoints as lines, in a file or on standard output.
//!
//! ```text
//! {"op":"upsert","table":"users","row":{…}}        also update and delete
//! {"op":"truncate","table":"users"}                all rows so far are gone; a full refresh begins so
//! {"checkpoint":{"tenant":"default","connection":"…","fence":1,"state":"…","version":1,"plugin_digest":"…"}}
//! ```
//!
//! Lines cannot be committed together with a state, so rows become durable first and the checkpoint after them: what
//! stands behind the last checkpoint does not count, and comes again. Rows are the source's own text. They are
//! checked against the declared columns, so that a record is refused here as any other sink would.

mod checkpoint;
mod file;
mod stdout;

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;

use super::shape::Shape;
use super::{Mode, Sink};
use crate::error::{Error, Result};
use crate::model::{Batch, Change, Counts, Owner, Row, State, Table, Value};

pub(super) use self::file::FileStates;
pub(super) use self::stdout::StdoutStates;

/// How many bytes of lines may wait in memory for their seal.
const WAITING_LIMIT: usize = 4 << 20;

/// From so many bytes on, sealed lines are handed to the output: they are still in the processor's cache then.
const HANDED_ON: usize = 256 << 10;

/// Where lines go.
trait Output: Send {
    /// The last committed state.
    fn state(&mut self) -> Result<Option<State>>;
    /// Prepares for the lines of a run.
    fn begin(&mut self, mode: Mode) -> Result<()>;
    /// Appends lines.
    fn append(&mut self, lines: &[u8]) -> Result<()>;
    /// Notes that all lines so far are sealed.
    fn mark(&mut self) -> Result<()>;
    /// Takes back the lines since the mark, where that is possible.
    fn cut(&mut self) -> Result<()>;
    /// Makes the lines durable, and the state after them. On a full refresh the state waits for the end.
    fn commit(&mut self, state: &State) -> Result<()>;
    /// Ends a full refresh that went well.
    fn finish(&mut self) -> Result<()>;
}

/// Changes as lines.
pub(super) struct JsonlSink {
    output: Box<dyn Output>,
    shapes: Vec<Shape>,
    mode: Mode,
    /// Lines that wait for a commit.
    waiting: Vec<u8>,
    /// How many bytes of them are sealed.
    sealed: usize,
    /// Whether the output has lines that are not sealed.
    spilled: bool,
    /// What was staged since the last commit.
    counts: Counts,
    /// The last seal since the last commit, and the counts up to it.
    seal: Option<(State, Counts)>,
    /// The counts of a full refresh, until it ends.
    refreshed: Counts,
    /// Lines that failed to be written may stand there in part, so nothing may be written behind them.
    failed: Option<Error>,
}

/// Opens a file for a run.
pub(super) fn open_file(path: &Path, owner: &Owner, lease: Option<u64>, dry_run: bool) -> Result<JsonlSink> {
    if dry_run {
        return Ok(JsonlSink::new(Nowhere { state: FileStates::new(path, owner).load()? }));
    }
    Ok(JsonlSink::new(file::FileOutput::open(path, owner, lease)?))
}

/// Opens standard output for a run, with a file for the state perhaps.
pub(super) fn open_stdout(state: Option<&Path>, owner: &Owner, dry_run: bool) -> Result<JsonlSink> {
    if dry_run {
        return Ok(JsonlSink::new(Nowhere { state: StdoutStates::new(state, owner).load()? }));
    }
    Ok(JsonlSink::new(stdout::StdoutOutput::open(state, owner)?))
}

/// The output of a dry run.
struct Nowhere {
    state: Option<State>,
}

impl Output for Nowhere {
    fn state(&mut self) -> Result<Option<State>> {
        Ok(self.state.clone())
    }

    fn begin(&mut self, _mode: Mode) -> Result<()> {
        Ok(())
    }

    fn append(&mut self, _lines: &[u8]) -> Result<()> {
        Ok(())
    }

    fn mark(&mut self) -> Result<()> {
        Ok(())
    }

    fn cut(&mut self) -> Result<()> {
        Ok(())
    }

    fn commit(&mut self, state: &State) -> Result<()> {
        self.state = Some(state.clone());
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

impl JsonlSink {
    fn new(output: impl Output + 'static) -> JsonlSink {
        JsonlSink {
            output: Box::new(output),
            shapes: Vec::new(),
            mode: Mode::Incremental,
            waiting: Vec::new(),
            sealed: 0,
            spilled: false,
            counts: Counts::default(),
            seal: None,
            refreshed: Counts::default(),
            failed: None,
        }
    }

    fn check_usable(&self) -> Result<()> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Runs `action` unless an earlier one failed.
    fn guarded<T>(&mut self, action: impl FnOnce(&mut JsonlSink) -> Result<T>) -> Result<T> {
        self.check_usable()?;
        action(self).inspect_err(|error| self.failed = Some(error.clone()))
    }

    /// Hands what waits to the output before it is sealed, so that memory stays bounded.
    fn spill(&mut self) -> Result<()> {
        if !self.spilled {
            self.output.append(&self.waiting[..self.sealed])?;
            self.output.mark()?;
        }
        self.output.append(&self.waiting[self.sealed..])?;
        self.spilled |= self.waiting.len() > self.sealed;
        self.waiting.clear();
        self.sealed = 0;
        Ok(())
    }

    /// Hands what is sealed to the output, and drops the rest.
    fn hand_on(&mut self) -> Result<()> {
        self.output.append(&self.waiting[..self.sealed])?;
        self.waiting.clear();
        self.sealed = 0;
        Ok(())
    }

    fn commit_sealed(&mut self) -> Result<Counts> {
        self.counts = Counts::default();
        let seal = self.seal.take();
        if self.spilled {
            self.output.cut()?;
            self.spilled = false;
        }
        self.hand_on()?;
        let Some((state, counts)) = seal else { return Ok(Counts::default()) };
        self.output.commit(&state)?;
        match self.mode {
            Mode::Incremental => Ok(counts),
            Mode::FullRefresh => {
                self.refreshed += counts;
                Ok(Counts::default())
            }
        }
    }

    fn finish_run(&mut self) -> Result<Counts> {
        if self.mode == Mode::FullRefresh {
            self.output.finish()?;
        }
        Ok(std::mem::take(&mut self.refreshed))
    }
}

impl Sink for JsonlSink {
    fn state(&mut self) -> Result<Option<State>> {
        self.output.state()
    }

    fn begin(&mut self, tables: &[Table], mode: Mode) -> Result<()> {
        self.shapes = tables.iter().map(Shape::new).collect::<Result<_>>()?;
        self.mode = mode;
        self.output.begin(mode)?;
        if mode == Mode::FullRefresh {
            // Who reads lines cannot know otherwise which of the rows so far are gone.
            for shape in &self.shapes {
                encode(shape, &Change::Truncate, &mut self.waiting);
            }
        }
        Ok(())
    }

    fn stage(&mut self, table: &str, change: &Change) -> Result<()> {
        self.check_usable()?;
        let shape = self.shapes.iter_mut().find(|shape| shape.table() == table);
        let shape = shape.ok_or_else(|| super::undeclared(table))?;
        shape.admit(change)?;
        self.counts += encode(shape, change, &mut self.waiting);
        if self.waiting.len() > WAITING_LIMIT { self.guarded(JsonlSink::spill) } else { Ok(()) }
    }

    fn seal(&mut self, state: &State) -> Result<()> {
        self.check_usable()?;
        self.counts.checkpoints += 1;
        self.seal = Some((state.clone(), self.counts));
        self.sealed = self.waiting.len();
        self.spilled = false;
        if self.sealed >= HANDED_ON { self.guarded(JsonlSink::hand_on) } else { Ok(()) }
    }

    fn commit(&mut self) -> Result<Counts> {
        self.guarded(JsonlSink::commit_sealed)
    }

    fn finish(&mut self) -> Result<Counts> {
        self.guarded(JsonlSink::finish_run)
    }
}

/// Writes the lines of a change. Of two rows with one key only the last is written.
fn encode(shape: &Shape, change: &Change, lines: &mut Vec<u8>) -> Counts {
    let op = match change {
        Change::Upsert(_) => "upsert",
        Change::Update(_) => "update",
        Change::Delete(_) => "delete",
        Change::Truncate => "truncate",
    };
    let table = serde_json::Value::from(shape.table());
    let head = format!(r#"{{"op":"{op}","table":{table}"#);
    let Some(rows) = change.rows() else {
        lines.extend_from_slice(head.as_bytes());
        lines.extend_from_slice(b"}\n");
        return Counts::default();
    };
    // Two updates of one row may give different fields, so that none of them is to spare.
    let superseded = if matches!(change, Change::Update(_)) { HashSet::new() } else { superseded(shape, rows) };
    let kept = |(at, _): &(usize, Row<'_>)| superseded.is_empty() || !superseded.contains(at);
    for (_, row) in rows.rows().enumerate().filter(kept) {
        lines.extend_from_slice(head.as_bytes());
        lines.extend_from_slice(br#","row":"#);
        // Within a record, a line break stands only between tokens.
        let start = lines.len();
        lines.extend_from_slice(row.json().as_bytes());
        let end = lines.len();
        if memchr::memchr2(b'\n', b'\r', &lines[start..end]).is_some() {
            lines[start..end].iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        }
        lines.extend_from_slice(b"}\n");
    }
    let written = (rows.len() - superseded.len()) as u64;
    let unchanged = superseded.len() as u64;
    match change {
        Change::Upsert(_) => Counts { inserted: written, unchanged, ..Counts::default() },
        Change::Update(_) => Counts { updated: written, ..Counts::default() },
        Change::Delete(_) | Change::Truncate => Counts { deleted: written, ..Counts::default() },
    }
}

/// The indices of rows that a later one of the batch replaces.
fn superseded(shape: &Shape, rows: &Batch) -> HashSet<usize> {
    let mut seen = HashSet::with_capacity_and_hasher(rows.len(), foldhash::quality::RandomState::default());
    (0..rows.len()).rev().filter(|at| !seen.insert(identity(shape, &rows.row(*at)))).collect()
}

/// What makes two rows of a batch one.
fn identity<'a>(shape: &Shape, row: &Row<'a>) -> (bool, Cow<'a, str>) {
    let value = |column: &usize| row.get(&shape.columns()[*column].field).unwrap_or(Value::Null);
    match shape.key() {
        [] => (false, row.json().into()),
        [column] => {
            let value = value(column);
            (matches!(value, Value::String(_)), value.text().unwrap_or_default())
        }
        columns => {
            let mut text = String::new();
            for value in columns.iter().map(value) {
                let class = if matches!(value, Value::String(_)) { 's' } else { 'v' };
                let part = value.text().unwrap_or_default();
                text.push_str(&format!("{class}{}:{part}", part.len()));
            }
            (false, text.into())
        }
    }
}

#[cfg(test)]
mod tests;
