//! A source of the user's own: it is asked once, and its answers are kept, so that a strategy can be tried on them again
//! and again.
//!
//! Requests are kept as strategies make them, before the host adds credentials, and answers as strategies get them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use super::destination::{Durable, Rows};
use super::verdict::{Fault, Finding};
use crate::error::{Error, Origin, Result};
use crate::http::{Fetch, Page, Request, Response};
use crate::recording::{Answer, Asked};
use crate::sync::Clock;

/// The form of recordings.
const VERSION: u32 = 1;

/// The user's own source, and what it has answered.
pub struct OwnSource {
    /// None: the recording is all there is.
    live: Option<(Arc<dyn Fetch>, Handle)>,
    began: i64,
    answers: Mutex<HashMap<Request, Response>>,
    /// The tables as a run left them in which nothing went wrong.
    expected: OnceLock<BTreeMap<String, Rows>>,
}

impl OwnSource {
    /// A source that is asked for what is not known yet. Must be called within the runtime that it works in.
    pub fn live(source: Arc<dyn Fetch>) -> OwnSource {
        OwnSource::with(Some((source, Handle::current())), Clock::system().now(), HashMap::new())
    }

    /// The answers of a recording, and nothing else.
    pub fn recorded(path: &Path) -> Result<OwnSource> {
        let text = std::fs::read_to_string(path).map_err(|error| unusable(path, &error))?;
        let tape: Tape = serde_json::from_str(&text).map_err(|error| unusable(path, &error))?;
        if tape.tidegate_recording != VERSION {
            let found = tape.tidegate_recording;
            return Err(unusable(path, &format!("it has version {found}, and version {VERSION} can be read")));
        }
        let answers = tape.exchanges.into_iter().map(Exchange::read).collect::<Option<_>>();
        let answers = answers.ok_or_else(|| unusable(path, &"a body is no base64"))?;
        Ok(OwnSource::with(None, tape.began, answers))
    }

    fn with(live: Option<(Arc<dyn Fetch>, Handle)>, began: i64, answers: HashMap<Request, Response>) -> OwnSource {
        OwnSource { live, began, answers: Mutex::new(answers), expected: OnceLock::new() }
    }

    /// Writes what was answered into a file.
    pub fn record(&self, path: &PathBuf) -> Result<()> {
        let mut exchanges: Vec<Exchange> =
            self.lock().iter().map(|(request, response)| Exchange::of(request, response)).collect();
        exchanges.sort_by(|one, other| one.request.cmp(&other.request));
        let tape = Tape { tidegate_recording: VERSION, began: self.began, exchanges };
        let text = serde_json::to_string_pretty(&tape).map_err(|error| unusable(path, &error))?;
        std::fs::write(path, text).map_err(|error| unusable(path, &error))
    }

    /// When its answers were given, in milliseconds since 1970. Every run begins then, so that it asks for the same.
    pub(super) fn began(&self) -> i64 {
        self.began
    }

    /// The answer to a request: the kept one, or that of the source. Blocks the thread meanwhile, so that no paused
    /// clock moves on.
    pub(super) fn answer(&self, request: &Request) -> Result<Page> {
        let asked = format!("{} {}", request.method, request.path);
        if let Some(response) = self.lock().get(request) {
            return Ok(Page::new(asked, response.clone()));
        }
        let Some((source, runtime)) = &self.live else {
            let message = format!("{asked}: the recording has no answer to this request");
            return Err(Error::new(Origin::Source, "source.unreachable", message).help("record it again"));
        };
        let fetch = source.fetch(request.clone());
        let page = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(fetch)).join());
        let page = page.unwrap_or_else(|_| Err(Error::host("asking the source crashed")))?;
        self.lock().insert(request.clone(), page.response().clone());
        Ok(page)
    }

    /// Compares the destination with what the first run left there.
    pub(super) fn compare(&self, durable: &Durable) -> (usize, Result<(), Finding>) {
        let expected = self.expected.get_or_init(|| durable.tables.clone());
        if expected.values().all(|rows| rows.len() == 0) {
            return (0, Err(Finding::new(Fault::BrokeOff, "the first run brought no row, so nothing can be shown")));
        }
        let outcome = expected.iter().try_for_each(|(table, rows)| match durable.tables.get(table) {
            Some(found) => rows.differ(found).map_or(Ok(()), |difference| Err(told(table, &difference))),
            None => Err(Finding::new(Fault::Lost, format!("the table {table} is not there"))),
        });
        (expected.values().map(Rows::len).sum(), outcome)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Request, Response>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How two tables differ.
pub(super) enum Difference {
    Missing(String),
    Additional(String),
    Other { expected: String, found: String },
}

fn told(table: &str, difference: &Difference) -> Finding {
    match difference {
        Difference::Missing(row) => {
            Finding::new(Fault::Lost, format!("a row of {table} is not in the destination: {row}"))
        }
        Difference::Additional(row) => {
            Finding::new(Fault::Duplicated, format!("{table} has a row that the first run did not bring: {row}"))
        }
        Difference::Other { expected, found } => {
            Finding::new(Fault::Altered, format!("a row of {table} is {found}, where the first run brought {expected}"))
        }
    }
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::configuration(format!("the recording {}: {why}", path.display()))
}

/// A recording in a file.
#[derive(Serialize, Deserialize)]
struct Tape {
    tidegate_recording: u32,
    /// Milliseconds since 1970.
    began: i64,
    exchanges: Vec<Exchange>,
}

#[derive(Serialize, Deserialize)]
struct Exchange {
    request: Asked,
    #[serde(flatten)]
    answer: Answer,
}

impl Exchange {
    fn of(request: &Request, response: &Response) -> Exchange {
        Exchange { request: Asked::of(request), answer: Answer::of(response) }
    }

    fn read(self) -> Option<(Request, Response)> {
        Some((self.request.read()?, self.answer.read()?))
    }
}
