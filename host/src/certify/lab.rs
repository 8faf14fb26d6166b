//! Where a trial takes place: one strategy, one simulated source, one simulated destination, and runs between them.
//!
//! The runs are the host's own (`sync::run`), with the host's own HTTP room; only the wire and the sink are simulated.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::course::{Course, Event, Mishap, Step};
use super::destination::{Destination, ModelSink};
use super::own::OwnSource;
use super::scenario::Scenario;
use super::source::{BEGINNING, World, mix};
use super::trial::{Arrival, Outcome, judge};
use super::verdict::{Finding, compare};
use crate::BoxFuture;
use crate::config;
use crate::error::{Error, Origin, Result};
use crate::http::{
    Enough, Fetch, MemoryTokens, Meter, Origins, Page, Request, Response, Source, Transport, WireRequest,
};
use crate::model::{Report, Status};
use crate::plugin::{Limits, Strategy};
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
    /// A source of the user's own, in place of the simulated one.
    own: Option<Arc<OwnSource>>,
    world: Mutex<World>,
    clock: Clock,
    seed: u64,
}

/// How a run is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) pace: Pace,
    pub(super) arrival: Arrival,
    pub(super) mode: Mode,
}

/// How a run ended.
pub(super) struct RunEnd {
    /// None where the process was gone before.
    pub(super) report: Option<Report>,
    pub(super) has_struck: bool,
    /// What was wrong with the run of another host that took over.
    pub(super) rival: Option<Finding>,
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
        own: Option<Arc<OwnSource>>,
    ) -> Arc<Lab> {
        let clock = Clock::starting_at(own.as_ref().map_or(BEGINNING, |own| own.began()));
        let world = Mutex::new(World::new(scenario, seed, clock));
        Arc::new(Lab { strategy, config, destination, own, world, clock, seed })
    }

    /// Compares the destination with the source, which is at rest. Returns how many records were compared, too.
    pub(super) fn compare(&self) -> (usize, Result<(), Finding>) {
        let durable = self.destination.lock();
        match &self.own {
            Some(own) => own.compare(&durable),
            None => {
                let world = self.world();
                (world.store().len(), compare(&durable, world.store(), world.shows_deletes()))
            }
        }
    }

    /// Whether nothing happens in the source while a run reads it.
    pub(super) fn rests_while_read(&self) -> bool {
        self.own.is_some() || self.world().rests_while_read()
    }

    /// As above, and what the destination must have is known from the beginning.
    pub(super) fn is_simulated_at_rest(&self) -> bool {
        self.own.is_none() && self.world().rests_while_read()
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
            let (has_struck, rival) = (course.has_struck(), course.rival());
            let (steps, events) = course.take();
            let asked_from = lab.world().asked_from();
            RunEnd { report, has_struck, rival, asked_from, steps, events }
        })
    }

    fn job(self: &Arc<Self>, manner: Manner, course: &Arc<Course>) -> Result<Job> {
        let meter = Arc::new(Meter::until(Enough::Requests(REQUESTS)));
        let wire = Wire { lab: Arc::clone(self), course: Arc::clone(course), manner };
        let source = self.source(wire, Arc::clone(&meter))?;
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
            // An own source is asked for the same each time, so it is always the same time.
            clock: self.own.as_ref().map_or_else(|| self.clock.restarted(), |own| Clock::starting_at(own.began())),
            timeout: PATIENCE,
            limits: Limits::default(),
            interrupt: CancellationToken::new(),
            gauge: Arc::new(Gauge::new(meter)),
        })
    }
}

impl Lab {
    /// Where a run's requests go: over the host's own HTTP room to the simulated source, or to the kept answers of the
    /// user's own.
    fn source(&self, wire: Wire, meter: Arc<Meter>) -> Result<Arc<dyn Fetch>> {
        if let Some(own) = &self.own {
            return Ok(Arc::new(Taped { own: Arc::clone(own), wire: Arc::new(wire), meter }));
        }
        let base_url = "https://source.example/".parse().map_err(|_| Error::host("the simulated source has no URL"))?;
        let mut settings = config::Source::new(base_url);
        if wire.manner.arrival == Arrival::OneByOne {
            settings.max_in_flight = 1;
        }
        let tokens = Arc::new(MemoryTokens::default());
        Ok(Arc::new(Source::new(&settings, Arc::new(wire), tokens, meter, Origins::default())?))
    }
}

fn ending(report: &Report) -> String {
    let counts = report.progress.committed;
    match &report.error {
        // What is said of an outage names the machine's own time, which differs from trial to trial.
        Some(error) if error.origin() == Origin::Reachability => error.code().to_owned(),
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
            if let Some(refusal) = self.depart().await? {
                return Ok(refusal);
            }
            let (response, count) = self.lab.world().answer(&request);
            self.course.note(format_args!("    {} → {}, {count} records", shown(&request), response.status));
            sleep(self.latency()).await;
            let changes = self.lab.world().move_on();
            changes.iter().for_each(|change| self.course.note(format_args!("    ~ {change}")));
            self.arrive().await?;
            Ok(response)
        })
    }
}

impl Wire {
    /// How long the answer takes that was given last.
    fn latency(&self) -> Duration {
        let turn = u64::from(self.lab.world().answered());
        match self.manner.arrival {
            Arrival::Overtaking => LATENCY.mul_f64(0.5 + (mix(self.lab.seed ^ turn) % 100) as f64 / 20.0),
            _ => LATENCY,
        }
    }

    /// A request sets out. An answer comes of it where something else than the source gives one.
    async fn depart(&self) -> Result<Option<Response>> {
        match self.course.step(Step::Request) {
            Some(Mishap::Crash) => std::future::pending().await,
            Some(Mishap::Lost) => Err(broken("before the source was reached")),
            Some(Mishap::Outage) => Ok(Some(unavailable(None))),
            Some(Mishap::Postponement) => Ok(Some(unavailable(Some("315360000")))),
            Some(Mishap::Takeover) => {
                self.take_over().await;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// An answer comes back.
    async fn arrive(&self) -> Result<()> {
        match self.course.step(Step::Answer) {
            Some(Mishap::Crash) => std::future::pending().await,
            Some(Mishap::AnswerLost) => Err(broken("before the answer was there")),
            _ => Ok(()),
        }
    }

    /// Another host opens the destination and runs to its end, in the middle of this run.
    async fn take_over(&self) {
        let other = self.lab.run(self.manner, None).await;
        other.events.iter().for_each(|event| self.course.note(format_args!("  | {}", event.0)));
        if let Some(Outcome::Faulty(finding)) = other.report.as_ref().map(judge) {
            self.course.blame(finding);
        }
    }
}

/// The kept answers of the user's own source.
struct Taped {
    own: Arc<OwnSource>,
    wire: Arc<Wire>,
    meter: Arc<Meter>,
}

impl Fetch for Taped {
    fn fetch(&self, request: Request) -> BoxFuture<'static, Result<Page>> {
        let (own, wire, meter) = (Arc::clone(&self.own), Arc::clone(&self.wire), Arc::clone(&self.meter));
        Box::pin(async move {
            meter.request(false)?;
            if let Some(refusal) = wire.depart().await? {
                return Err(broken(&format!("with status {}", refusal.status)));
            }
            let answer = own.answer(&request);
            let told = match &answer {
                Ok(page) => page.response().status.to_string(),
                Err(error) => error.code().to_owned(),
            };
            wire.course.note(format_args!("    {request} → {told}"));
            wire.arrive().await?;
            answer
        })
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

fn unavailable(retry_after: Option<&str>) -> Response {
    let headers = retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_owned())).into_iter().collect();
    Response { status: 503, headers, body: "the simulated source is out".into() }
}
