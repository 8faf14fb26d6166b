//! What a run costs before it reads anything, and what a page costs its strategy's sandbox.
//!
//! - Criterion measures the parts: an engine, a component that has to be compiled or was before, a call.
//! - The cost of a host call, of a page and of its rows is fitted: what more of them cost, so that the rest of a run does
//!   not count. A page is read by handle, from its bytes in memory to a batch that nobody takes.
//! - A sync that finds nothing new is measured as a whole process, beside one that only tells its version.
//!
//! `cargo bench --bench start -- [FILTER]` prints criterion's figures, then two tables.

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
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{BatchSize, Criterion};
use tidegate::BoxFuture;
use tidegate::config::StrategyRef;
use tidegate::error::Result;
use tidegate::http::{Page, Request, Response};
use tidegate::model::Change;
use tidegate::playground::{self, Playground};
use tidegate::plugin::{Builder, Meter, Services, Strategy};
use tokio::runtime::Runtime;

use support::records::{Keys, pages};
use support::twin::Twin;

/// How often what is fitted is measured, and a process started. The best counts for the one, all for the other.
const ROUNDS: usize = 30;
const PAGES: usize = 500;

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let mut criterion = Criterion::default().configure_from_args().without_plots();
    parts(&mut criterion, &runtime);
    criterion.final_summary();
    println!("{}", fitted(&runtime));
    println!("{}", processes(&runtime));
}

fn keyset() -> StrategyRef {
    StrategyRef::BuiltIn("keyset".to_owned())
}

fn parts(criterion: &mut Criterion, runtime: &Runtime) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let engine = |cache: Option<&Path>| guest::engine().cache(cache.map(Path::to_owned));
    let load = |builder: Builder| {
        let built = move || builder.clone().build().expect("an engine");
        move |bencher: &mut criterion::Bencher<'_>| {
            bencher.iter_batched(
                &built,
                |engine| {
                    let strategy = runtime.block_on(engine.load(&keyset())).expect("a strategy");
                    (engine, strategy)
                },
                BatchSize::PerIteration,
            );
        }
    };
    let mut group = criterion.benchmark_group("start");
    group.sample_size(20);
    let cached = engine(Some(folder.path()));
    group.bench_function("an engine", |bencher| bencher.iter_with_large_drop(|| cached.clone().build()));
    group.bench_function("load a component, compiled now", load(engine(None)));
    group.bench_function("load a component, compiled before", load(cached.clone()));
    group.sample_size(100);
    let engine = cached.build().expect("an engine");
    let strategy = runtime.block_on(engine.load(&keyset())).expect("a strategy");
    group.bench_function("instantiate, and ask for the tables", |bencher| {
        bencher.iter(|| runtime.block_on(strategy.schema("{}")).expect("tables"));
    });
    group.finish();
}

/// A run without a source and a sink: pages come from memory, and what is staged is dropped.
struct Rehearsal {
    pages: Vec<Bytes>,
    next: AtomicUsize,
    meter: Arc<Meter>,
}

impl Services for Rehearsal {
    fn fetch(&self, _: Request) -> BoxFuture<'static, Result<Page>> {
        let body = self.pages[self.next.fetch_add(1, Relaxed)].clone();
        let page = Page::new("GET /", Response { status: 200, headers: Vec::new(), body });
        Box::pin(async { Ok(page) })
    }

    fn stage<'a>(&'a self, _: &'a str, _: Change) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn checkpoint(&self, _: String) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn started(&self) -> i64 {
        // After all records: 2026.
        1_767_225_600_000
    }

    fn now(&self) -> i64 {
        self.started()
    }

    fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    fn log(&self, _: &str, _: &str) {}
}

/// The best time of a sync that reads these pages, in microseconds.
fn rehearse(runtime: &Runtime, strategy: &dyn Strategy, config: &str, pages: &[Bytes]) -> f64 {
    let once = |_| {
        let (next, meter) = (AtomicUsize::new(0), Arc::default());
        let services = Arc::new(Rehearsal { pages: pages.to_vec(), next, meter });
        let begin = Instant::now();
        runtime.block_on(strategy.sync(config, None, services)).expect("a sync");
        begin.elapsed()
    };
    (0..ROUNDS).map(once).min().unwrap_or_default().as_secs_f64() * 1e6
}

/// What one of them costs, where so many cost this.
fn slope([(fewer, cost), (more, dearer)]: [(usize, f64); 2]) -> f64 {
    (dearer - cost) / (more - fewer) as f64
}

/// What a host call, a page and a row cost.
fn fitted(runtime: &Runtime) -> comfy_table::Table {
    let engine = guest::engine().build().expect("an engine");
    let load = |strategy| runtime.block_on(engine.load(&strategy)).expect("a strategy");
    let (sandboxed, caller) = (load(keyset()), load(StrategyRef::File(guest::immoderate().to_owned())));
    let twin: Arc<dyn Strategy> = Arc::new(Twin);

    let calls = [0, 20_000].map(|calls| {
        let config = format!(r#"{{"deed":"log","amount":{calls}}}"#);
        (calls, rehearse(runtime, caller.as_ref(), &config, &[]))
    });
    let mut table = support::table(["what it costs, µs", "native", "sandboxed", "more"]);
    table.add_row(["a run of no page".to_owned(), "-".to_owned(), format!("{:.1}", calls[0].1), "-".to_owned()]);
    let call = "a host call with a short text, its making included";
    table.add_row([call.to_owned(), "-".to_owned(), format!("{:.3}", slope(calls)), "-".to_owned()]);

    // Half of the pages and all of them: the rest of a run falls out of the difference.
    let of_rows = |rows: usize| {
        let all = pages(PAGES * rows, rows, Keys::Random, false);
        let half = pages(PAGES / 2 * rows, rows, Keys::Random, false);
        [twin.as_ref(), sandboxed.as_ref()].map(|strategy| {
            let cost = |pages: &[Bytes]| (pages.len(), rehearse(runtime, strategy, "{}", pages));
            slope([cost(&half), cost(&all)])
        })
    };
    let rows = [1, 100, 1_000];
    let costs = rows.map(of_rows);
    let mut tell = |what: String, [native, sandboxed]: [f64; 2]| {
        let more = sandboxed - native;
        table.add_row([what, format!("{native:.3}"), format!("{sandboxed:.3}"), format!("{more:.3}")]);
    };
    for (rows, costs) in rows.iter().zip(costs) {
        tell(format!("a page of {rows} by handle"), costs);
    }
    let row = [0, 1].map(|who| slope([(rows[0], costs[0][who]), (rows[2], costs[2][who])]));
    tell("fitted: a page".to_owned(), [0, 1].map(|who| costs[0][who] - row[who]));
    tell("fitted: a row of it".to_owned(), row);
    table
}

/// What whole processes cost.
fn processes(runtime: &Runtime) -> comfy_table::Table {
    let playground = Playground::new(playground::Options { records: 1_000, ..playground::Options::default() });
    let listener = runtime.block_on(playground::bind(0)).expect("a port");
    let base_url = format!("http://{}", listener.local_addr().expect("an address"));
    runtime.spawn(async move { playground.serve(listener, std::future::pending()).await });

    let folder = tempfile::tempdir().expect("a scratch folder");
    let connection = |kind: &str| {
        let path = folder.path().join(format!("{kind}.yaml"));
        let text = format!(
            "name: bench\nstrategy: keyset\nsource:\n  base_url: {base_url}\n  allow_private_addresses: true\n\
             destination:\n  type: {kind}\n  path: {:?}\n",
            folder.path().join(format!("{kind}.out"))
        );
        std::fs::write(&path, text).expect("a file");
        path
    };
    let (sqlite, jsonl) = (connection("sqlite"), connection("jsonl"));
    let sync = |path: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.arg("sync").arg(path);
        command
    };
    let mut version = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    version.arg("--version");
    let commands = [
        ("`tidegate --version`", version),
        ("a sync that finds nothing new, SQLite", sync(&sqlite)),
        ("a sync that finds nothing new, JSONL", sync(&jsonl)),
    ];

    let mut table = support::table(["a process", "best, ms", "median, ms", "CPU, ms"]);
    for (name, mut command) in commands {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // The first one reads everything.
        assert!(command.status().expect("a process").success(), "{name}: {command:?} failed");
        let before = cpu_of_children();
        let mut times: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let begin = Instant::now();
                command.status().expect("a process");
                begin.elapsed()
            })
            .collect();
        let cpu = cpu_of_children().zip(before).map(|(now, before)| (now - before) / ROUNDS as f64);
        times.sort();
        let millis = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
        let cpu = cpu.map_or_else(|| "-".to_owned(), |cpu| format!("{cpu:.1}"));
        table.add_row([name.to_owned(), millis(times[0]), millis(times[ROUNDS / 2]), cpu]);
    }
    table.add_row(["the request itself".to_owned(), request(runtime, &base_url), "-".to_owned(), "-".to_owned()]);
    table
}

/// The best time of the request on a new connection, in milliseconds.
fn request(runtime: &Runtime, base_url: &str) -> String {
    let url = format!("{base_url}/pagination/keyset?updated_since=2999-01-01T00:00:00Z");
    let once = |_| {
        let client = support::bare_client().expect("a client");
        let begin = Instant::now();
        runtime.block_on(async { client.get(&url).send().await?.bytes().await }).expect("an answer");
        begin.elapsed()
    };
    let best = (0..ROUNDS).map(once).min().unwrap_or_default();
    format!("{:.1}", best.as_secs_f64() * 1e3)
}

/// The processor time of the children that have ended, in milliseconds; Linux counts it in hundredths of a second.
fn cpu_of_children() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let behind_the_name = text.rsplit_once(')')?.1;
    let mut ticks = behind_the_name.split_whitespace().skip(13).map(str::parse::<f64>);
    Some((ticks.next()?.ok()? + ticks.next()?.ok()?) * 10.0)
}
