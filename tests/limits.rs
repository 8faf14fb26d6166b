//! Every limit of the sandbox is reached once, and the error names it and the figure.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tidegate::BoxFuture;
use tidegate::config::{Destination, StrategyRef};
use tidegate::error::Result;
use tidegate::http::{Fetch, Meter, Page, Request, Response};
use tidegate::model::{Batch, Change, Column, Kind, Owner, Report, Table};
use tidegate::plugin::{Limits, Manifest, Services, Strategy};
use tidegate::sink::{self, Mode};
use tidegate::sync::{self, Clock, Gauge, Hands, Job, Pace};
use tokio_util::sync::CancellationToken;

use crate::support::{Source, Workspace, engine, hostile, immoderate};

/// A source that answers everything by one body.
struct Echo(Bytes);

impl Fetch for Echo {
    fn fetch(&self, _: Request) -> BoxFuture<'static, Result<Page>> {
        // Each answer is a body of its own, as from a socket.
        let body = Bytes::copy_from_slice(&self.0);
        let response = Response { status: 200, headers: Vec::new(), body };
        Box::pin(async { Ok(Page::new("GET /page", response)) })
    }
}

/// A source that never answers.
struct Silence;

impl Fetch for Silence {
    fn fetch(&self, _: Request) -> BoxFuture<'static, Result<Page>> {
        Box::pin(std::future::pending())
    }
}

/// A body of so many records with an ID.
fn records(count: usize) -> String {
    let records: Vec<String> = (0..count).map(|id| format!(r#"{{"id":{id}}}"#)).collect();
    format!("[{}]", records.join(","))
}

/// Runs a strategy once within these limits.
async fn run(strategy: Arc<dyn Strategy>, config: &str, body: &str, limits: Limits) -> Report {
    run_on(Arc::new(Echo(Bytes::copy_from_slice(body.as_bytes()))), strategy, config, limits).await
}

async fn run_on(source: Arc<dyn Fetch>, strategy: Arc<dyn Strategy>, config: &str, limits: Limits) -> Report {
    let workspace = Workspace::new();
    let destination = Destination::JsonlFile { path: workspace.path("rows.jsonl") };
    sync::run(Job {
        name: "test".into(),
        strategy_name: "test".into(),
        strategy,
        source,
        sink: sink::open(&destination, &Owner::local("test"), None, false).expect("a destination"),
        config: config.into(),
        mode: Mode::Incremental,
        pace: Pace::default(),
        hands: Hands::Thread,
        clock: Clock::system(),
        timeout: limits.run_time,
        limits,
        interrupt: CancellationToken::new(),
        gauge: Arc::new(Gauge::new(Arc::new(Meter::default()))),
    })
    .await
}

/// What a run of the immoderate strategy ends with: the code and the message.
async fn ends(limits: Limits, deed: &str, amount: usize, body: &str) -> Option<(String, String)> {
    let engine = engine().limits(limits).build().expect("an engine");
    let strategy = engine.load(&StrategyRef::File(immoderate().to_owned())).await.expect("a strategy");
    let config = format!(r#"{{"deed":"{deed}","amount":{amount}}}"#);
    let error = run(strategy, &config, body, limits).await.error?;
    let file = immoderate().display().to_string();
    Some((error.code().to_owned(), error.message().replace(&file, "immoderate.wasm")))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_of_a_component_is_reached_and_named() {
    let some = Limits::default();
    let ms = Duration::from_millis;
    let kib = 1 << 10;
    let page = records(10_000);
    let cases = [
        ("nothing", 0, some, None),
        ("carry-out", 1, some, None),
        ("carry-in", 0, some, None),
        ("column", 0, some, None),
        ("hold", 10, some, None),
        ("begin", 256, some, None),
        ("leave", 10, some, None),
        (
            "declare",
            1_000,
            Limits { description_bytes: 64 * kib, ..some },
            Some(("description_bytes", "stopped in `schema`: more than 65536 bytes of text and lists in one call")),
        ),
        (
            "ponder",
            0,
            Limits { call_cpu: ms(100), ..some },
            Some(("call_cpu", "stopped in `schema`: more than 0.1 s of processor time")),
        ),
        (
            "spin",
            0,
            Limits { busy: ms(100), ..some },
            Some(("busy", "stopped in `sync`: 0.1 s of computing without fetching, staging or sealing")),
        ),
        (
            "toil",
            0,
            Limits { run_cpu: ms(100), ..some },
            Some(("run_cpu", "stopped in `sync`: more than 0.1 s of processor time")),
        ),
        (
            "carry-out",
            20_000,
            Limits { call_bytes: 16 * kib, ..some },
            Some(("call_bytes", "stopped in `sync`: more than 16384 bytes of text and lists in one call")),
        ),
        (
            "carry-in",
            0,
            Limits { answer_bytes: 16 * kib, ..some },
            Some((
                "answer_bytes",
                "stopped in `sync`: 118891 bytes of text and lists asked for in one call, more than 16384",
            )),
        ),
        (
            "column",
            0,
            Limits { answer_bytes: 16 * kib, ..some },
            Some((
                "answer_bytes",
                "stopped in `sync`: 160000 bytes of text and lists asked for in one call, more than 16384",
            )),
        ),
        (
            "hold",
            1_000,
            Limits { held_bytes: 1 << 20, ..some },
            Some((
                "held_bytes",
                "stopped in `sync`: 1070019 bytes of pages and batches held by handles, more than 1048576",
            )),
        ),
        ("hold", 1_000, Limits { handles: 100, ..some }, Some(("handles", "stopped in `sync`: more than 100 handles"))),
        ("begin", 257, some, Some(("pending", "stopped in `sync`: more than 256 requests begun and not waited for"))),
    ];
    for (deed, amount, limits, expected) in cases {
        let expected =
            expected.map(|(name, message)| (format!("limit.{name}"), format!("immoderate.wasm was {message}")));
        assert_eq!(ends(limits, deed, amount, &page).await, expected, "{deed}");
    }
    for (deed, amount) in [("select", 1_000), ("leave", 200)] {
        let (code, message) = ends(Limits { held_bytes: 1 << 20, ..some }, deed, amount, &page).await.expect(deed);
        assert_eq!(code, "limit.held_bytes", "{message}");
        assert!(message.ends_with("bytes of pages and batches held by handles, more than 1048576"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_instances_are_taken_a_call_waits_and_then_says_so() {
    let limits = Limits {
        instances: 1,
        call_wait: Duration::from_millis(50),
        run_time: Duration::from_millis(500),
        ..Limits::default()
    };
    let engine = engine().limits(limits).build().expect("an engine");
    let strategy = engine.load(&StrategyRef::File(immoderate().to_owned())).await.expect("a strategy");
    let config = r#"{"deed":"hold","amount":1}"#;
    let held = tokio::spawn(run_on(Arc::new(Silence), Arc::clone(&strategy), config, limits));
    tokio::time::sleep(Duration::from_millis(200)).await;
    // What it says of itself is kept, so it is asked for something else.
    let refused = strategy.schema("{}").await.map_err(|error| (error.code().to_owned(), error.message().to_owned()));
    let message = "1 components run at once, and none of them ended within 0.05 s".to_owned();
    assert_eq!(refused, Err(("limit.instances".to_owned(), message)));
    // A host call that is held for ever ends with its run; then there is room again.
    let report = held.await.expect("a report");
    assert_eq!(report.error.map(|error| error.code().to_owned()).as_deref(), Some("limit.run_timeout"));
    assert!(strategy.schema("{}").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_describes_or_migrates_has_its_time() {
    let limits = Limits { call_time: Duration::from_millis(100), ..Limits::default() };
    let engine = engine().limits(limits).build().expect("an engine");
    let load = async |attack: &str| {
        let file = hostile().join(attack).with_extension("wasm");
        engine.load(&StrategyRef::File(file)).await.expect("a strategy")
    };
    let check = |call: &str, outcome: Result<()>| {
        let error = outcome.expect_err(call);
        assert_eq!(error.code(), "limit.call_time");
        assert!(
            error.message().ends_with(&format!("was stopped in `{call}`: 0.1 s went by, waiting included")),
            "{error}"
        );
    };
    check("describe", load("spin_in_describe").await.describe().await.map(drop));
    check("schema", load("spin_in_schema").await.schema("{}").await.map(drop));
    check("migrate-state", load("spin_in_migrate").await.migrate_state(0, "{}").await.map(drop));
    assert!(load("honest").await.describe().await.is_ok());
}

#[tokio::test]
async fn a_component_has_a_largest_size() {
    let workspace = Workspace::new();
    let path = workspace.file("large.wasm", [0; 101]);
    let engine = engine().limits(Limits { component_bytes: 100, ..Limits::default() }).build().expect("an engine");
    let error = engine.load(&StrategyRef::File(path)).await.err().expect("a refusal");
    assert_eq!(error.code(), "limit.component_bytes");
    assert!(error.message().ends_with("has 101 bytes; a component may have 100"), "{error}");
}

#[test]
fn a_run_that_reaches_the_limit_of_requests_has_failed_and_one_that_has_enough_has_not() {
    let (workspace, source) = (Workspace::new(), Source::start(100, 10));
    let file = workspace.connection("users", "keyset", &source.url(), &[]);
    let check = |arguments: &[&str], code: i32, status: &str, rows: &str| {
        let outcome = workspace.run(&[&["sync", "users.yaml", "--output", "json"], arguments].concat());
        let reports: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        assert_eq!((outcome.code, &reports[0]["status"]), (code, &status.into()), "{arguments:?}: {outcome:?}");
        assert_eq!(workspace.query("SELECT count(*) FROM user"), [[rows]], "{arguments:?}");
        let error = &reports[0]["error"];
        if status == "failed" {
            assert_eq!(error["code"], "limit.requests", "{error}");
            let message = error["message"].as_str().unwrap_or_default();
            assert!(message.ends_with(": the run has sent 1 requests, and may send no more"), "{error}");
            assert!(
                error["help"].as_str().is_some_and(|help| help.starts_with("raise the limit `requests`")),
                "{error}"
            );
            assert_eq!(error["kept"], "10 rows up to the last checkpoint");
        } else {
            assert!(error.is_null(), "{error}");
        }
    };
    check(&["--limit", "requests=1"], 1, "failed", "10");
    check(&["--limit-requests", "1"], 0, "limited", "20");
    check(&["--limit-requests", "1", "--limit", "requests=1"], 0, "limited", "30");
    check(&["--limit-requests", "2", "--limit", "requests=1"], 1, "failed", "40");
    let text = std::fs::read_to_string(&file).expect("a connection");
    workspace.file("users.yaml", format!("{text}limits: {{requests: 1}}\n"));
    check(&[], 1, "failed", "50");
    check(&["--set", "limits.requests=1000"], 0, "done", "100");
}

/// What a native strategy does.
#[derive(Clone)]
enum Deed {
    Declare(Vec<Table>),
    Request(usize),
    Stage(String),
    Seal(usize),
    /// Waits for nothing.
    Hang,
}

/// A strategy without a sandbox, for the limits that hold for any strategy.
struct Native(Vec<Deed>);

fn table(name: &str, columns: usize) -> Table {
    let columns = (0..columns).map(|at| Column { name: format!("c{at}"), kind: Kind::Json });
    Table { name: name.into(), primary_key: vec!["id".into()], columns: columns.collect() }
}

impl Strategy for Native {
    fn digest(&self) -> &str {
        "native"
    }

    fn describe(&self) -> BoxFuture<'_, Result<Manifest>> {
        let manifest = Manifest {
            name: "native".into(),
            version: "1.0.0".into(),
            summary: String::new(),
            config_schema: "{}".into(),
            state_version: 1,
            needs: Vec::new(),
        };
        Box::pin(async { Ok(manifest) })
    }

    fn schema<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<Table>>> {
        let declared = self.0.iter().find_map(|deed| match deed {
            Deed::Declare(tables) => Some(tables.clone()),
            _ => None,
        });
        Box::pin(async { Ok(declared.unwrap_or_else(|| vec![table("user", 0)])) })
    }

    fn migrate_state<'a>(&'a self, _: u32, state: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(async { Ok(state.to_owned()) })
    }

    fn sync<'a>(&'a self, _: &'a str, _: Option<&'a str>, services: Arc<dyn Services>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            for deed in &self.0 {
                match deed {
                    Deed::Declare(_) => {}
                    Deed::Request(bytes) => {
                        let body = Some(vec![b'x'; *bytes].into());
                        let request =
                            Request { method: "POST".into(), path: "/page".into(), body, ..Request::default() };
                        services.fetch(request).await.map(drop)?;
                    }
                    Deed::Stage(json) => {
                        let rows = Batch::from_json(json.clone().into())?;
                        services.stage("user", Change::Upsert(rows)).await?;
                    }
                    Deed::Seal(bytes) => services.checkpoint("x".repeat(*bytes)).await?,
                    Deed::Hang => std::future::pending().await,
                }
            }
            services.checkpoint("done".into()).await
        })
    }
}

/// What is done, within which limits, and the code and the message of the error that comes of it.
type Case = (Vec<Deed>, Limits, Option<(&'static str, &'static str)>);

#[tokio::test]
async fn every_limit_of_a_run_is_reached_and_named() {
    use Deed::{Declare, Hang, Request, Seal, Stage};
    let some = Limits::default();
    let stage = |json: &str| Stage(json.to_owned());
    let wide = |from: usize, to: usize| {
        let members: Vec<String> = (from..to).map(|at| format!(r#""c{at}":1"#)).collect();
        Stage(format!(r#"[{{"id":1,{}}}]"#, members.join(",")))
    };
    // Three of these records have 29 bytes, with what stands between them.
    let three = || stage(r#"[{"id":10},{"id":11},{"id":12}]"#);
    let cases: Vec<Case> = vec![
        (vec![three(), Seal(10), three()], Limits { unsealed_records: 3, unsealed_bytes: 29, ..some }, None),
        (
            vec![three(), three()],
            Limits { unsealed_records: 5, ..some },
            Some(("limit.unsealed_records", "the strategy has staged 6 records without a checkpoint, more than 5")),
        ),
        (
            vec![three(), three()],
            Limits { unsealed_bytes: 57, ..some },
            Some(("limit.unsealed_bytes", "the strategy has staged 58 bytes without a checkpoint, more than 57")),
        ),
        (vec![three()], Limits { record_bytes: 9, ..some }, None),
        (
            vec![three()],
            Limits { record_bytes: 8, ..some },
            Some(("limit.record_bytes", "a record of `user` has 9 bytes, more than 8")),
        ),
        (vec![wide(0, 5), wide(4, 9)], Limits { columns: 10, ..some }, None),
        (
            vec![wide(0, 5), wide(4, 9)],
            Limits { columns: 9, ..some },
            Some(("limit.columns", "the records of `user` have 10 columns, more than 9")),
        ),
        (
            vec![Declare(vec![table("user", 10)])],
            Limits { columns: 9, ..some },
            Some(("limit.columns", "the strategy declares 10 columns of `user`, more than 9")),
        ),
        (
            vec![Declare((0..3).map(|at| table(&at.to_string(), 1)).collect())],
            Limits { tables: 2, ..some },
            Some(("limit.tables", "the strategy declares 3 tables, more than 2")),
        ),
        (vec![Request(1_000)], Limits { request_bytes: 1_009, ..some }, None),
        (
            vec![Request(1_000)],
            Limits { request_bytes: 1_008, ..some },
            Some(("limit.request_bytes", "the strategy makes a request of 1009 bytes, more than 1008")),
        ),
        (vec![Seal(100)], Limits { state_bytes: 100, ..some }, None),
        (
            vec![Seal(101)],
            Limits { state_bytes: 100, ..some },
            Some(("plugin.state", "the strategy's state has 101 bytes, more than 100")),
        ),
        (
            vec![Hang],
            Limits { run_time: Duration::from_millis(50), ..some },
            Some(("limit.run_timeout", "the run took longer than 0.05 s and was stopped")),
        ),
    ];
    for (deeds, limits, expected) in cases {
        let report = run(Arc::new(Native(deeds)), "{}", "[]", limits).await;
        let found = report.error.as_ref().map(|error| (error.code(), error.message()));
        assert_eq!(found, expected);
    }
}

#[test]
fn a_flood_of_log_lines_is_cut_off_counted_and_escaped() {
    let workspace = Workspace::new();
    std::fs::copy(immoderate(), workspace.path("odd.wasm")).expect("a component");
    workspace.connection("users", "./odd.wasm", "http://127.0.0.1:9", &["deed: log", "amount: 50"]);
    let outcome = workspace.run(&["sync", "users.yaml", "--limit", "log_lines=20"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let lines: Vec<&str> = outcome.stderr.lines().filter(|line| line.contains("line ")).collect();
    assert_eq!(lines.len(), 20, "{outcome:?}");
    assert!(lines[0].ends_with(r"line 0\u{1b}[2J\r\nforged"), "{}", lines[0]);
    let dropped = "30 further log lines of the strategy were dropped (the limits `log_lines` and `log_bytes`)";
    assert!(outcome.stderr.contains(dropped), "{outcome:?}");
    let outcome = workspace.run(&["sync", "users.yaml", "--full-refresh", "--limit", "log_bytes=100"]);
    assert!(outcome.stderr.contains("45 further log lines"), "{outcome:?}");
}

#[test]
fn a_connection_lowers_limits_and_an_operator_raises_them() {
    let workspace = Workspace::new();
    std::fs::copy(immoderate(), workspace.path("odd.wasm")).expect("a component");
    let file = workspace.connection("users", "./odd.wasm", "http://127.0.0.1:9", &["deed: carry-out", "amount: 20000"]);
    let check = |limits: &str, arguments: &[&str], expected: Option<&str>| {
        let text = std::fs::read_to_string(&file).expect("a connection");
        let text = text.split("limits:").next().unwrap_or_default();
        workspace.file("users.yaml", format!("{text}{limits}"));
        let outcome = workspace.run(&[&["sync", "users.yaml", "--quiet"], arguments].concat());
        let said = outcome.stderr.lines().next().map(str::to_owned);
        assert_eq!(said.as_deref(), expected, "{limits} {arguments:?}");
    };
    check("", &[], None);
    let stopped =
        "error: users: limit: ./odd.wasm was stopped in `sync`: more than 16384 bytes of text and lists in one call";
    check("limits:\n  call_bytes: 16 KiB\n", &[], Some(stopped));
    check("", &["--limit", "call_bytes=16KiB"], Some(stopped));
    let above = |line: &str| {
        format!(
            "error: users.yaml:{line}: `limits.call_bytes` is 65 MiB, but the operator's limit `call_bytes` is 64 MiB"
        )
    };
    check("limits:\n  call_bytes: 65MiB\n", &[], Some(&above("13:3")));
    check("limits:\n  call_bytes: 65MiB\n", &["--limit", "call_bytes=65MiB"], None);
    check("limits:\n  cal_bytes: 1\n", &[], Some("error: users.yaml:13:3: there is no limit `cal_bytes`"));
    check(
        "",
        &["--set", "source.max_body_bytes=67108865"],
        Some("error: `source.max_body_bytes` is 67108865, but the operator's limit `response_bytes` is 64 MiB"),
    );
    check(
        "",
        &["--set", "run_timeout=25h"],
        Some("error: `run_timeout` is 25h, but the operator's limit `run_time` is 24h"),
    );
    check("", &["--limit", "run_time=1h"], None);
    check("", &["--limit", "memory"], Some("error: --limit: `memory` is no limit and its value"));
}

#[test]
fn limits_are_shown_with_who_set_them() {
    let workspace = Workspace::new();
    let mut command = workspace.command(&["limits", "--output", "json", "--limit", "handles=7"]);
    let output = command.env("TIDEGATE_LIMITS", "memory=128MiB, handles=8").output().expect("the program");
    let limits: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let find = |name: &str| limits.as_array().and_then(|limits| limits.iter().find(|limit| limit["name"] == name));
    let shown = |name: &str| find(name).map(|limit| (limit["value"].clone(), limit["set_by"].clone()));
    assert_eq!(shown("memory"), Some((134_217_728.into(), "TIDEGATE_LIMITS".into())));
    assert_eq!(shown("handles"), Some((7.into(), "--limit".into())));
    assert_eq!(shown("busy"), Some((20_000.into(), "default".into())));
    let text = workspace.run(&["limits"]).stdout;
    assert!(text.contains("table_elements") && text.contains("64 MiB"), "{text}");
}
