//! Stands in for a run: tells a strategy what a recording says, and notes what it does.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::comparison::{Comparison, Shadow, compare, compare_records};
use super::exchange::Asked;
use super::recorder::staged;
use super::tape::{Event, Tape, Told};
use crate::BoxFuture;
use crate::error::{Error, Origin, Result};
use crate::http::{Page, Request, Response};
use crate::model::Change;
use crate::plugin::{Meter, Services, Strategy};

/// Runs a strategy on a recording, without a source or a destination, and compares what it does with what was recorded.
pub async fn replay(tape: &Tape, strategy: &dyn Strategy) -> Result<Comparison> {
    let state = tape.header.state.as_deref();
    Ok(compare(&tape.events, &perform(tape, strategy, state).await?))
}

/// Runs another version of a strategy on a recording, and compares the records that both have staged, however they were
/// asked for. `state` is the recorded one, in the form that this version reads.
pub async fn shadow(tape: &Tape, strategy: &dyn Strategy, state: Option<&str>) -> Result<Shadow> {
    Ok(compare_records(&tape.events, &perform(tape, strategy, state).await?))
}

/// What a strategy does on a recording.
async fn perform(tape: &Tape, strategy: &dyn Strategy, state: Option<&str>) -> Result<Vec<Event>> {
    let player = Arc::new(Player::new(tape)?);
    let outcome = strategy.sync(&tape.header.config, state, player.clone()).await;
    let mut events = std::mem::take(&mut player.play().events);
    events.push(Event::End { error: outcome.as_ref().err().map(Told::of) });
    Ok(events)
}

struct Player {
    began: i64,
    play: Mutex<Play>,
}

struct Play {
    answers: HashMap<Request, VecDeque<Result<Response>>>,
    times: VecDeque<i64>,
    now: i64,
    /// What the strategy did.
    events: Vec<Event>,
    requests: usize,
}

impl Player {
    fn new(tape: &Tape) -> Result<Player> {
        let mut requests = HashMap::new();
        let mut answers: HashMap<Request, VecDeque<_>> = HashMap::new();
        let mut times = VecDeque::new();
        for event in tape.events.iter().cloned() {
            let (number, answer) = match event {
                Event::Request { number, request } => {
                    requests.insert(number, request.read().ok_or_else(broken)?);
                    continue;
                }
                Event::Now { at } => {
                    times.push_back(at);
                    continue;
                }
                Event::Answer { number, answer } => (number, Ok(answer.read().ok_or_else(broken)?)),
                Event::Refused { number, error } => (number, Err(error.read())),
                Event::Stage { .. } | Event::Checkpoint { .. } | Event::Log { .. } | Event::End { .. } => continue,
            };
            let request: &Request = requests.get(&number).ok_or_else(broken)?;
            answers.entry(request.clone()).or_default().push_back(answer);
        }
        let began = tape.header.began;
        let play = Play { answers, times, now: began, events: Vec::new(), requests: 0 };
        Ok(Player { began, play: Mutex::new(play) })
    }

    fn play(&self) -> MutexGuard<'_, Play> {
        self.play.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn broken() -> Error {
    Error::configuration("the recording is damaged: an answer has no request, or a body is no base64")
        .help("record it again")
}

impl Play {
    /// The answer of the recording. The last one to a request is given again where it is asked more often.
    fn answer(&mut self, request: &Request) -> Result<Response> {
        let missing = || {
            let message = format!("{request}: the recorded run did not ask for this");
            Err(Error::new(Origin::Source, "source.unreachable", message))
        };
        let Some(answers) = self.answers.get_mut(request) else { return missing() };
        match answers.len() {
            0 | 1 => answers.front().cloned().unwrap_or_else(missing),
            _ => answers.pop_front().unwrap_or_else(missing),
        }
    }
}

impl Services for Player {
    fn fetch(&self, request: Request) -> BoxFuture<'static, Result<Page>> {
        let mut play = self.play();
        play.requests += 1;
        let event = Event::Request { number: play.requests, request: Asked::of(&request) };
        play.events.push(event);
        let asked = format!("{} {}", request.method, request.path);
        let page = play.answer(&request).map(|response| Page::new(asked, response));
        Box::pin(async { page })
    }

    fn stage<'a>(&'a self, table: &'a str, change: Change) -> BoxFuture<'a, Result<()>> {
        self.play().events.push(staged(table, &change));
        Box::pin(async { Ok(()) })
    }

    fn checkpoint(&self, state: String) -> BoxFuture<'_, Result<()>> {
        self.play().events.push(Event::Checkpoint { state });
        Box::pin(async { Ok(()) })
    }

    fn started(&self) -> i64 {
        self.began
    }

    fn now(&self) -> i64 {
        let mut play = self.play();
        play.now = play.times.pop_front().unwrap_or(play.now);
        play.now
    }

    fn meter(&self) -> Arc<Meter> {
        Arc::default()
    }

    fn log(&self, level: &str, message: &str) {
        self.play().events.push(Event::Log { level: level.to_owned(), message: message.to_owned() });
    }
}
