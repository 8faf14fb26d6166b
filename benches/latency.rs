//! What keeping several requests in flight gains where each takes long: the source holds every answer back.
//!
//! The built-in strategies run with as many requests in flight as the host is told to allow, and are told the same where
//! their configuration has an option for it. *Native* is a function that fetches the pages of the offset endpoint in a
//! window of that size: what the host makes of it.
//!
//! `cargo bench --bench latency -- [RECORDS] [--page 100] [--latency 50] [--option window]` prints a table; the default is
//! 6,400 records. However many are in flight, the destination has to be the same.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot run has nothing to say"
)]

#[path = "support/mod.rs"]
mod support;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use axum::extract::{Request as AxumRequest, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use clap::Parser;
use rusqlite::Connection;
use rusqlite::types::Value;
use serde_json::json;
use tidegate::BoxFuture;
use tidegate::config::{Destination, StrategyRef};
use tidegate::http::Request;
use tidegate::model::{Change, Table};
use tidegate::playground::{self, Playground};
use tidegate::plugin::{Engine, Manifest, Services, Strategy};

use support::twin::{Twin, table};

const WINDOWS: [usize; 3] = [1, 4, 16];

#[derive(Parser)]
struct Arguments {
    /// How many records are read.
    #[arg(default_value_t = 6_400)]
    records: usize,
    /// How many records a page has.
    #[arg(long, default_value_t = 100)]
    page: usize,
    /// How long each answer is held back, in milliseconds.
    #[arg(long, default_value_t = 50)]
    latency: u64,
    /// What the strategies call the number of requests in flight.
    #[arg(long, default_value = "window")]
    option: String,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Fetches the pages of the offset endpoint, several at once, and stages them in order.
struct Windowed {
    page: usize,
    window: usize,
}

impl Windowed {
    fn request(&self, number: usize) -> Request {
        let offset = number * self.page;
        let query =
            [("order_by", "updatedAt".to_owned()), ("limit", self.page.to_string()), ("offset", offset.to_string())];
        let query = query.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Request { method: "GET".to_owned(), path: "/pagination/offset".to_owned(), query, ..Request::default() }
    }
}

impl Strategy for Windowed {
    fn digest(&self) -> &str {
        "native"
    }

    fn describe(&self) -> BoxFuture<'_, tidegate::error::Result<Manifest>> {
        Box::pin(async { Twin.describe().await })
    }

    fn schema<'a>(&'a self, _: &'a str) -> BoxFuture<'a, tidegate::error::Result<Vec<Table>>> {
        Box::pin(async { Ok(vec![table()]) })
    }

    fn migrate_state<'a>(&'a self, _: u32, state: &'a str) -> BoxFuture<'a, tidegate::error::Result<String>> {
        Box::pin(async { Ok(state.to_owned()) })
    }

    fn sync<'a>(
        &'a self,
        _: &'a str,
        _: Option<&'a str>,
        services: Arc<dyn Services>,
    ) -> BoxFuture<'a, tidegate::error::Result<()>> {
        Box::pin(async move {
            let begin = |number| tokio::spawn(services.fetch(self.request(number)));
            let mut in_flight: VecDeque<_> = (0..self.window).map(begin).collect();
            let mut next = self.window;
            while let Some(page) = in_flight.pop_front() {
                let rows = page.await.expect("a task")?.records("/data")?;
                if rows.is_empty() {
                    break;
                }
                in_flight.push_back(begin(next));
                next += 1;
                services.stage("user", Change::Upsert(rows)).await?;
                services.checkpoint(json!({ "pages": next - self.window }).to_string()).await?;
            }
            Ok(())
        })
    }
}

/// How many requests the source has before it, and the most that it had.
#[derive(Default)]
struct InFlight {
    now: AtomicUsize,
    most: AtomicUsize,
}

async fn count(State(in_flight): State<Arc<InFlight>>, request: AxumRequest, next: Next) -> Response {
    in_flight.most.fetch_max(in_flight.now.fetch_add(1, SeqCst) + 1, SeqCst);
    let response = next.run(request).await;
    in_flight.now.fetch_sub(1, SeqCst);
    response
}

/// All rows of a table, in the order of their keys, without the time at which they were written.
fn contents(path: &Path) -> Result<Vec<Vec<Value>>> {
    let sql = Connection::open(path)?;
    let mut statement = sql.prepare(r#"SELECT * FROM "user" ORDER BY 1"#)?;
    let columns: Vec<usize> =
        (0..statement.column_count()).filter(|at| statement.column_name(*at) != Ok("_tidegate_synced_at")).collect();
    let rows = statement.query_map([], |row| columns.iter().map(|at| row.get(*at)).collect())?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { records, page, latency, option, .. } = Arguments::parse();
    let latency = Duration::from_millis(latency);
    let options = playground::Options { records, page_cap: Some(page), latency, ..playground::Options::default() };
    let in_flight = Arc::new(InFlight::default());
    let router = Playground::new(options).router().layer(from_fn_with_state(Arc::clone(&in_flight), count));
    let listener = playground::bind(0).await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, router).into_future());

    let engine = Engine::builder().compiler(env!("CARGO_BIN_EXE_tidegate")).build()?;
    let mut table =
        support::table(["strategy", "window", "s", "speed-up", "requests", "in flight", "rows", "same rows"]);
    for name in ["native", "keyset", "offset", "step-size"] {
        let mut alone: Option<(f64, Vec<Vec<Value>>)> = None;
        for window in WINDOWS {
            let strategy: Arc<dyn Strategy> = match name {
                "native" => Arc::new(Windowed { page, window }),
                name => engine.load(&StrategyRef::BuiltIn(name.to_owned())).await?,
            };
            let config = configure(&strategy.describe().await?, page, window, &option)?;
            let folder = tempfile::tempdir().context("a scratch folder")?;
            let path = folder.path().join("bench.db");
            in_flight.most.store(0, SeqCst);
            let source = support::source_within(&base_url, Some(window))?;
            let report = support::sync(&strategy, source, &Destination::Sqlite { path: path.clone() }, config).await?;
            let rows = contents(&path)?;
            ensure!(rows.len() == records, "{name}: {} rows of {records}", rows.len());
            let (sequential, expected) = alone.get_or_insert_with(|| (report.seconds, rows.clone()));
            table.add_row([
                name.to_owned(),
                window.to_string(),
                format!("{:.2}", report.seconds),
                format!("{:.1}", *sequential / report.seconds),
                report.progress.requests.to_string(),
                in_flight.most.load(SeqCst).to_string(),
                rows.len().to_string(),
                if rows == *expected { "yes" } else { "NO" }.to_owned(),
            ]);
        }
    }
    println!("{table}");
    Ok(())
}

/// As large pages as the source serves, and as many requests in flight, as far as the strategy has words for them.
fn configure(manifest: &Manifest, page: usize, window: usize, option: &str) -> Result<String> {
    let schema: serde_json::Value = serde_json::from_str(&manifest.config_schema)?;
    let wanted = [("page_size", page), ("step", page), ("page_cap", page), (option, window)];
    // A keyset source has no such parameter.
    let takes = |name: &str| {
        let is_there = |name: &str| schema["properties"].get(name).is_some();
        is_there(name) && (name != "page_size" || is_there("limit_parameter"))
    };
    let mut config = serde_json::Map::from_iter([("table".to_owned(), json!("user"))]);
    for (name, value) in wanted.into_iter().filter(|(name, _)| takes(name)) {
        config.insert(name.to_owned(), json!(value));
    }
    Ok(serde_json::Value::Object(config).to_string())
}
