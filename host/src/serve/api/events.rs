//! A run as it goes on: server-sent events.
//!
//! `progress` says its figures, as often as they change and a few times a second at most; `log` is a line of its log;
//! `end` is the run as it ended, and the last event. A run that ended tells its log and its end at once.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream;
use serde::Serialize;

use super::caller::{Allowed, Look};
use super::path::RunPath;
use super::problem::Result;
use super::runs::{self, LogLine, Progress};
use crate::model;
use crate::serve::Server;
use crate::serve::run::Run;

/// How often a run is looked at while it goes on here.
const OFTEN: Duration = Duration::from_millis(250);
/// How often the store is asked for a run that goes on elsewhere, or is about to begin or end.
const SELDOM: Duration = Duration::from_secs(1);

/// A run as it goes on: events `progress`, `log` and, last, `end`, whose data is JSON.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/runs/{run}/events", tag = "runs",
    params(RunPath),
    responses((status = 200, description = "Events, until the run ends.", body = String, content_type = "text/event-stream")),
)]
pub(super) async fn watch_run(
    State(server): State<Server>,
    allowed: Allowed<Look, RunPath>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let run = server.store.run(&allowed.path.tenant, &allowed.path.run).await?;
    let watch = Watch { server, run, shown: None, waiting: VecDeque::new(), is_over: false };
    let events = stream::unfold(watch, async |mut watch| Some((Ok(watch.next().await?), watch)));
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// What a watcher has seen, and what is to be shown next.
struct Watch {
    server: Server,
    run: Run,
    shown: Option<model::Progress>,
    waiting: VecDeque<Event>,
    is_over: bool,
}

impl Watch {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            self.look().await;
        }
    }

    /// Waits until there is something to show, for a while.
    async fn look(&mut self) {
        if self.run.end.is_some() {
            return self.tell_end();
        }
        match self.server.live.run(&self.run.tenant, &self.run.id) {
            Some(live) => {
                let progress = live.gauge.map(|gauge| gauge.snapshot());
                if progress.is_some() && progress != self.shown {
                    self.shown = progress;
                    self.waiting.extend(progress.map(|progress| event("progress", &Progress::from(progress))));
                    return;
                }
                tokio::time::sleep(OFTEN).await;
            }
            None => self.ask().await,
        }
    }

    /// Asks the store for the run, which may have ended or been forgotten.
    async fn ask(&mut self) {
        match self.server.store.run(&self.run.tenant, &self.run.id).await {
            Ok(run) => self.run = run,
            Err(_) => self.is_over = true,
        }
        if self.run.end.is_none() && !self.is_over {
            tokio::time::sleep(SELDOM).await;
        }
    }

    fn tell_end(&mut self) {
        let mut run = self.run.clone();
        let log = run.end.as_mut().map(|end| std::mem::take(&mut end.log)).unwrap_or_default();
        self.waiting.extend(log.into_iter().map(|line| event("log", &LogLine::from(line))));
        self.waiting.push_back(event("end", &runs::Run::new(run, None)));
        self.is_over = true;
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).data(serde_json::to_string(data).unwrap_or_default())
}
