//! ★ The story of one run: from the saved state to the report.
//!
//! load state → ask the strategy for its tables → call it → let it fetch, stage and seal, while the sink works on a
//! thread of its own → commit what is sealed → report. Nothing here knows wasm, SQL, HTTP or the command line.

mod allowance;
mod clock;
mod gauge;
mod guard;
mod pace;
mod services;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::error::{Error, Origin, Result};
use crate::http::{Fetch, Meter};
use crate::model::{Report, State, Status};
use crate::plugin::{Limits, Manifest, Strategy};
use crate::sink::{Mode, Sink};

use allowance::{Allowance, check_state};
pub use clock::Clock;
pub use gauge::Gauge;
use guard::Guard;
pub use guard::Promises;
pub use pace::Pace;
use services::RunServices;
pub use writer::Hands;
use writer::Writer;

/// All that a run needs.
pub struct Job {
    /// The connection's name.
    pub name: String,
    /// The strategy, as the connection names it.
    pub strategy_name: String,
    /// The strategy.
    pub strategy: Arc<dyn Strategy>,
    /// Where it reads.
    pub source: Arc<dyn Fetch>,
    /// Where its records go.
    pub sink: Box<dyn Sink>,
    /// Its configuration: JSON text, an object.
    pub config: String,
    /// From the saved state on, or all anew.
    pub mode: Mode,
    /// When sealed checkpoints are committed.
    pub pace: Pace,
    /// Who works for the sink.
    pub hands: Hands,
    /// The time, whose beginning is that of the run.
    pub clock: Clock,
    /// How long the run may take.
    pub timeout: Duration,
    /// What else it may use.
    pub limits: Limits,
    /// Cancelled when the user asks to stop.
    pub interrupt: CancellationToken,
    /// Shows how far the run is.
    pub gauge: Arc<Gauge>,
}

/// Runs a sync to its end, whatever that is.
pub async fn run(job: Job) -> Report {
    let watch = Instant::now();
    let report = |status, state, error| Report {
        name: job.name.clone(),
        strategy: job.strategy_name.clone(),
        plugin_digest: job.strategy.digest().to_owned(),
        status,
        progress: job.gauge.snapshot(),
        seconds: watch.elapsed().as_secs_f64(),
        state,
        error,
    };
    let writer = Writer::start(job.sink, job.hands, job.pace, Arc::clone(&job.gauge));
    let context = Context {
        strategy: &job.strategy,
        config: &job.config,
        source: &job.source,
        mode: job.mode,
        clock: job.clock,
        limits: job.limits,
        gauge: &job.gauge,
        writer: &writer,
    };
    let outcome = tokio::select! {
        biased;
        () = job.interrupt.cancelled() => Err(Error::interrupted()),
        () = tokio::time::sleep(job.timeout) => Err(timed_out(job.timeout, job.mode)),
        outcome = context.read_everything() => outcome,
    };
    let (closed, state) = writer.close(outcome.is_ok()).await;
    job.gauge.tell_dropped_lines();
    // The sink's own error is the cause of whatever the strategy made of it.
    let outcome = closed.and(outcome).map_err(|error| with_what_was_kept(error, &job.gauge));
    match outcome {
        Ok(()) => report(Status::Done, state, None),
        Err(error) => match status_of(&error, job.gauge.meter()) {
            Status::Failed => report(Status::Failed, state, Some(error)),
            status => report(status, state, None),
        },
    }
}

/// How a run ended that did not come to its end. A strategy can return any code, so what the source says by one counts
/// only where the host has heard it, too.
fn status_of(error: &Error, meter: &Meter) -> Status {
    match error.code() {
        _ if error.origin() == Origin::Interrupt => Status::Interrupted,
        "limit.requests" if meter.has_enough() => Status::Limited,
        "source.retry-later" => meter.postponed_until().map_or(Status::Failed, Status::Postponed),
        _ => Status::Failed,
    }
}

/// What the story of a run is told with.
struct Context<'a> {
    strategy: &'a Arc<dyn Strategy>,
    config: &'a str,
    source: &'a Arc<dyn Fetch>,
    mode: Mode,
    clock: Clock,
    limits: Limits,
    gauge: &'a Arc<Gauge>,
    writer: &'a Writer,
}

impl Context<'_> {
    async fn read_everything(&self) -> Result<()> {
        let manifest = self.strategy.describe().await?;
        let tables = self.strategy.schema(self.config).await?;
        self.limits.check_tables(&tables)?;
        let names = tables.iter().map(|table| table.name.clone()).collect();
        let saved = self.writer.begin(tables, self.mode).await?;
        let state = match saved {
            Some(saved) if self.mode == Mode::Incremental => Some(self.migrated(saved, &manifest).await?),
            _ => None,
        };
        let services = Arc::new(RunServices::new(
            Arc::clone(self.source),
            self.writer.inlet(),
            names,
            State {
                text: String::new(),
                version: manifest.state_version,
                plugin_digest: self.strategy.digest().to_owned(),
            },
            Arc::clone(self.gauge),
            self.clock,
            Guard::new(Promises::read(&manifest.needs)?, state.clone()),
            Allowance::new(self.limits),
        ));
        tokio::select! {
            biased;
            error = services.doomed() => Err(error),
            outcome = self.strategy.sync(self.config, state.as_deref(), services.clone()) => outcome,
        }?;
        services.refuse_unsealed()
    }

    /// The text of a saved state, in the form that the strategy reads.
    async fn migrated(&self, saved: State, manifest: &Manifest) -> Result<String> {
        let (old, new) = (saved.version, manifest.state_version);
        match old.cmp(&new) {
            std::cmp::Ordering::Equal => Ok(saved.text),
            std::cmp::Ordering::Less => {
                let migrated = self.strategy.migrate_state(old, &saved.text).await?;
                check_state(&migrated, &self.limits)?;
                Ok(migrated)
            }
            std::cmp::Ordering::Greater => {
                let message = format!(
                    "the saved state has version {old}, but {} {} reads versions up to {new}",
                    manifest.name, manifest.version
                );
                Err(Error::new(Origin::State, "state.invalid", message)
                    .help("use the version of the strategy that wrote it, or read all anew with `--full-refresh`"))
            }
        }
    }
}

fn timed_out(timeout: Duration, mode: Mode) -> Error {
    let message = format!("the run took longer than {} s and was stopped", timeout.as_secs_f64());
    Error::new(Origin::Limit, "limit.run_timeout", message).help(match mode {
        Mode::Incremental => {
            "the next run goes on from the last checkpoint; or raise `run_timeout` in the connection file"
        }
        Mode::FullRefresh => "raise `run_timeout` in the connection file: a full refresh begins anew each time",
    })
}

/// Says what a failed run leaves behind.
fn with_what_was_kept(error: Error, gauge: &Gauge) -> Error {
    let committed = gauge.snapshot().committed;
    let rows = committed.inserted + committed.updated + committed.unchanged + committed.deleted;
    let kept = match committed.checkpoints {
        0 => "nothing was written in this run".to_owned(),
        _ => format!("{rows} rows up to the last checkpoint"),
    };
    error.kept(kept)
}
