//! Many connections in one process, each with a small source and a database of its own: how many syncs a second, what
//! each takes of memory, and what the others notice where one reads as fast as it can, without end.
//!
//! The source is a process of its own, on the same cores. What the server of many tenants adds is measured by `hosting`,
//! hostile strategies by `neighbours`.
//!
//! `cargo bench --bench many -- [CONNECTIONS] [--at-once 16]` prints a table; the default is 1,000 connections. Memory is
//! told on Linux only.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot run has nothing to say"
)]

#[path = "support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use futures_util::StreamExt as _;
use futures_util::stream::{FuturesUnordered, iter};
use tidegate::config::{Destination, StrategyRef};
use tidegate::http::{Meter, Source};
use tidegate::playground::{self, Playground};
use tidegate::plugin::{Engine, Limits, Strategy};

use support::served::{self, Served};
use support::{figure, sync};

/// Records of a small source, in two pages, and of one that is read without end.
const SMALL: usize = 100;
const LARGE: usize = 200_000;
/// How many syncs of a neighbour are timed.
const TIMED: usize = 400;

#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// How many connections there are.
    #[arg(default_value_t = 1_000)]
    connections: usize,
    /// How many of them run at once where the rate is measured.
    #[arg(long, default_value_t = 16)]
    at_once: usize,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What another process of this bench does.
#[derive(Subcommand)]
enum Part {
    #[command(hide = true)]
    Source(Small),
}

/// What a source serves.
#[derive(Args)]
struct Small {
    #[arg(long)]
    records: usize,
    #[arg(long)]
    page: usize,
    #[arg(long)]
    latency: u64,
}

fn start(Small { records, page, latency }: &Small) -> Result<Served> {
    let figures = [("--records", *records), ("--page", *page), ("--latency", *latency as usize)];
    let figures = figures.into_iter().flat_map(|(name, figure)| [name.to_owned(), figure.to_string()]);
    Served::start(&std::iter::once("source".to_owned()).chain(figures).collect::<Vec<_>>())
}

async fn serve(Small { records, page, latency }: Small) -> Result<()> {
    let latency = Duration::from_millis(latency);
    let options = playground::Options { records, page_cap: Some(page), latency, ..playground::Options::default() };
    served::serve(Playground::new(options).router()).await
}

/// A connection that waits for its next run. It keeps its client, which the server of many tenants does not.
struct Connection {
    strategy: Arc<dyn Strategy>,
    source: (Arc<Source>, Arc<Meter>),
    path: PathBuf,
}

impl Connection {
    async fn new(engine: &Engine, served: &Served, path: PathBuf) -> Result<Connection> {
        let strategy = engine.load(&StrategyRef::BuiltIn("keyset".to_owned())).await?;
        Ok(Connection { strategy, source: support::source(served.url())?, path })
    }

    async fn sync(&self) -> Result<Duration> {
        let destination = Destination::Sqlite { path: self.path.clone() };
        let begin = Instant::now();
        sync(&self.strategy, self.source.clone(), &destination, "{}".to_owned()).await?;
        Ok(begin.elapsed())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.part {
        Some(Part::Source(small)) => serve(small).await,
        None => measure(arguments).await,
    }
}

async fn measure(Arguments { connections, at_once, .. }: Arguments) -> Result<()> {
    let scratch = tempfile::tempdir().context("a scratch folder")?;
    let limits = Limits { instances: u32::try_from(connections)? + 16, ..Limits::default() };
    let engine = Engine::builder().limits(limits).compiler(env!("CARGO_BIN_EXE_tidegate")).build()?;
    let mut table = support::table(["what", "measured"]);
    let mut tell = |what: String, measured: String| {
        table.add_row([what, measured]);
    };

    let quick = start(&Small { records: SMALL, page: SMALL / 2, latency: 0 })?;
    // One run brings in what all runs share.
    Connection::new(&engine, &quick, scratch.path().join("first.db")).await?.sync().await?;
    let empty = resident();
    let many = connect(&engine, &quick, scratch.path(), connections).await?;
    let idle = resident();
    tell(
        format!("memory of an idle connection that keeps its client, of {connections}"),
        each(idle, empty, connections),
    );
    for what in ["that read 100 records", "that find nothing new"] {
        let begin = Instant::now();
        let syncs = iter(&many).map(Connection::sync).buffer_unordered(at_once);
        syncs.for_each(async |time| assert!(time.is_ok(), "{time:?}")).await;
        let rate = connections as f64 / begin.elapsed().as_secs_f64();
        tell(format!("syncs {what}, {at_once} at once"), format!("{rate:.0} a second"));
    }

    // Each answer is held back until all of them wait for one.
    let slow = start(&Small { records: SMALL, page: SMALL / 2, latency: 2_000 })?;
    let folder = scratch.path().join("slow");
    std::fs::create_dir(&folder)?;
    let all = connect(&engine, &slow, &folder, connections).await?;
    let before = resident();
    let mut syncs: FuturesUnordered<_> = all.iter().map(Connection::sync).collect();
    let (mut most, mut ticks) = (before, tokio::time::interval(Duration::from_millis(50)));
    loop {
        tokio::select! {
            done = syncs.next() => match done {
                Some(done) => done.map(drop)?,
                None => break,
            },
            _ = ticks.tick() => most = most.max(resident()),
        }
    }
    tell(format!("memory of a running connection, of {connections} at once"), each(most, before, connections));

    let neighbour = &many[0];
    let alone = timed(neighbour).await?;
    let large = start(&Small { records: LARGE, page: 1_000, latency: 0 })?;
    let path = scratch.path().join("flood.jsonl");
    let flood = Connection::new(&engine, &large, path.clone()).await?;
    let flood = tokio::spawn(async move {
        loop {
            let destination = Destination::JsonlFile { path: path.clone() };
            sync(&flood.strategy, flood.source.clone(), &destination, "{}".to_owned()).await.expect("a sync");
            for file in std::fs::read_dir(path.parent().expect("a folder")).expect("a folder").flatten() {
                let is_its_own = file.file_name().to_string_lossy().contains("flood");
                let _ = is_its_own.then(|| std::fs::remove_file(file.path()));
            }
        }
    });
    let beside = timed(neighbour).await?;
    flood.abort();
    for (where_, times) in [("alone", alone), ("beside one that floods", beside)] {
        let millis = |part: usize| format!("{:.1} ms", times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3);
        tell(format!("a neighbour's sync {where_}, median"), millis(50));
        tell(format!("a neighbour's sync {where_}, p99"), millis(99));
    }
    println!("{table}");
    Ok(())
}

async fn connect(engine: &Engine, served: &Served, folder: &Path, count: usize) -> Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(count);
    for at in 0..count {
        connections.push(Connection::new(engine, served, folder.join(format!("{at}.db"))).await?);
    }
    Ok(connections)
}

/// The times of syncs that find nothing new, one after the other, sorted.
async fn timed(neighbour: &Connection) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(TIMED);
    for _ in 0..TIMED {
        times.push(neighbour.sync().await?);
    }
    times.sort();
    Ok(times)
}

/// The memory of this process that is resident, in KiB.
fn resident() -> u64 {
    figure("/proc/self/status", "VmRSS:").unwrap_or(0)
}

fn each(after: u64, before: u64, count: usize) -> String {
    format!("{:.1} KiB", after.saturating_sub(before) as f64 / count as f64)
}
