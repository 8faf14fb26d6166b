//! A run as it goes on: server-sent events.
//!
//! `progress` says its figures, as often as they change and a few times a second at most; `log` is a line of its log;
//! `end` is the run as it ended, and the last event. A run that ended tells its log and its end at once.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
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
use crate::sync::Gauge;

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
    let watch = Watch { server, run, gauge: None, told: 0, shown: None, waiting: VecDeque::new(), is_over: false };
    let events = stream::unfold(watch, async |mut watch| Some((Ok(watch.next().await?), watch)));
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// What a watcher has seen, and what is to be shown next.
struct Watch {
    server: Server,
    run: Run,
    /// What shows the run's figures and its log. A run that goes on with another version of its strategy has another.
    gauge: Option<Arc<Gauge>>,
    /// How many lines of the gauge were told.
    told: u64,
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

    /// Looks at the run, and waits for a while where there is nothing new.
    async fn look(&mut self) {
        if self.run.end.is_some() {
            return self.tell_end();
        }
        let pause = match self.server.live.run(&self.run.tenant, &self.run.id) {
            Some(live) => {
                self.follow(live.gauge);
                OFTEN
            }
            None => {
                self.ask().await;
                SELDOM
            }
        };
        if self.waiting.is_empty() && self.run.end.is_none() && !self.is_over {
            tokio::time::sleep(pause).await;
        }
    }

    fn follow(&mut self, gauge: Option<Arc<Gauge>>) {
        if gauge.as_ref().map(Arc::as_ptr) != self.gauge.as_ref().map(Arc::as_ptr) {
            self.tell_lines();
            (self.gauge, self.told) = (gauge, 0);
        }
        self.tell_lines();
        let progress = self.gauge.as_ref().map(|gauge| gauge.snapshot());
        if progress != self.shown {
            self.shown = progress;
            self.waiting.extend(progress.map(|progress| event("progress", &Progress::from(progress))));
        }
    }

    fn tell_lines(&mut self) {
        let Some(gauge) = &self.gauge else { return };
        let (lines, told) = gauge.lines_after(self.told);
        self.told = told;
        self.waiting.extend(lines.into_iter().map(|line| event("log", &LogLine::from(line))));
    }

    /// Asks the store for the run, which may have ended or been forgotten.
    async fn ask(&mut self) {
        match self.server.store.run(&self.run.tenant, &self.run.id).await {
            Ok(run) => self.run = run,
            Err(_) => self.is_over = true,
        }
    }

    fn tell_end(&mut self) {
        let mut run = self.run.clone();
        let log = run.end.as_mut().map(|end| std::mem::take(&mut end.log)).unwrap_or_default();
        match self.gauge {
            Some(_) => self.tell_lines(),
            None => self.waiting.extend(log.into_iter().map(|line| event("log", &LogLine::from(line)))),
        }
        self.waiting.push_back(event("end", &runs::Run::new(run, None)));
        self.is_over = true;
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).data(serde_json::to_string(data).unwrap_or_default())
}
