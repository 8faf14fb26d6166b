//! Whole syncs in a sandbox against the same work without one, and against no product at all, as ratios in one run.
//!
//! - *Native* is a strategy without a sandbox: the same client, parser, batches and sink, driven by a Rust function that
//!   asks what the keyset strategy asks.
//! - *Alone* is what is left when the product is taken away: a client, a lazy parse and a file; or SQLite with the same
//!   statement, the same settings and rows that are in memory already.
//!
//! Each run is a process of its own and the source another, on the same cores; its pages are ready before anyone asks. A
//! second read gets everything once more, one percent of the records changed.
//!
//! `cargo bench --bench end_to_end -- [RECORDS] [ROUNDS] [--page 100] [--keys ascending]` prints a table; the default is
//! 200,000 records of random keys in pages of 1,000, three rounds.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot run has nothing to say"
)]

mod alone;
mod run;
mod source;
#[path = "../support/mod.rs"]
mod support;

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, Subcommand};
use tidegate::config::StrategyRef;
use tidegate::plugin::Engine;

use run::{Cost, Into, Kind};
use support::records::Keys;

#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// How many records are read.
    #[arg(default_value_t = 200_000)]
    records: usize,
    /// How many times, of which the best counts.
    #[arg(default_value_t = 3)]
    rounds: usize,
    /// How many records a page has.
    #[arg(long, default_value_t = 1_000)]
    page: usize,
    /// In which order the keys of the records come.
    #[arg(long, value_enum, default_value_t = Keys::Random)]
    keys: Keys,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What another process of this bench does.
#[derive(Subcommand)]
enum Part {
    #[command(hide = true)]
    Source(source::Options),
    #[command(hide = true)]
    Run(run::Options),
}

/// One kind of run, and what it took in each round.
struct Row {
    kind: Kind,
    into: Into,
    read: Read,
    costs: Vec<Cost>,
}

/// Whether it finds an empty destination or a full one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    First,
    Second,
}

impl Row {
    fn name(&self) -> String {
        let into = match (self.into, self.read) {
            (Into::Jsonl, _) => "JSONL",
            (Into::Sqlite, Read::First) => "SQLite, first load",
            (Into::Sqlite, Read::Second) => "SQLite, second read",
        };
        let kind = match self.kind {
            Kind::Alone => "alone",
            Kind::AloneSorted => "alone, by key",
            Kind::Native => "native",
            Kind::Sandboxed => "sandboxed",
        };
        format!("{into}: {kind}")
    }

    fn best(&self) -> Option<&Cost> {
        self.costs.iter().min_by(|one, other| one.seconds.total_cmp(&other.seconds))
    }

    fn rate(&self) -> f64 {
        self.best().map_or(0.0, |best| best.records as f64 / best.seconds)
    }
}

fn rows() -> Vec<Row> {
    use {Into::*, Kind::*, Read::*};
    let jsonl = [Alone, Native, Sandboxed].map(|kind| (Jsonl, First, kind));
    let sqlite = [Alone, AloneSorted, Native, Sandboxed];
    let sqlite = [First, Second].into_iter().flat_map(|read| sqlite.map(|kind| (Sqlite, read, kind)));
    let row = |(into, read, kind)| Row { kind, into, read, costs: Vec::new() };
    jsonl.into_iter().chain(sqlite).map(row).collect()
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.part {
        Some(Part::Source(options)) => source::serve(options).await,
        Some(Part::Run(options)) => run::perform(options).await,
        None => compare(arguments).await,
    }
}

async fn compare(Arguments { records, rounds, page, keys, .. }: Arguments) -> Result<()> {
    // So that each run finds it compiled.
    let engine = Engine::builder().compiler(env!("CARGO_BIN_EXE_tidegate")).build()?;
    engine.load(&StrategyRef::BuiltIn("keyset".to_owned())).await?;

    let source = source::start(&source::Options { records, page, keys })?;
    let scratch = tempfile::tempdir().context("a scratch folder")?;
    let mut rows = rows();
    for round in 0..rounds {
        let folder = scratch.path().join(round.to_string());
        std::fs::create_dir(&folder)?;
        for group in rows.chunk_by_mut(|one, other| (one.into, one.read) == (other.into, other.read)) {
            // Whoever comes later finds the machine as the others left it, so they take turns.
            if round % 2 == 1 {
                group.reverse();
            }
            for row in &mut *group {
                let version = if row.read == Read::First { "first" } else { "second" };
                let url = format!("{}/{version}", source.url());
                let options = run::Options { kind: row.kind, into: row.into, url, folder: folder.clone() };
                let cost = run::spawn(&options)?;
                ensure!(cost.records >= records as u64, "{}: rows are missing", row.name());
                row.costs.push(cost);
            }
            if round % 2 == 1 {
                group.reverse();
            }
        }
        std::fs::remove_dir_all(&folder)?;
    }
    print(&rows);
    Ok(())
}

fn print(rows: &[Row]) {
    let header =
        ["run", "best, s", "records/s", "of native", "of alone", "CPU, s", "peak, MB", "written, MB", "of first load"];
    let mut table = support::table(header);
    for row in rows {
        let among = |kinds: &[Kind], read| {
            let same = rows.iter().filter(|other| other.into == row.into && other.read == read);
            same.filter(|other| kinds.contains(&other.kind)).map(Row::rate).fold(0.0, f64::max)
        };
        let native = among(&[Kind::Native], row.read);
        let alone = among(&[Kind::Alone, Kind::AloneSorted], row.read);
        let first = among(&[row.kind], Read::First);
        let Some(best) = row.best() else { continue };
        let megabytes = |bytes: Option<u64>| or_dash(bytes.map(|bytes| format!("{:.1}", bytes as f64 / 1e6)));
        table.add_row([
            row.name(),
            format!("{:.3}", best.seconds),
            format!("{:.0}", row.rate()),
            format!("{:.2}", row.rate() / native),
            format!("{:.2}", row.rate() / alone),
            or_dash(best.cpu.map(|seconds| format!("{seconds:.2}"))),
            megabytes(best.peak_bytes),
            megabytes(best.written_bytes),
            or_dash((row.read == Read::Second).then(|| format!("{:.2}", row.rate() / first))),
        ]);
    }
    println!("{table}");
}

fn or_dash(figure: Option<String>) -> String {
    figure.unwrap_or_else(|| "-".to_owned())
}
