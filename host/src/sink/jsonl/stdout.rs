//! Standard output, with a file for the state perhaps.
//!
//! What is printed cannot be taken back: a reader counts rows only up to the last checkpoint that it has read. The
//! state is saved after the lines that it covers were handed over.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::checkpoint::Checkpoint;
use super::file::explain;
use super::{Mode, Output};
use crate::error::{Error, Origin, Result};
use crate::model::{Owner, State};
use crate::sink::{StateStore, place};

/// The standard output of a run.
pub(super) struct StdoutOutput {
    states: StdoutStates,
    fence: u64,
    state: Option<State>,
    /// The mode of the run: on a full refresh the state is saved at the end.
    mode: Mode,
}

impl StdoutOutput {
    pub(super) fn open(state: Option<&Path>, owner: &Owner) -> Result<StdoutOutput> {
        let states = StdoutStates::new(state, owner);
        let fence = states.fence()? + 1;
        let state = states.load()?;
        states.save(fence, state.as_ref())?;
        Ok(StdoutOutput { states, fence, state, mode: Mode::Incremental })
    }

    fn check_fence(&self) -> Result<()> {
        if self.states.path.is_some() && self.states.fence()? != self.fence {
            let owner = &self.states.owner;
            let message = format!("another run of connection `{owner}` has taken over; this one can commit no more");
            return Err(Error::new(Origin::State, "sink.fenced", message)
                .help("let one run of a connection end before the next begins"));
        }
        Ok(())
    }
}

impl Output for StdoutOutput {
    fn state(&mut self) -> Result<Option<State>> {
        Ok(self.state.clone())
    }

    fn begin(&mut self, mode: Mode) -> Result<()> {
        self.mode = mode;
        if mode == Mode::FullRefresh {
            self.state = None;
        }
        Ok(())
    }

    fn append(&mut self, lines: &[u8]) -> Result<()> {
        io::stdout().write_all(lines).map_err(|error| unprinted(&error))
    }

    fn mark(&mut self) -> Result<()> {
        Ok(())
    }

    fn cut(&mut self) -> Result<()> {
        Ok(())
    }

    fn commit(&mut self, state: &State) -> Result<()> {
        self.state = Some(state.clone());
        if self.mode == Mode::FullRefresh {
            return Ok(());
        }
        self.finish()
    }

    fn finish(&mut self) -> Result<()> {
        self.check_fence()?;
        let line = Checkpoint::new(&self.states.owner, self.fence, self.state.as_ref()).to_line();
        let mut out = io::stdout();
        out.write_all(line.as_bytes()).and_then(|()| out.flush()).map_err(|error| unprinted(&error))?;
        self.states.save(self.fence, self.state.as_ref())
    }
}

fn unprinted(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Error::sink("the program that reads standard output has ended")
            .help("rows behind its last checkpoint come again with the next run"),
        _ => Error::sink(format!("standard output cannot be written: {error}")),
    }
}

/// The state beside standard output, for people who look at it or change it by hand.
#[derive(Debug)]
pub(crate) struct StdoutStates {
    path: Option<PathBuf>,
    owner: Owner,
}

impl StdoutStates {
    pub(crate) fn new(path: Option<&Path>, owner: &Owner) -> StdoutStates {
        StdoutStates { path: path.map(Path::to_owned), owner: owner.clone() }
    }

    /// The last committed state; none where there is no file.
    pub(super) fn load(&self) -> Result<Option<State>> {
        Ok(self.read()?.and_then(Checkpoint::into_state))
    }

    fn fence(&self) -> Result<u64> {
        Ok(self.read()?.map_or(0, |checkpoint| checkpoint.fence))
    }

    fn read(&self) -> Result<Option<Checkpoint>> {
        let Some(path) = &self.path else { return Ok(None) };
        place::check(path)?;
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(explain(path, &error)),
        };
        let shown = path.display();
        let checkpoint = Checkpoint::from_line(&text).ok_or_else(|| {
            Error::new(Origin::State, "state.invalid", format!("`{shown}` is no state that Tidegate wrote"))
                .help("let `destination.state` name another file, or remove this one")
        })?;
        if let Some(stranger) = checkpoint.stranger(&self.owner) {
            let message = format!("`{shown}` belongs to {stranger}");
            return Err(Error::new(Origin::State, "state.invalid", message)
                .help("give each connection a state file of its own"));
        }
        Ok(Some(checkpoint))
    }

    /// Writes beside the file, then takes its place.
    fn save(&self, fence: u64, state: Option<&State>) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let line = Checkpoint::new(&self.owner, fence, state).to_line();
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(parent)?;
            file.write_all(line.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error).map(drop)
        };
        write().map_err(|error| explain(path, &error))
    }
}

impl StateStore for StdoutStates {
    fn show(&mut self) -> Result<Option<State>> {
        self.load()
    }

    fn replace(&mut self, state: Option<&State>) -> Result<()> {
        if self.path.is_none() {
            return Err(Error::configuration("the destination is standard output and keeps no state")
                .help("let `destination.state` name a file"));
        }
        self.save(self.fence()? + 1, state)
    }
}
