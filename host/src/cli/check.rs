//! `tidegate check`: what stands between a connection and its first run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::connection::{Changes, Loaded};
use super::run::{self, Host, LoadedStrategy, Options};
use super::{exit, output};
use crate::config::{Auth, Destination};
use crate::error::{Error, Origin, Result};
use crate::http::Enough;
use crate::model::{Report, Status};
use crate::plain::plain;
use crate::plugin::Limits;
use crate::sink;

/// How often a request is sent at most.
const ATTEMPTS: u32 = 3;
/// The longest wait that a source may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(5);

#[derive(Args)]
pub(super) struct Arguments {
    /// Connection files (YAML or JSON)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    changes: Changes,
}

pub(super) async fn execute(arguments: Arguments, limits: &Limits) -> Result<u8> {
    let host = Host::new(limits)?;
    let mut failures = Vec::new();
    for file in &arguments.files {
        output::print(&file.display().to_string());
        if let Err(failure) = check(&host, file, &arguments.changes).await {
            output::print(&render(&failure));
            failures.push(exit::of_error(&failure.error));
        }
    }
    Ok(exit::of_failures(failures))
}

/// What is checked, in this order; each needs what is checked before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Configuration,
    Strategy,
    Reachability,
    Credentials,
    Request,
    Destination,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Step::Configuration => "configuration",
            Step::Strategy => "strategy",
            Step::Reachability => "reachability",
            Step::Credentials => "credentials",
            Step::Request => "first request",
            Step::Destination => "destination",
        }
    }
}

struct Failure {
    step: Step,
    error: Error,
}

fn at(step: Step) -> impl Fn(Error) -> Failure {
    move |error| Failure { step, error }
}

fn passed(step: Step, finding: &str) {
    output::print(&format!("  ✓ {:<14} {finding}", step.name()));
}

fn render(failure: &Failure) -> String {
    let line = format!("  ✗ {:<14} {}", failure.step.name(), failure.error.message());
    match failure.error.remedy() {
        Some(help) => format!("{line}\n    {:<14} help: {help}", ""),
        None => line,
    }
}

async fn check(host: &Host, file: &Path, changes: &Changes) -> Result<(), Failure> {
    let loaded = hurried(changes.load(file).map_err(at(Step::Configuration))?);
    let LoadedStrategy { manifest, .. } = run::load_strategy(&host.engine, &loaded.connection, &loaded.places)
        .await
        .map_err(|error| Failure { step: step_of_loading(&error), error })?;
    passed(Step::Configuration, &route(&loaded));
    passed(Step::Strategy, &format!("{} {}", plain(&manifest.name), plain(&manifest.version)));

    let options = Options { dry_run: true, ..Options::default() };
    let prepared = run::prepare(host, &loaded, options).await.map_err(at(Step::Configuration))?;
    let status = prepared.source.reach().await.map_err(at(Step::Reachability))?;
    passed(Step::Reachability, &format!("{} answers (HTTP {status})", loaded.connection.source.base_url));
    prepared.source.authenticate().await.map_err(at(Step::Credentials))?;
    let report = first_request(host, &loaded).await.map_err(at(Step::Request))?;
    conclude(&report, &loaded.connection.source.auth)?;
    sink::check(&loaded.connection.destination).map_err(at(Step::Destination))?;
    passed(Step::Destination, "it can be written");
    Ok(())
}

fn step_of_loading(error: &Error) -> Step {
    match error.origin() {
        Origin::Configuration => Step::Configuration,
        _ => Step::Strategy,
    }
}

fn route(loaded: &Loaded) -> String {
    let destination = match &loaded.connection.destination {
        Destination::Sqlite { path } => format!("SQLite {}", path.display()),
        Destination::JsonlFile { path } => format!("JSONL {}", path.display()),
        Destination::JsonlStdout { .. } => "JSONL on standard output".to_owned(),
    };
    format!("{}: {} → {destination}", loaded.connection.name, loaded.connection.strategy)
}

/// The connection, with no more patience than whoever waits for the outcome has.
fn hurried(mut loaded: Loaded) -> Loaded {
    let retry = &mut loaded.connection.source.retry;
    retry.attempts = retry.attempts.min(ATTEMPTS);
    retry.max_retry_after = retry.max_retry_after.min(MAX_RETRY_AFTER);
    loaded
}

/// Lets the strategy get one page and writes nothing of what it brings. What fails is repeated as in any run, so that
/// the outcome is the page's and not that of a limit which the repeats met.
async fn first_request(host: &Host, loaded: &Loaded) -> Result<Report> {
    let options = Options { dry_run: true, enough: Enough::OnePage, ..Options::default() };
    let prepared = run::prepare(host, loaded, options).await?;
    let report = run::run(prepared, options, CancellationToken::new()).await;
    match report.status.retry_at() {
        None => Ok(report),
        Some(retry_at) => {
            let message = format!("the source asks to come back at {retry_at}");
            Err(Error::new(Origin::Source, "source.retry-later", message).help("check it again then"))
        }
    }
}

fn conclude(report: &Report, auth: &Auth) -> Result<(), Failure> {
    let error = report.error.clone().filter(|_| report.status == Status::Failed);
    let failed = error.as_ref().map(step_of_running);
    // A destination that cannot even be opened fails before anything is asked.
    if let (0, Some(step), Some(error)) = (report.progress.requests, failed, &error) {
        return Err(Failure { step, error: error.clone() });
    }
    let done = |step| failed.is_none_or(|failed| position(step) < position(failed));
    let findings = [
        (Step::Credentials, if matches!(auth, Auth::None) { "none are needed" } else { "accepted" }),
        (Step::Request, "the source answers as the strategy expects"),
    ];
    findings.iter().filter(|(step, _)| done(*step)).for_each(|(step, finding)| passed(*step, finding));
    match (failed, error) {
        (Some(step), Some(error)) => Err(Failure { step, error }),
        _ => Ok(()),
    }
}

fn position(step: Step) -> usize {
    step as usize
}

/// Which step an error of the first request belongs to.
fn step_of_running(error: &Error) -> Step {
    match error.origin() {
        _ if error.code().starts_with("sink.") => Step::Destination,
        Origin::Configuration => Step::Configuration,
        Origin::Credentials => Step::Credentials,
        Origin::Reachability => Step::Reachability,
        Origin::Sink | Origin::State => Step::Destination,
        Origin::Source | Origin::Plugin | Origin::Limit | Origin::Interrupt | Origin::Host | Origin::Server => {
            Step::Request
        }
    }
}
