//! Files that are no strategy, and strategies that misbehave, as their authors and users see it. How each attack ends is
//! in `hostile/table.rs`.

use std::time::Duration;

use tidegate::config::StrategyRef;
use tidegate::plugin::Limits;

use crate::support::{Workspace, engine, misbehaving};

/// Loads a component from a file and compares what its refusal says is to be done.
async fn check_remedy(component: impl AsRef<[u8]>, expected: &str) {
    let workspace = Workspace::new();
    let path = workspace.file("odd.wasm", component);
    let engine = engine().cache(None).build().expect("an engine");
    let error = engine.load(&StrategyRef::File(path)).await.err().expect("it is refused");
    assert_eq!(error.remedy(), Some(expected), "{error}");
}

#[tokio::test]
async fn whoever_has_no_strategy_is_told_how_to_make_one() {
    let component = |text: &str| wat::parse_str(text).expect("a component");
    check_remedy("#!/bin/sh", "a strategy is a component (.wasm); see the README, \"Write a strategy\"").await;
    check_remedy(
        component("(module)"),
        "wrap it with `wasm-tools component new`; the README's \"Write a strategy\" has the command",
    )
    .await;
    check_remedy(component("(component)"), "build it for the world `strategy` of the package tidegate:strategy").await;
    check_remedy(
        component(r#"(component (import "wasi:filesystem/types@0.2.0" (instance)))"#),
        "a strategy has no WASI: build it for wasm32-unknown-unknown, without files, sockets, environment and clock",
    )
    .await;
    check_remedy(
        component(r#"(component (import "tidegate:strategy/pages@0.3.0" (instance)))"#),
        "update Tidegate, or build the strategy for this version",
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

#[tokio::test]
async fn whatever_one_call_did_the_next_one_begins_afresh() {
    let limits =
        Limits { busy: Duration::from_millis(100), handles: 1000, memory_bytes: 16 << 20, ..Limits::default() };
    let engine = engine().limits(limits).cache(None).build().expect("an engine");
    let strategy = engine.load(&StrategyRef::File(misbehaving().to_owned())).await.expect("a strategy");
    for deed in ["panic", "recurse", "fetch", "spin", "grow", "hoard"] {
        strategy.schema(&format!(r#"{{"in_schema":"{deed}"}}"#)).await.expect_err(deed);
        assert_eq!(strategy.schema("{}").await.map(|tables| tables.len()), Ok(1), "after {deed}");
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
             panicked at tests/guests/misbehaving/src/lib.rs:80:28: the answer is 42\n  kept: 2 rows up to the last \
             checkpoint\n  help: this is a defect of the strategy: report it to its author, with its version",
        ),
        (
            "authorize",
            1,
            "error: users: plugin: the header `Authorization` is the host's\n  kept: 2 rows up to the last checkpoint",
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
