//! Stands between a strategy and its run, and notes what they tell each other.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::exchange::{Answer, Asked};
use super::tape::{Event, Header, Told, VERSION, unusable};
use crate::BoxFuture;
use crate::error::Result;
use crate::http::{Page, Request};
use crate::model::{Change, Table};
use crate::plugin::{Manifest, Meter, Services, Strategy};

/// A strategy whose syncs are recorded into a file.
pub struct Recorder {
    strategy: Arc<dyn Strategy>,
    name: String,
    path: PathBuf,
    most_bytes: u64,
}

impl Recorder {
    /// Records the syncs of a strategy, which messages and the recording call `name`. Each sync begins the file anew.
    pub fn new(strategy: Arc<dyn Strategy>, name: impl Into<String>, path: &Path) -> Recorder {
        Recorder { strategy, name: name.into(), path: path.to_owned(), most_bytes: u64::MAX }
    }

    /// Keeps the beginning of a run only, of so many bytes.
    #[must_use]
    pub fn up_to(self, most_bytes: u64) -> Recorder {
        Recorder { most_bytes, ..self }
    }
}

impl Strategy for Recorder {
    fn digest(&self) -> &str {
        self.strategy.digest()
    }

    fn describe(&self) -> BoxFuture<'_, Result<Manifest>> {
        self.strategy.describe()
    }

    fn schema<'a>(&'a self, config: &'a str) -> BoxFuture<'a, Result<Vec<Table>>> {
        self.strategy.schema(config)
    }

    fn migrate_state<'a>(&'a self, from: u32, state: &'a str) -> BoxFuture<'a, Result<String>> {
        self.strategy.migrate_state(from, state)
    }

    fn sync<'a>(
        &'a self,
        config: &'a str,
        state: Option<&'a str>,
        services: Arc<dyn Services>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let state_version = self.describe().await?.state_version;
            let file = File::create(&self.path).map_err(|error| unusable(&self.path, &error))?;
            let ink = Arc::new(Mutex::new(Ink::new(file, &self.path, self.most_bytes)));
            let ear = Arc::new(Ear { services, ink });
            ear.note(|| Header {
                tidegate_recording: VERSION,
                plugin_digest: self.digest().to_owned(),
                strategy: self.name.clone(),
                config: config.to_owned(),
                state: state.map(str::to_owned),
                state_version,
                began: ear.services.started(),
            });
            let outcome = self.strategy.sync(config, state, ear.clone()).await;
            ear.note(|| Event::End { error: outcome.as_ref().err().map(Told::of) });
            outcome.and_then(|()| ear.ink(Ink::finish))
        })
    }
}

/// The services of a run, overheard.
struct Ear {
    services: Arc<dyn Services>,
    ink: Arc<Mutex<Ink>>,
}

/// The file that is written.
struct Ink {
    file: BufWriter<File>,
    path: PathBuf,
    /// How many requests there were.
    requests: usize,
    /// How many bytes there is room for.
    room: u64,
    /// Why the recording is of no use.
    failure: Option<std::io::Error>,
}

impl Ink {
    fn new(file: File, path: &Path, room: u64) -> Ink {
        Ink { file: BufWriter::new(file), path: path.to_owned(), requests: 0, room, failure: None }
    }

    /// Writes a line, which is made only where there is room for it.
    fn write<T: Serialize>(&mut self, line: impl FnOnce() -> T) {
        if self.room == 0 {
            return;
        }
        let line = serde_json::to_vec(&line()).map_err(Into::into).map(|mut line| {
            line.push(b'\n');
            line
        });
        // What comes behind a line that has no room would be told without what came before it.
        self.room = self.room.saturating_sub(line.as_ref().map_or(0, Vec::len) as u64);
        let written = if self.room == 0 { Ok(()) } else { line.and_then(|line| self.file.write_all(&line)) };
        if let Err(error) = written {
            self.failure.get_or_insert(error);
        }
    }

    fn finish(&mut self) -> Result<()> {
        let flushed = self.file.flush();
        match self.failure.take().map_or(flushed, Err) {
            Ok(()) => Ok(()),
            Err(error) => Err(unusable(&self.path, &format!("it cannot be written: {error}"))),
        }
    }
}

/// Writes something.
fn with<T>(ink: &Mutex<Ink>, write: impl FnOnce(&mut Ink) -> T) -> T {
    write(&mut ink.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Ear {
    fn ink<T>(&self, write: impl FnOnce(&mut Ink) -> T) -> T {
        with(&self.ink, write)
    }

    fn note<T: Serialize>(&self, line: impl FnOnce() -> T) {
        self.ink(|ink| ink.write(line));
    }
}

impl Services for Ear {
    fn fetch(&self, request: Request) -> BoxFuture<'static, Result<Page>> {
        let number = self.ink(|ink| {
            ink.requests += 1;
            let number = ink.requests;
            ink.write(|| Event::Request { number, request: Asked::of(&request) });
            number
        });
        let (ink, fetched) = (Arc::clone(&self.ink), self.services.fetch(request));
        Box::pin(async move {
            let outcome = fetched.await;
            let event = || match &outcome {
                Ok(page) => Event::Answer { number, answer: Answer::of(page.response()) },
                Err(error) => Event::Refused { number, error: Told::of(error) },
            };
            with(&ink, |ink| ink.write(event));
            outcome
        })
    }

    fn stage<'a>(&'a self, table: &'a str, change: Change) -> BoxFuture<'a, Result<()>> {
        self.note(|| staged(table, &change));
        self.services.stage(table, change)
    }

    fn checkpoint(&self, state: String) -> BoxFuture<'_, Result<()>> {
        self.note(|| Event::Checkpoint { state: state.clone() });
        self.services.checkpoint(state)
    }

    fn started(&self) -> i64 {
        self.services.started()
    }

    fn now(&self) -> i64 {
        let at = self.services.now();
        self.note(|| Event::Now { at });
        at
    }

    fn meter(&self) -> Arc<Meter> {
        self.services.meter()
    }

    fn log(&self, level: &str, message: &str) {
        self.note(|| Event::Log { level: level.to_owned(), message: message.to_owned() });
        self.services.log(level, message);
    }
}

/// A change, as it stands in a file.
pub(super) fn staged(table: &str, change: &Change) -> Event {
    let word = match change {
        Change::Upsert(_) => "upsert",
        Change::Update(_) => "update",
        Change::Delete(_) => "delete",
        Change::Truncate => "truncate",
    };
    Event::Stage { table: table.to_owned(), change: word.to_owned(), rows: change.rows().map(|rows| rows.to_json()) }
}
