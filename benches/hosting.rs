//! What a host of many tenants costs: how fast its API answers while syncs run, how much memory a connection and a run
//! take, and how long a swap of strategies takes.
//!
//! `cargo bench --bench hosting -- [CONNECTIONS] [RUNS]` prints a table; the default is 10,000 connections and 1,000 runs
//! at once. The server is a process of its own; memory is told on Linux only.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot run has nothing to say"
)]

#[allow(dead_code, unused_imports, reason = "the tests need more of it")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};
use support::{Host, Rows, variant};

const KIB: u64 = 1 << 10;

fn main() {
    let figures: Vec<u32> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let connections = figures.first().copied().unwrap_or(10_000);
    let runs = figures.get(1).copied().unwrap_or(1_000).min(connections);
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["what", "measured"]);
    let mut tell = |what: String, measured: String| {
        println!("{what}: {measured}");
        table.add_row([what, measured]);
    };

    let instances = format!("instances={}", runs + 100);
    let concurrent = runs.to_string();
    let host = Host::start_with(&["--concurrent-runs", &concurrent, "--limit", &instances]);
    // Each page is held back, so that many runs go on at once on a few cores.
    let source = Rows::start(10_000, Duration::from_millis(500));

    let (upload, _) = timed(|| settled(&host, &host.send("PUT", PLUGIN, WASM, variant("1.0.0", "plain")).1));
    tell("upload of a first version, until it is active".into(), millis(upload));
    host.tenant("bench");
    let empty = memory(&host);
    for at in 0..connections {
        host.connection("bench", &format!("c{at}"), "variant", source.url());
    }
    let defined = memory(&host);
    tell(format!("memory of an idle connection, of {connections}"), per(defined, empty, connections));

    (0..runs.min(200)).for_each(|at| host.run("bench", &format!("c{at}")));
    let most = wait_until_running(&host, runs.min(200));
    let mut latencies: Vec<Duration> = (0..2_000)
        .map(|at| timed(|| host.get(&format!("/v1/tenants/bench/connections/c{}", at % connections))).0)
        .collect();
    latencies.sort();
    let at = |part: usize| latencies[latencies.len() * part / 100];
    tell(format!("reads of the API beside {most} runs, median"), millis(at(50)));
    tell(format!("reads of the API beside {most} runs, p99"), millis(at(99)));

    let (swap, rollout) = timed(|| settled(&host, &host.send("PUT", PLUGIN, WASM, variant("1.1.0", "plain")).1));
    tell(format!("upload of a version beside {most} runs, until it is active"), millis(swap));
    let path = format!("/v1/rollouts/{}/roll-back", rollout["id"].as_str().expect("an identifier"));
    let (back, _) = timed(|| host.call("POST", &path, json!({ "reason": "to measure it" })));
    tell("roll-back".into(), millis(back));

    (0..runs).for_each(|at| host.run("bench", &format!("c{at}")));
    let most = wait_until_running(&host, runs);
    tell(format!("memory of a run, of {most} at once"), per(memory(&host), defined, most));
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("\n{}", table.trim_fmt());
}

const PLUGIN: &str = "/v1/plugins/variant";
const WASM: &str = "application/wasm";

fn timed<T>(act: impl FnOnce() -> T) -> (Duration, T) {
    let watch = Instant::now();
    let value = act();
    (watch.elapsed(), value)
}

/// Waits until a rollout is past its checks.
fn settled(host: &Host, rollout: &Value) -> Value {
    let path = format!("/v1/rollouts/{}", rollout["id"].as_str().unwrap_or_else(|| panic!("{rollout:#}")));
    host.wait_for("the rollout", || Some(host.get(&path)).filter(|rollout| rollout["stage"] != "checking"))
}

/// Waits until so many runs go on, and tells how many do.
fn wait_until_running(host: &Host, runs: u32) -> u32 {
    host.wait_for("the runs", || {
        let first_and_last = [0, runs - 1].map(|at| host.get(&format!("/v1/tenants/bench/connections/c{at}")));
        let is_running = |connection: &Value| connection["health"]["running"].is_string();
        first_and_last.iter().all(is_running).then_some(runs)
    })
}

/// The resident memory of the server, in bytes.
fn memory(host: &Host) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.process_id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * KIB
}

fn per(after: u64, before: u64, count: u32) -> String {
    format!("{:.1} KiB", after.saturating_sub(before) as f64 / f64::from(count) / KIB as f64)
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
