//! Destinations.
//!
//! The durability contract, which every adapter keeps:
//!
//! - What was staged becomes visible to others only by [`Sink::commit`], and only as far as the last
//!   [`Sink::seal`]. Rows and the state that covers them become durable together; where a destination cannot do
//!   that, rows first and state after.
//! - An error or a crash at any point leaves the destination as the last commit left it.
//! - Staging a row that is already there, equal in every column, writes nothing and counts as unchanged.
//! - Every commit is fenced: opening a sink raises a number that is stored with the state, and a commit by a holder
//!   of an older number fails and changes nothing.
//! - A full refresh is visible only once it ended well.
//!
//! An adapter must not know strategies, HTTP or the command line.

mod decimal;
mod jsonl;
mod place;
mod shape;
mod sqlite;
mod values;

use crate::config::Destination;
use crate::error::{Error, Origin, Result};
use crate::model::{Change, Counts, Owner, State, Table};

/// What a run is going to do with the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Go on from the saved state.
    Incremental,
    /// Replace all rows by those of this run, once it ended well.
    FullRefresh,
}

/// One destination, opened for one connection and one run. Used from one thread, which it may block.
pub trait Sink: Send {
    /// The last committed state of the connection.
    fn state(&mut self) -> Result<Option<State>>;

    /// Prepares the tables. Called once, before anything is staged.
    fn begin(&mut self, tables: &[Table], mode: Mode) -> Result<()>;

    /// Takes a change to one of the tables of [`Sink::begin`], in order.
    fn stage(&mut self, table: &str, change: &Change) -> Result<()>;

    /// Marks all that was staged so far as covered by `state`.
    fn seal(&mut self, state: &State) -> Result<()>;

    /// Makes all durable that is sealed, with the state of the last seal; what was staged after it is dropped.
    /// Returns what was done since the commit before.
    fn commit(&mut self) -> Result<Counts>;

    /// Ends a run that went well, after its last commit. On a full refresh this is where the new rows and the state
    /// take the place of the old ones.
    fn finish(&mut self) -> Result<Counts>;
}

/// The saved states of a destination, for people who look at them or change them by hand.
pub trait StateStore {
    /// The last committed state of the connection.
    fn show(&mut self) -> Result<Option<State>>;

    /// Puts another state in its place, or removes it. Fenced like a commit: a run that is going on fails at its
    /// next commit.
    fn replace(&mut self, state: Option<&State>) -> Result<()>;
}

/// Opens a destination for one run of a connection. The run takes over from any other run of the connection, unless that
/// one was given out under a later `lease`. A dry run does and counts everything, and nothing of it stays.
pub fn open(destination: &Destination, owner: &Owner, lease: Option<u64>, dry_run: bool) -> Result<Box<dyn Sink>> {
    Ok(match destination {
        Destination::Sqlite { path } => Box::new(sqlite::SqliteSink::open(path, owner, lease, dry_run)?),
        Destination::JsonlFile { path } => Box::new(jsonl::open_file(path, owner, lease, dry_run)?),
        Destination::JsonlStdout { state } => Box::new(jsonl::open_stdout(state.as_deref(), owner, dry_run)?),
    })
}

/// Whether a destination can be written, as far as that can be told without writing.
pub fn check(destination: &Destination) -> Result<()> {
    match destination {
        Destination::Sqlite { path } | Destination::JsonlFile { path } => place::check_writable(path),
        Destination::JsonlStdout { state } => state.as_deref().map_or(Ok(()), place::check_writable),
    }
}

/// Opens the saved states of a destination. Looking at a state changes nothing and stops no run.
pub fn open_state(destination: &Destination, owner: &Owner) -> Result<Box<dyn StateStore>> {
    Ok(match destination {
        Destination::Sqlite { path } => Box::new(sqlite::SqliteStates::new(path, owner)),
        Destination::JsonlFile { path } => Box::new(jsonl::FileStates::new(path, owner)),
        Destination::JsonlStdout { state } => Box::new(jsonl::StdoutStates::new(state.as_deref(), owner)),
    })
}

/// Another run has the connection.
fn overtaken(owner: &Owner) -> Error {
    let message = format!("another run of connection `{owner}` has taken over; this one can commit no more");
    Error::new(Origin::State, "sink.fenced", message)
        .help("let one run of a connection end before the next begins; what was committed before is kept")
}

/// A strategy staged records of a table that its schema does not have.
fn undeclared(table: &str) -> Error {
    Error::plugin("plugin.table", format!("the table `{table}` is not in the strategy's schema"))
}

#[cfg(test)]
mod tests;
