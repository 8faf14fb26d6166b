//! What 64 hostile strategies cost a neighbour in the same process: its sync beside them as a ratio to its sync alone,
//! and how late the host's timers are.
//!
//! A third of them spins, a third recurses, a third floods the host with calls. The neighbour is the keyset strategy on
//! the playground, which runs on the same cores.
//!
//! `cargo bench --bench neighbours -- [RECORDS] [ROUNDS] [HOSTILE]` prints a table; the default is 300,000 records, 15
//! rounds, 64 strategies.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot run has nothing to say"
)]

#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../tests/support/guest.rs"]
mod guest;
#[path = "support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use comfy_table::{CellAlignment, Table as TextTable, presets};
use tidegate::config::{Destination, StrategyRef};
use tidegate::model::{Owner, Report, Status};
use tidegate::playground::{self, Playground};
use tidegate::plugin::{Limits, Strategy};
use tidegate::sink::{self, Mode};
use tidegate::sync::{self, Clock, Gauge, Hands, Job, Pace};
use tokio_util::sync::CancellationToken;

const HOUR: Duration = Duration::from_secs(3600);
/// After so long, all of them are at their deeds.
const SETTLED: Duration = Duration::from_secs(3);
/// How long a timer of the host waits.
const TIMER: Duration = Duration::from_millis(5);

/// Runs a strategy once, into a new file.
async fn run(strategy: &Arc<dyn Strategy>, config: String, base_url: &str, folder: &Path) -> Result<Report> {
    static FILES: AtomicUsize = AtomicUsize::new(0);
    let (source, meter) = support::source(base_url)?;
    let path = folder.join(format!("{}.jsonl", FILES.fetch_add(1, Relaxed)));
    let report = sync::run(Job {
        name: "bench".to_owned(),
        strategy_name: "bench".to_owned(),
        strategy: Arc::clone(strategy),
        source,
        sink: sink::open(&Destination::JsonlFile { path: path.clone() }, &Owner::local("bench"), None, false)?,
        config,
        mode: Mode::Incremental,
        pace: Pace::default(),
        hands: Hands::Thread,
        clock: Clock::system(),
        timeout: HOUR,
        limits: Limits::default(),
        interrupt: CancellationToken::new(),
        gauge: Arc::new(Gauge::new(meter)),
    })
    .await;
    std::fs::remove_file(path)?;
    Ok(report)
}

/// Seconds of each round, sorted, and how late the timers were meanwhile, in milliseconds, sorted.
async fn measure(neighbour: &Arc<dyn Strategy>, base_url: &str, folder: &Path, rounds: usize) -> Result<[Vec<f64>; 2]> {
    let late = tokio::spawn(async {
        let mut late = Vec::new();
        loop {
            let start = Instant::now();
            tokio::time::sleep(TIMER).await;
            late.push((start.elapsed() - TIMER).as_secs_f64() * 1e3);
            if late.len() > 1_000_000 || STOP.load(Relaxed) > 0 {
                return late;
            }
        }
    });
    let mut seconds = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let report = run(neighbour, "{}".to_owned(), base_url, folder).await?;
        match (report.status, report.error) {
            (Status::Done, None) => seconds.push(report.seconds),
            (_, error) => bail!("the neighbour failed: {error:?}"),
        }
    }
    STOP.store(1, Relaxed);
    let mut late = late.await?;
    STOP.store(0, Relaxed);
    seconds.sort_by(f64::total_cmp);
    late.sort_by(f64::total_cmp);
    Ok([seconds, late])
}

/// Whether the timers are to stop.
static STOP: AtomicUsize = AtomicUsize::new(0);

fn at(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * part).round() as usize).copied().unwrap_or(f64::NAN)
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let records = numbers.next().unwrap_or(300_000);
    let rounds = numbers.next().unwrap_or(15);
    let hostile = numbers.next().unwrap_or(64);
    let options = playground::Options { records, page_cap: Some(1_000), ..playground::Options::default() };
    let playground = Playground::new(options);
    let listener = playground::bind(0).await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { playground.serve(listener, std::future::pending()).await });

    // They are to go on for as long as it is measured.
    let limits = Limits { busy: HOUR, run_cpu: HOUR, ..Limits::default() };
    let engine = guest::engine().limits(limits).build()?;
    let neighbour = engine.load(&StrategyRef::BuiltIn("keyset".to_owned())).await?;
    let stranger = engine.load(&StrategyRef::File(guest::immoderate().to_owned())).await?;
    let scratch = tempfile::tempdir().context("a scratch folder")?;

    let alone = measure(&neighbour, &base_url, scratch.path(), rounds).await?;
    let strangers: Vec<_> = ["spin", "recurse", "flood"].into_iter().cycle().take(hostile).collect();
    let strangers = strangers.into_iter().map(|deed| {
        let (stranger, base_url, folder) = (Arc::clone(&stranger), base_url.clone(), scratch.path().to_owned());
        tokio::spawn(async move { run(&stranger, format!(r#"{{"deed":"{deed}"}}"#), &base_url, &folder).await })
    });
    let strangers: Vec<_> = strangers.collect();
    // To start so many is work of the host's own; here it is measured what they do afterwards.
    tokio::time::sleep(SETTLED).await;
    let beside = measure(&neighbour, &base_url, scratch.path(), rounds).await?;
    anyhow::ensure!(strangers.iter().all(|stranger| !stranger.is_finished()), "a hostile strategy has ended");
    strangers.iter().for_each(tokio::task::JoinHandle::abort);

    let mut table = TextTable::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["", "best, s", "median, s", "worst, s", "timer p50, ms late", "p99", "worst"]);
    for (name, [seconds, late]) in [("alone", &alone), ("beside them", &beside)] {
        let figures =
            [at(seconds, 0.0), at(seconds, 0.5), at(seconds, 1.0), at(late, 0.5), at(late, 0.99), at(late, 1.0)];
        table.add_row([vec![name.to_owned()], figures.map(|figure| format!("{figure:.3}")).to_vec()].concat());
    }
    let ratio = |part| at(&beside[0], part) / at(&alone[0], part);
    for column in 1..7 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    println!(
        "{table}\nbeside {hostile} hostile strategies: {:.2} times the median, {:.2} times the best",
        ratio(0.5),
        ratio(0.0)
    );
    Ok(())
}
