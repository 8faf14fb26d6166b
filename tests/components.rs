//! Files that are no strategy, and strategies that misbehave: each ends with an error that says what it was.

use std::time::Duration;

use tidegate::config::StrategyRef;
use tidegate::plugin::Limits;

use crate::support::{Workspace, engine, misbehaving};

/// Loads a component's text from a file and compares the refusal.
async fn check_refused(component: impl AsRef<[u8]>, expected: &str) {
    let workspace = Workspace::new();
    let path = workspace.file("odd.wasm", component);
    let engine = engine().cache(None).build().expect("an engine");
    let error = engine.load(&StrategyRef::File(path.clone())).await.err().expect("it is refused");
    let said = error.to_string().replace(&path.display().to_string(), "odd.wasm");
    assert_eq!(said, expected);
}

#[tokio::test]
async fn files_that_are_no_strategy_are_refused() {
    check_refused(
        "#!/bin/sh",
        "plugin: odd.wasm: not WebAssembly: the file does not begin with `\\0asm`\n  help: a strategy is a component \
         (.wasm); see the README, \"Write a strategy\"",
    )
    .await;
    check_refused(
        wat::parse_str("(module)").expect("a module"),
        "plugin: odd.wasm: a core WebAssembly module, not a component\n  help: wrap it with `wasm-tools component \
         new`; the README's \"Write a strategy\" has the command",
    )
    .await;
    check_refused(
        wat::parse_str("(component)").expect("a component"),
        "plugin: odd.wasm: the component is no strategy: it does not export `describe`, `schema`, `sync`, \
         `migrate-state`\n  help: build it for the world `strategy` of the package tidegate:strategy",
    )
    .await;
    check_refused(
        wat::parse_str(r#"(component (import "wasi:filesystem/types@0.2.0" (instance)))"#).expect("a component"),
        "plugin: odd.wasm: the component imports `wasi:filesystem/types@0.2.0`, which a strategy may not have\n  help: \
         a strategy has no WASI: build it for wasm32-unknown-unknown, without files, sockets, environment and clock",
    )
    .await;
    check_refused(
        wat::parse_str(r#"(component (import "tidegate:strategy/pages@0.3.0" (instance)))"#).expect("a component"),
        "plugin: odd.wasm: built for tidegate:strategy 0.3.0, but this host runs 0.1.0\n  help: update Tidegate, or \
         build the strategy for this version",
    )
    .await;
}

#[tokio::test]
async fn a_strategy_that_is_not_there_is_told_from_one_that_is_meant() {
    let cases = [
        ("step_size", "did you mean `step-size`?"),
        ("Keyset", "did you mean `keyset`?"),
        ("webhook", "for a component in a file, give its path, such as `./my-strategy.wasm`"),
    ];
    let engine = engine().cache(None).build().expect("an engine");
    for (name, help) in cases {
        let error = engine.load(&StrategyRef::BuiltIn(name.to_owned())).await.err().expect(name);
        assert!(error.message().starts_with(&format!("there is no strategy `{name}`; built in are ")), "{error}");
        assert_eq!(error.remedy(), Some(help), "{name}");
    }
}

/// What the misbehaving strategy's deed in its schema ends with.
async fn stopped(deed: &str) -> String {
    let limits =
        Limits { busy: Duration::from_millis(100), handles: 1000, memory_bytes: 16 << 20, ..Limits::default() };
    let engine = engine().limits(limits).cache(None).build().expect("an engine");
    let strategy = engine.load(&StrategyRef::File(misbehaving().to_owned())).await.expect("a strategy");
    let error = strategy.schema(&format!(r#"{{"in_schema":"{deed}"}}"#)).await.expect_err(deed);
    // Whatever one call did, the next one begins afresh.
    assert_eq!(strategy.schema("{}").await.map(|tables| tables.len()), Ok(1), "after {deed}");
    let file = misbehaving().display().to_string();
    error.to_string().replace(&file, "misbehaving.wasm").lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn whatever_a_strategy_does_it_is_stopped_with_a_readable_error() {
    let cases = [
        (
            "panic",
            "plugin: misbehaving.wasm broke off in `schema` in the function `tidegate_guest_misbehaving::Deed::perform`: \
             wasm trap: wasm `unreachable` instruction executed; it says: panicked at \
             tests/guests/misbehaving/src/lib.rs:82:28: the answer is 42",
        ),
        (
            "recurse",
            "plugin: misbehaving.wasm broke off in `schema` in the function `tidegate_guest_misbehaving::recurse`: wasm \
             trap: call stack exhausted",
        ),
        (
            "fetch",
            "plugin: misbehaving.wasm broke off in `schema` in the function `tidegate_sdk::pages::Request::fetch`: only \
             `sync` may call this function of the host",
        ),
        (
            "spin",
            "limit: misbehaving.wasm was stopped in `schema`: 0.1 s of computing without fetching, staging or sealing",
        ),
        (
            "grow",
            "limit: misbehaving.wasm was stopped in `schema`: 17891328 bytes of memory asked for, more than 16777216",
        ),
        ("hoard", "limit: misbehaving.wasm was stopped in `schema`: more than 1000 handles"),
    ];
    for (deed, expected) in cases {
        assert_eq!(stopped(deed).await, expected, "{deed}");
    }
}

#[test]
fn a_run_that_breaks_off_says_what_was_kept() {
    let workspace = Workspace::new();
    std::fs::copy(misbehaving(), workspace.path("odd.wasm")).expect("a component");
    let cases = [
        (
            "panic",
            1,
            "error: users: plugin: ./odd.wasm broke off in `sync` in the function \
             `tidegate_guest_misbehaving::Deed::perform`: wasm trap: wasm `unreachable` instruction executed; it says: \
             panicked at tests/guests/misbehaving/src/lib.rs:82:28: the answer is 42\n  kept: 2 rows up to the last \
             checkpoint\n  help: this is a defect of the strategy: report it to its author, with its version",
        ),
        (
            "authorize",
            1,
            "error: users: plugin: the header `Authorization` is the host's\n  kept: 2 rows up to the last checkpoint",
        ),
        (
            "wander",
            1,
            "error: users: plugin: the path \"//example.com/\" begins with `//`, which would name a host\n  kept: 2 rows up to the last checkpoint",
        ),
    ];
    for (deed, code, expected) in cases {
        let config = format!("in_sync: {deed}");
        workspace.connection("users", "./odd.wasm", "http://127.0.0.1:9", &[&config]);
        let outcome = workspace.run(&["sync", "users.yaml", "--quiet"]);
        assert_eq!((outcome.code, outcome.stderr.trim()), (code, expected), "{deed}");
        assert_eq!(workspace.query("SELECT id FROM user ORDER BY id"), [["1"], ["2"]], "{deed}");
    }
}
