//! Where a trial takes place: one strategy, one simulated source, one simulated destination, and runs between them.
//!
//! The runs are the host's own (`sync::run`), with the host's own HTTP room; only the wire and the sink are simulated.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::course::{Course, Event, Mishap, Step};
use super::destination::{Destination, ModelSink};
use super::scenario::Scenario;
use super::source::{BEGINNING, World};
use crate::BoxFuture;
use crate::config;
use crate::error::{Error, Origin, Result};
use crate::http::{MemoryTokens, Meter, Origins, Response, Source, Transport, WireRequest};
use crate::model::{Report, Status};
use crate::plugin::Strategy;
use crate::sink::Mode;
use crate::sync::{self, Clock, Gauge, Hands, Job, Pace};

/// How long the source takes to answer.
const LATENCY: Duration = Duration::from_millis(100);
/// The time between two runs.
const PAUSE: Duration = Duration::from_secs(60);
/// A run that goes on for so long would go on for ever.
const PATIENCE: Duration = Duration::from_secs(7 * 86_400);
/// Requests that a run may send: far more than reading the largest scenario record by record.
const REQUESTS: u64 = 3_000;

/// One trial's strategy, source and destination. Made within the runtime whose clock the trial has.
pub(super) struct Lab {
    pub(super) strategy: Arc<dyn Strategy>,
    /// The strategy's configuration: JSON text.
    pub(super) config: String,
    pub(super) destination: Destination,
    world: Mutex<World>,
    clock: Clock,
    seed: u64,
}

/// How a run is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) pace: Pace,
    pub(super) mode: Mode,
}

/// How a run ended.
pub(super) struct RunEnd {
    /// None where the process was gone before.
    pub(super) report: Option<Report>,
    pub(super) has_struck: bool,
    /// Where its first request has begun: the time or ID that it named.
    pub(super) asked_from: Option<i64>,
    pub(super) steps: Vec<Step>,
    pub(super) events: Vec<Event>,
}

impl Lab {
    pub(super) fn new(
        strategy: Arc<dyn Strategy>,
        config: String,
        scenario: &Scenario,
        seed: u64,
        destination: Destination,
    ) -> Arc<Lab> {
        let clock = Clock::starting_at(BEGINNING);
        let world = Mutex::new(World::new(scenario, seed, clock));
        Arc::new(Lab { strategy, config, destination, world, clock, seed })
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets some time pass.
    pub(super) async fn pause(&self) {
        sleep(PAUSE).await;
    }

    /// Runs the strategy once, as a host of its own does. `due` is what goes wrong, at the step of that number.
    pub(super) fn run(self: &Arc<Self>, manner: Manner, due: Option<(usize, Mishap)>) -> BoxFuture<'static, RunEnd> {
        let lab = Arc::clone(self);
        Box::pin(async move {
            // The jitter of retries follows from the seed, too.
            fastrand::seed(lab.seed);
            let course = Arc::new(Course::new(due));
            let run = lab.world().begin_run();
            let state = lab.destination.lock().state.as_ref().map_or("none".to_owned(), |state| state.text.clone());
            course.note(format_args!("  run {run} begins with state {state}"));
            let report = match lab.job(manner, &course) {
                Ok(job) => tokio::select! {
                    biased;
                    () = course.gone() => None,
                    report = sync::run(job) => Some(report),
                },
                Err(_) => None,
            };
            if let Some(report) = &report {
                course.note(format_args!("  run {run} ends: {}", ending(report)));
            }
            let has_struck = course.has_struck();
            let (steps, events) = course.take();
            let asked_from = lab.world().asked_from();
            RunEnd { report, has_struck, asked_from, steps, events }
        })
    }

    fn job(self: &Arc<Self>, manner: Manner, course: &Arc<Course>) -> Result<Job> {
        let meter = Arc::new(Meter::with_limit(Some(REQUESTS)));
        let base_url = "https://source.example/".parse().map_err(|_| Error::host("the simulated source has no URL"))?;
        let wire = Wire { lab: Arc::clone(self), course: Arc::clone(course), manner };
        let tokens = Arc::new(MemoryTokens::default());
        let (settings, origins) = (config::Source::new(base_url), Origins::default());
        let source = Source::new(&settings, Arc::new(wire), tokens, Arc::clone(&meter), origins)?;
        Ok(Job {
            name: "certify".to_owned(),
            strategy_name: String::new(),
            strategy: Arc::clone(&self.strategy),
            source,
            sink: Box::new(ModelSink::open(self.destination.clone(), Arc::clone(course))),
            config: self.config.clone(),
            mode: manner.mode,
            pace: manner.pace,
            hands: Hands::Inline,
            clock: self.clock.restarted(),
            timeout: PATIENCE,
            interrupt: CancellationToken::new(),
            gauge: Arc::new(Gauge::new(meter)),
        })
    }
}

fn ending(report: &Report) -> String {
    let counts = report.progress.committed;
    match &report.error {
        Some(error) => format!("{}: {}", error.code(), error.message()),
        None if report.status == Status::Limited => format!("after {REQUESTS} requests it was still asking"),
        None => format!(
            "{} ({} inserted, {} updated, {} unchanged, {} deleted)",
            report.status.as_str(),
            counts.inserted,
            counts.updated,
            counts.unchanged,
            counts.deleted
        ),
    }
}

/// The wire between the host's HTTP room and the simulated source.
struct Wire {
    lab: Arc<Lab>,
    course: Arc<Course>,
    manner: Manner,
}

impl Transport for Wire {
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move {
            let shown = shown(&request);
            match self.course.step(Step::Request) {
                Some(Mishap::Crash) => std::future::pending().await,
                Some(Mishap::Lost) => return Err(broken("before the source was reached")),
                Some(Mishap::Outage) => return Ok(unavailable()),
                Some(Mishap::Takeover) => self.take_over().await,
                _ => {}
            }
            let (response, count) = self.lab.world().answer(&request);
            self.course.note(format_args!("    {shown} → {}, {count} records", response.status));
            sleep(LATENCY).await;
            let changes = self.lab.world().move_on();
            changes.iter().for_each(|change| self.course.note(format_args!("    ~ {change}")));
            match self.course.step(Step::Answer) {
                Some(Mishap::Crash) => std::future::pending().await,
                Some(Mishap::AnswerLost) => Err(broken("before the answer was there")),
                _ => Ok(response),
            }
        })
    }
}

impl Wire {
    /// Another host opens the destination and runs to its end, in the middle of this run.
    async fn take_over(&self) {
        let other = self.lab.run(self.manner, None).await;
        other.events.iter().for_each(|event| self.course.note(format_args!("  | {}", event.0)));
    }
}

fn shown(request: &WireRequest) -> String {
    let query: Vec<String> = request.url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{} {}{mark}{}", request.method, request.url.path(), query.join("&"))
}

fn broken(when: &str) -> Error {
    Error::new(Origin::Reachability, "source.unreachable", format!("the simulated connection broke {when}"))
}

fn unavailable() -> Response {
    Response { status: 503, headers: Vec::new(), body: "the simulated source is out".into() }
}
