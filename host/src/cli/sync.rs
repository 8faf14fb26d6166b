//! `tidegate sync`: run connections, side by side.

use std::collections::HashSet;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::connection::{Changes, Loaded};
use super::logging::Screen;
use super::output::{self, Stream};
use super::progress::Watch;
use super::run::{self, Host, Options, Prepared};
use super::{Format, exit, summary};
use crate::config::{Connection, Destination};
use crate::error::{Error, Origin, Result};
use crate::http::Enough;
use crate::model::{Report, Status};
use crate::plugin::Limits;

#[derive(Args)]
pub(super) struct Arguments {
    /// Connection files (YAML or JSON)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Read all anew; the old rows stay until the new ones are complete
    #[arg(long)]
    full_refresh: bool,
    /// Read, but write neither rows nor state
    #[arg(long)]
    dry_run: bool,
    /// Stop after so many requests a connection, retries included
    #[arg(long, value_name = "N")]
    limit_requests: Option<NonZeroU64>,
    /// Record what the strategy is told and does into a file, for `tidegate replay`; of one connection only
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    #[command(flatten)]
    changes: Changes,
    /// How the summary looks; it goes to standard error where records go to standard output
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn execute(arguments: Arguments, screen: Screen, limits: &Limits) -> Result<u8> {
    let options = Options {
        full_refresh: arguments.full_refresh,
        dry_run: arguments.dry_run,
        enough: arguments.limit_requests.map_or(Enough::Never, |requests| Enough::Requests(requests.get())),
    };
    let loaded: Vec<Result<Loaded>> = arguments.files.iter().map(|file| arguments.changes.load(file)).collect();
    let Some(loaded) = all_right(loaded) else { return Ok(exit::CONFIGURATION) };
    refuse_twins(&loaded)?;
    if arguments.record.is_some() && loaded.len() > 1 {
        return Err(Error::configuration("`--record` takes one connection at a time").help("name one connection file"));
    }

    let host = Host::new(limits)?;
    let mut starts = Vec::with_capacity(loaded.len());
    for connection in &loaded {
        starts.push(start(&host, connection, options).await);
    }
    let Some(mut starts) = all_right(starts) else { return Ok(exit::CONFIGURATION) };
    if let (Some(path), [Start::Ready(prepared)]) = (&arguments.record, starts.as_mut_slice()) {
        prepared.record(path, u64::MAX);
    }

    let stream = summary_stream(&loaded);
    let reports = run_all(starts, options, &screen).await;
    show(&reports, stream, &arguments, &screen);
    Ok(exit::of_reports(&reports))
}

/// A connection that can run, or the report of why it cannot.
enum Start {
    Ready(Box<Prepared>),
    Failed(Box<(Connection, Report)>),
}

impl Start {
    fn connection(&self) -> &Connection {
        match self {
            Start::Ready(prepared) => &prepared.connection,
            Start::Failed(failed) => &failed.0,
        }
    }
}

/// Prepares a connection. Only a wrong configuration is an error, since it stops the other connections, too.
async fn start(host: &Host, loaded: &Loaded, options: Options) -> Result<Start> {
    let clock = Instant::now();
    match run::prepare(host, loaded, options).await {
        Ok(prepared) => Ok(Start::Ready(Box::new(prepared))),
        Err(error) if error.origin() == Origin::Configuration => Err(error),
        Err(error) => {
            let report = run::failed(&loaded.connection, String::new(), clock, error);
            Ok(Start::Failed(Box::new((loaded.connection.clone(), report))))
        }
    }
}

/// All values, or none where one is missing; then every error was told.
fn all_right<T>(results: Vec<Result<T>>) -> Option<Vec<T>> {
    results.iter().filter_map(|result| result.as_ref().err()).for_each(output::error);
    results.into_iter().collect::<Result<_>>().ok()
}

/// Two connections of one name would overwrite each other's state.
fn refuse_twins(loaded: &[Loaded]) -> Result<()> {
    let mut seen = HashSet::new();
    for Loaded { file, connection, .. } in loaded {
        if !seen.insert((connection.name.as_str(), destination_key(&connection.destination))) {
            let message = format!(
                "{}: another of the connections is called `{}` and has the same destination, too",
                file.display(),
                connection.name
            );
            return Err(Error::configuration(message).help("give each connection its own `name`"));
        }
    }
    Ok(())
}

fn destination_key(destination: &Destination) -> Option<PathBuf> {
    match destination {
        Destination::Sqlite { path } | Destination::JsonlFile { path } => {
            Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
        }
        Destination::JsonlStdout { .. } => None,
    }
}

async fn run_all(starts: Vec<Start>, options: Options, screen: &Screen) -> Vec<Report> {
    let interrupt = CancellationToken::new();
    let listener = tokio::spawn(listen(interrupt.clone(), LAST_CHECKPOINT));
    let runs: Vec<_> = starts
        .into_iter()
        .map(|start| {
            let connection = start.connection().clone();
            (connection, tokio::spawn(run_one(start, options, screen.clone(), interrupt.clone())))
        })
        .collect();
    let mut reports = Vec::with_capacity(runs.len());
    for (connection, run) in runs {
        let crashed = |_| run::failed(&connection, String::new(), Instant::now(), Error::host("the run crashed"));
        reports.push(run.await.unwrap_or_else(crashed));
    }
    listener.abort();
    reports
}

async fn run_one(start: Start, options: Options, screen: Screen, interrupt: CancellationToken) -> Report {
    let prepared = match start {
        Start::Ready(prepared) => prepared,
        Start::Failed(failed) => return failed.1,
    };
    let name = prepared.connection.name.clone();
    tracing::info!(connection = name, "started");
    let gauge = prepared.gauge.clone();
    let watch = (!screen.is_quiet).then(|| Watch::start(&name, gauge, screen.progress.as_ref()));
    let report = run::run(*prepared, options, interrupt).await;
    drop(watch);
    tracing::info!(
        connection = name,
        status = report.status.as_str(),
        requests = report.progress.requests,
        rows = report.progress.rows_read,
        "ended"
    );
    report
}

/// Where runs stop that nobody waits for.
pub(super) const LAST_CHECKPOINT: &str = "the last checkpoint";

/// The first Ctrl-C asks the runs to stop at a checkpoint, which `place` names; the second ends the process at once.
pub(super) async fn listen(interrupt: CancellationToken, place: &str) {
    asked_to_stop().await;
    interrupt.cancel();
    Stream::Stderr.print(&format!("stopping at {place}; press Ctrl-C again to stop at once"));
    asked_to_stop().await;
    std::process::exit(exit::INTERRUPTED.into());
}

/// Waits until the user, or the system, wants the process to end.
#[cfg(unix)]
pub(super) async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => wait_for_ctrl_c().await,
    }
}

#[cfg(not(unix))]
pub(super) async fn asked_to_stop() {
    wait_for_ctrl_c().await;
}

async fn wait_for_ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Records and a summary do not share a stream.
fn summary_stream(loaded: &[Loaded]) -> Stream {
    let to_stdout = |loaded: &Loaded| matches!(loaded.connection.destination, Destination::JsonlStdout { .. });
    if loaded.iter().any(to_stdout) { Stream::Stderr } else { Stream::Stdout }
}

fn show(reports: &[Report], stream: Stream, arguments: &Arguments, screen: &Screen) {
    match arguments.output {
        Format::Json => stream.print_json(summary::to_json(reports)),
        Format::Text if screen.is_quiet => {}
        Format::Text => {
            stream.print(&summary::to_table(reports).trim_fmt());
            if arguments.dry_run {
                stream.print("dry run: nothing was written");
            }
        }
    }
    for report in reports {
        match &report.error {
            Some(error) => output::error_of(&report.name, error),
            None if !screen.is_quiet => hint(report, arguments.full_refresh),
            None => {}
        }
    }
}

/// Says how things go on after a run that ended early without an error.
fn hint(report: &Report, full_refresh: bool) {
    let why = match (report.status, report.status.retry_at()) {
        (Status::Interrupted, _) => "stopped".to_owned(),
        (Status::Limited, _) => "the requests allowed are used up".to_owned(),
        (Status::Postponed(_), Some(retry_at)) => format!("the source asks to come back at {retry_at}"),
        (Status::Postponed(_), None) => "the source asks to come back later".to_owned(),
        (Status::Done | Status::Failed, _) => return,
    };
    let next = match full_refresh {
        true => "the old rows stay as they were; a full refresh begins anew each time",
        false => "the next run goes on from the last checkpoint",
    };
    Stream::Stderr.print(&format!("{}: {why}; {next}", report.name));
}
