//! Whole syncs in a sandbox against the same work called natively, as ratios in one run.
//!
//! The *native twin* is a strategy without a sandbox: the same client, parser, batches and sink, driven by a Rust
//! function that asks what the keyset strategy asks. The source is the playground on loopback, on the same cores.
//!
//! `cargo bench --bench end_to_end -- [RECORDS] [ROUNDS]` prints a table; the default is 200,000 records, three rounds.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot run has nothing to say"
)]

#[path = "support.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use comfy_table::{CellAlignment, Table as TextTable, presets};
use serde_json::json;
use tidegate::BoxFuture;
use tidegate::config::{Destination, StrategyRef};
use tidegate::error::Result as HostResult;
use tidegate::http::Request;
use tidegate::model::{Change, Column, Owner, Report, Status, Table};
use tidegate::playground::{self, Playground};
use tidegate::plugin::{Engine, Limits, Manifest, Services, Strategy};
use tidegate::sink::{self, Mode};
use tidegate::sync::{self, Clock, Gauge, Hands, Job, Pace};
use tokio_util::sync::CancellationToken;

const PAGE: usize = 1_000;

/// Reads the keyset endpoint as the strategy does, without a sandbox.
struct Twin;

impl Strategy for Twin {
    fn digest(&self) -> &str {
        "native"
    }

    fn describe(&self) -> BoxFuture<'_, HostResult<Manifest>> {
        let manifest = Manifest {
            name: "twin".to_owned(),
            version: "0.0.0".to_owned(),
            summary: String::new(),
            config_schema: "{}".to_owned(),
            state_version: 1,
            needs: Vec::new(),
        };
        Box::pin(async { Ok(manifest) })
    }

    fn schema<'a>(&'a self, _: &'a str) -> BoxFuture<'a, HostResult<Vec<Table>>> {
        use tidegate::model::Kind::{String as Text, UtcDatetime};
        let text = ["id", "name", "email", "address", "company", "job"].map(|name| (name, Text));
        let columns = text.into_iter().chain([("createdAt", UtcDatetime), ("updatedAt", UtcDatetime)]);
        let columns = columns.map(|(name, kind)| Column { name: name.to_owned(), kind }).collect();
        let table = Table { name: "user".to_owned(), primary_key: vec!["id".to_owned()], columns };
        Box::pin(async { Ok(vec![table]) })
    }

    fn migrate_state<'a>(&'a self, _: u32, state: &'a str) -> BoxFuture<'a, HostResult<String>> {
        Box::pin(async { Ok(state.to_owned()) })
    }

    fn sync<'a>(
        &'a self,
        _: &'a str,
        _: Option<&'a str>,
        services: Arc<dyn Services>,
    ) -> BoxFuture<'a, HostResult<()>> {
        Box::pin(async move {
            let order = "instant".parse()?;
            let mut token: Option<String> = None;
            loop {
                let query = token.iter().map(|token| ("scroll_param".to_owned(), token.clone())).collect();
                let path = "/pagination/keyset".to_owned();
                let request = Request { method: "GET".to_owned(), path, query, ..Request::default() };
                let page = services.fetch(request).await?;
                let rows = page.records("/data")?;
                let span = rows.span("updatedAt", &order, None)?;
                services.stage("user", Change::Upsert(rows)).await?;
                token = page.get("/scroll_param").and_then(|text| serde_json::from_str(text).ok()).flatten();
                services.checkpoint(json!({ "token": token, "greatest": span.greatest }).to_string()).await?;
                if token.is_none() {
                    return Ok(());
                }
            }
        })
    }
}

/// One kind of run.
struct Measure {
    name: &'static str,
    strategy: Arc<dyn Strategy>,
    destination: Destination,
    seconds: Vec<f64>,
}

async fn run(measure: &Measure, base_url: &str) -> Result<Report> {
    let (source, meter) = support::source(base_url)?;
    let report = sync::run(Job {
        name: measure.name.to_owned(),
        strategy_name: measure.name.to_owned(),
        strategy: Arc::clone(&measure.strategy),
        source,
        sink: sink::open(&measure.destination, &Owner::local(measure.name), None, false)?,
        config: "{}".to_owned(),
        mode: Mode::Incremental,
        pace: Pace::default(),
        hands: Hands::Thread,
        clock: Clock::system(),
        timeout: Duration::from_secs(3600),
        limits: Limits::default(),
        interrupt: CancellationToken::new(),
        gauge: Arc::new(Gauge::new(meter)),
    })
    .await;
    match (&report.error, report.status) {
        (Some(error), _) => bail!("{}: {error}", measure.name),
        (None, Status::Done) => Ok(report),
        (None, status) => bail!("{}: {}", measure.name, status.as_str()),
    }
}

/// The strategy natively, in a sandbox on the caller's threads, and in a sandbox as it runs in the program.
fn measures(inline: &Arc<dyn Strategy>, sandboxed: &Arc<dyn Strategy>, folder: &Path) -> Vec<Measure> {
    let twin: Arc<dyn Strategy> = Arc::new(Twin);
    let measure = |name, strategy: &Arc<dyn Strategy>, destination| Measure {
        name,
        strategy: Arc::clone(strategy),
        destination,
        seconds: Vec::new(),
    };
    let jsonl = |name: &str| Destination::JsonlFile { path: folder.join(name) };
    let sqlite = |name: &str| Destination::Sqlite { path: folder.join(name) };
    vec![
        measure("JSONL, native", &twin, jsonl("native.jsonl")),
        measure("JSONL, sandboxed inline", inline, jsonl("inline.jsonl")),
        measure("JSONL, sandboxed", sandboxed, jsonl("sandboxed.jsonl")),
        measure("SQLite, native", &twin, sqlite("native.db")),
        measure("SQLite, sandboxed inline", inline, sqlite("inline.db")),
        measure("SQLite, sandboxed", sandboxed, sqlite("sandboxed.db")),
    ]
}

fn print(measures: &[Measure], records: usize) {
    let mut table = TextTable::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["run", "best, s", "records/s", "of native"]);
    let best = |measure: &Measure| measure.seconds.iter().copied().fold(f64::INFINITY, f64::min);
    for group in measures.chunks(3) {
        for measure in group {
            let rate = records as f64 / best(measure);
            let ratio = best(&group[0]) / best(measure);
            table.add_row([
                measure.name.to_owned(),
                format!("{:.3}", best(measure)),
                format!("{rate:.0}"),
                format!("{ratio:.2}"),
            ]);
        }
    }
    for column in 1..4 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    println!("{table}");
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let records = numbers.next().unwrap_or(200_000);
    let rounds = numbers.next().unwrap_or(3);
    let options = playground::Options { records, page_cap: Some(PAGE), ..playground::Options::default() };
    let playground = Playground::new(options);
    let listener = playground::bind(0).await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { playground.serve(listener, std::future::pending()).await });

    let engine = || Engine::builder().compiler(env!("CARGO_BIN_EXE_tidegate"));
    let keyset = StrategyRef::BuiltIn("keyset".to_owned());
    let (inline, sandboxed) = (engine().simulating().build()?, engine().build()?);
    let (inline, sandboxed) = (inline.load(&keyset).await?, sandboxed.load(&keyset).await?);
    let scratch = tempfile::tempdir().context("a scratch folder")?;
    let mut totals = measures(&inline, &sandboxed, scratch.path());
    for round in 0..rounds {
        let folder = scratch.path().join(round.to_string());
        std::fs::create_dir(&folder)?;
        for (total, measure) in totals.iter_mut().zip(measures(&inline, &sandboxed, &folder)) {
            let report = run(&measure, &base_url).await?;
            anyhow::ensure!(report.progress.rows_read >= records as u64, "{}: rows are missing", measure.name);
            total.seconds.push(report.seconds);
        }
        std::fs::remove_dir_all(&folder)?;
    }
    print(&totals, records);
    Ok(())
}
