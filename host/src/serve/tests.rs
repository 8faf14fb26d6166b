//! Days of firings, in simulated time: none is lost, none is doubled, and nobody starves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, json};
use tokio_util::sync::CancellationToken;

use super::clock::Millis;
use super::connection::{Connection, Definition};
use super::live::Live;
use super::plugin::Version;
use super::registry::{Plugin, Registry};
use super::rollout::Rollouts;
use super::runner::{Order, Runner, Running};
use super::schedule::{Rhythm, Schedule};
use super::store::{Expected, Page, SqliteStore, Store};
use super::tenant::{Name, Quotas, Tenant};
use super::{Clock, Retention, Server, Settings, serve};
use crate::BoxFuture;
use crate::config::StrategyRef;
use crate::error::{Error, Origin, Result};
use crate::model::{Progress, Report, Status};
use crate::plugin::{Inspection, Manifest};
use crate::recording::Shadow;
use crate::sync::{self, Gauge};

/// Midnight of 25 November 2026.
const MIDNIGHT: Millis = 1_795_564_800_000;
const HOUR: Millis = 60 * 60_000;

/// Runs that take their time and do nothing else.
#[derive(Default)]
struct Idle {
    /// How many runs of each connection go on, and how many there were at once in all.
    running: Arc<Mutex<(HashMap<String, u32>, usize)>>,
}

impl Runner for Idle {
    fn check<'a>(&'a self, _: &'a Connection, _: &'a Plugin) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn check_state<'a>(&'a self, _: &'a Connection, _: &'a Plugin) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn shadow<'a>(&'a self, _: &'a Connection, _: &'a Plugin) -> BoxFuture<'a, Result<Option<Shadow>>> {
        Box::pin(async { Ok(None) })
    }

    fn forget<'a>(&'a self, _: &'a Name, _: Option<&'a Name>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn forget_before<'a>(&'a self, _: &'a Name, _: &'a Name, _: Millis) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn inspect(&self, _: StrategyRef) -> BoxFuture<'_, Result<Inspection>> {
        Box::pin(async { Err(Error::host("there are no components here")) })
    }

    fn describe(&self, _: StrategyRef) -> BoxFuture<'_, Result<Manifest>> {
        Box::pin(async { Err(Error::host("there are no components here")) })
    }

    fn start(&self, order: Order) -> BoxFuture<'static, Result<Running>> {
        let running = Arc::clone(&self.running);
        Box::pin(async move {
            let Connection { tenant, name, definition, .. } = &order.connection;
            let key = format!("{tenant}/{name}");
            let number = |field: &str| definition.document.get(field).and_then(|value| value.as_u64()).unwrap_or(0);
            let (seconds, fails) = (number("seconds"), number("fails") == 1);
            {
                let (of, most) = &mut *running.lock().expect("the lock");
                let count = of.entry(key.clone()).or_default();
                *count += 1;
                assert_eq!(*count, 1, "two runs of {key} at once");
                *most = (*most).max(of.len());
            }
            let report = Box::pin(async move {
                let interrupted = tokio::select! {
                    () = tokio::time::sleep(Duration::from_secs(seconds)) => false,
                    () = order.interrupt.cancelled() => true,
                };
                running.lock().expect("the lock").0.remove(&key);
                let status = match (interrupted, fails) {
                    (true, _) => Status::Interrupted,
                    (false, true) => Status::Failed,
                    (false, false) => Status::Done,
                };
                let failure = || Error::new(Origin::Source, "source.status", "it answers 500");
                Report {
                    name: key,
                    strategy: "idle".to_owned(),
                    plugin_digest: "0".repeat(64),
                    status,
                    progress: Progress { requests: 1, ..Progress::default() },
                    seconds: 0.0,
                    state: None,
                    error: (status == Status::Failed).then(failure),
                }
            });
            Ok(Running { gauge: Arc::new(Gauge::default()), report })
        })
    }
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

/// A server in a folder, at a simulated midnight.
fn server(folder: &std::path::Path) -> (Server, Arc<Idle>) {
    let clock = Clock::Simulated(sync::Clock::starting_at(MIDNIGHT));
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder, None).expect("a store").with_clock(clock));
    let runner = Arc::new(Idle::default());
    let idle = Version {
        name: name("idle"),
        version: "1.0.0".to_owned(),
        digest: "0".repeat(64),
        bytes: 0,
        contract: String::new(),
        imports: Vec::new(),
        needs: Vec::new(),
        state_version: 1,
        summary: String::new(),
        config_schema: String::new(),
        uploaded_by: None,
        uploaded_at: 0,
    };
    let server = Server {
        store,
        runner: runner.clone(),
        registry: Arc::new(Registry::new(folder, vec![idle])),
        rollouts: Arc::new(Rollouts::default()),
        live: Arc::new(Live::default()),
        metrics: Arc::default(),
        clock,
    };
    (server, runner)
}

async fn add_tenant(server: &Server, tenant: &Name, quotas: Quotas) {
    let tenant = Tenant { name: tenant.clone(), quotas, revision: 0, created_at: MIDNIGHT };
    server.store.create_tenant(tenant).await.expect("a tenant");
}

async fn add(server: &Server, tenant: &Name, connection: &Name, schedule: Option<Schedule>, run: serde_json::Value) {
    let mut document: Map<_, _> = run.as_object().expect("an object").clone();
    document.insert("strategy".to_owned(), json!("idle"));
    let definition = Definition { document, schedule, is_paused: false };
    let due_at = definition.first_due(tenant, connection, server.clock.now());
    let put = server.store.put_connection(tenant, connection, definition, due_at, Expected::Nothing).await;
    put.expect("a connection");
}

/// Lets the server run for so long, and stops it.
async fn let_pass(server: &Server, time: Millis, concurrent_runs: u32) {
    let stop = CancellationToken::new();
    let retention = Retention { age: Duration::from_secs(90 * 86_400), least: 20 };
    let settings = Settings { concurrent_runs, drain: Duration::ZERO, retention };
    let wait = Duration::from_millis(time.unsigned_abs());
    let end = async {
        tokio::time::sleep(wait).await;
        stop.cancel();
    };
    tokio::join!(serve(server, settings, &stop), end);
}

/// The firings that became runs, and how each run ended.
async fn firings(server: &Server, tenant: &Name, connection: &Name) -> Vec<(Option<Millis>, String)> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = Page { after: after.clone(), limit: 200 };
        let runs = server.store.runs(tenant, Some(connection), page).await.expect("runs");
        let Some(last) = runs.last() else { break };
        after = Some(last.id.clone());
        all.extend(runs.into_iter().map(|run| {
            let status = run.end.map_or_else(|| "running".to_owned(), |end| end.status);
            (run.scheduled_for, status)
        }));
    }
    all.reverse();
    all
}

/// Hourly connections, some with jitter, over a day; the runs take seconds, and there is room for a few at once.
async fn check_a_day(tenants: u32, connections: u32, concurrent_runs: u32) {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, runner) = server(folder.path());
    let hourly = |jitter| Schedule::new(Rhythm::every(HOUR).expect("a rhythm"), jitter).expect("a schedule");
    let each =
        |at: u32| (name(&format!("t{}", at % tenants)), name(&format!("c{at}")), hourly(i64::from(at % 3) * 600_000));
    for tenant in 0..tenants {
        add_tenant(&server, &name(&format!("t{tenant}")), Quotas::default()).await;
    }
    for (tenant, connection, schedule) in (0..connections).map(each) {
        add(&server, &tenant, &connection, Some(schedule), json!({ "seconds": 5 })).await;
    }
    let_pass(&server, 12 * HOUR + HOUR / 2, concurrent_runs).await;
    // A host that is stopped and started again goes on with the same firings.
    let_pass(&server, 11 * HOUR + HOUR / 2, concurrent_runs).await;
    for (tenant, connection, schedule) in (0..connections).map(each) {
        let seed = super::connection::seed(&tenant, &connection);
        let end = MIDNIGHT + 23 * HOUR;
        let expected = std::iter::successors(schedule.after(MIDNIGHT, seed), |last| schedule.after(*last, seed));
        let expected: Vec<_> = expected.take_while(|firing| *firing < end).collect();
        let found = firings(&server, &tenant, &connection).await;
        let found: Vec<_> = found.into_iter().filter_map(|(firing, _)| firing).filter(|firing| *firing < end).collect();
        assert_eq!(found, expected, "{tenant}/{connection}");
    }
    let (_, most) = *runner.running.lock().expect("the lock");
    assert!((1..=concurrent_runs as usize).contains(&most), "{most} at once");
}

#[tokio::test(start_paused = true)]
async fn a_day_of_firings_loses_none_and_doubles_none() {
    check_a_day(10, 60, 20).await;
}

/// The long form: `cargo test --release -p tidegate --lib ten_thousand -- --ignored --nocapture`.
#[tokio::test(start_paused = true)]
#[ignore = "it takes minutes"]
async fn a_day_of_ten_thousand_connections_of_five_hundred_tenants() {
    let began = std::time::Instant::now();
    check_a_day(500, 10_000, 1_000).await;
    println!("a day of 10,000 connections took {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_with_many_connections_does_not_starve_one_with_a_single_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, _) = server(folder.path());
    let (greedy, modest) = (name("greedy"), name("modest"));
    add_tenant(&server, &greedy, Quotas::default()).await;
    add_tenant(&server, &modest, Quotas::default()).await;
    for at in 0..100 {
        add(&server, &greedy, &name(&format!("c{at}")), None, json!({ "seconds": 3600 })).await;
        server.store.request_run(&greedy, &name(&format!("c{at}")), false).await.expect("a request");
    }
    add(&server, &modest, &name("only"), None, json!({ "seconds": 1 })).await;
    server.store.request_run(&modest, &name("only"), false).await.expect("a request");
    let_pass(&server, 60_000, 10).await;
    let found = firings(&server, &modest, &name("only")).await;
    assert_eq!(found, [(None, "done".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn failures_back_off_and_a_success_ends_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, _) = server(folder.path());
    let (tenant, connection) = (name("acme"), name("down"));
    add_tenant(&server, &tenant, Quotas::default()).await;
    let minutely = Schedule::new(Rhythm::every(60_000).expect("a rhythm"), 0).expect("a schedule");
    add(&server, &tenant, &connection, Some(minutely), json!({ "seconds": 1, "fails": 1 })).await;
    let_pass(&server, 24 * HOUR, 10).await;
    let runs = firings(&server, &tenant, &connection).await.len();
    // 1, 2, 4, … minutes, up to 6 hours.
    assert!((9..=14).contains(&runs), "{runs} runs in a day");
    let health = server.store.connection(&tenant, &connection).await.expect("the connection").health;
    assert_eq!((health.failures as usize, health.failing_since), (runs, Some(MIDNIGHT + 61_000)));
}
