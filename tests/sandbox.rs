//! What the sandbox promises a platform team, seen from outside the host.

use std::time::Duration;

use tidegate::config::StrategyRef;
use tidegate::error::{Error, Origin};
use tidegate::plugin::Limits;

use crate::support::{Source, Workspace, engine, hostile, misbehaving};

/// The error that compiling this component ends with, under these limits.
async fn compile(component: &[u8], limits: Limits) -> Error {
    let workspace = Workspace::new();
    let path = workspace.file("bomb.wasm", component);
    let engine = engine().limits(limits).cache(None).build().expect("an engine");
    let refused = engine.load(&StrategyRef::File(path)).await.err().expect("a refusal");
    // The host goes on.
    assert!(engine.load(&StrategyRef::BuiltIn("keyset".to_owned())).await.is_ok() || limits != Limits::default());
    refused
}

/// A component that exports what a strategy does, with a module inside that costs a compiler more than it shows: one
/// function of so many branches.
fn bomb(branches: usize) -> Vec<u8> {
    let body = "(local.set 0 (i32.add (local.get 0) (i32.mul (local.get 0) (i32.const 3))))\
                (if (local.get 0) (then (local.set 1 (i32.div_s (local.get 0) (i32.const 7)))))"
        .repeat(branches);
    let exports: String = ["describe", "schema", "sync", "migrate-state"]
        .map(|name| format!(r#"(export "{name}" (func $nothing))"#))
        .concat();
    let text = format!(
        r#"(component
            (core module $module
                (func (export "nothing"))
                (func (export "bomb") (param i32 i32) (result i32) {body} local.get 1))
            (core instance $instance (instantiate $module))
            (func $nothing (canon lift (core func $instance "nothing")))
            {exports})"#
    );
    wat::parse_str(text).expect("a component")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compile_bomb_ends_with_the_limit_that_it_reached_and_the_host_goes_on() {
    let bomb = bomb(60_000);
    let cases = [
        (Limits { compile_time: Duration::from_millis(300), ..Limits::default() }, "compiling took longer than 0.3 s"),
        (
            Limits { compile_cpu: Duration::from_secs(1), ..Limits::default() },
            "compiling took more than 1 s of processor time",
        ),
        (
            Limits { compile_memory_bytes: 100 << 20, ..Limits::default() },
            "compiling took more than 104857600 bytes of memory",
        ),
        (
            Limits { compile_output_bytes: 10_000, ..Limits::default() },
            "the compiled component has more than 10000 bytes",
        ),
    ];
    for (limits, expected) in cases {
        // A small component is enough output.
        let small;
        let component = if limits.compile_output_bytes < bomb.len() {
            small = self::bomb(10);
            &small
        } else {
            &bomb
        };
        let error = compile(component, limits).await;
        assert_eq!((error.origin(), error.code()), (Origin::Limit, "limit.compile"), "{error}");
        assert!(error.message().ends_with(expected), "{error}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_this_one_compiles_nothing() {
    let workspace = Workspace::new();
    let path = workspace.file("small.wasm", bomb(1));
    // It ends well, and hands over something else than the machine code that it was asked for.
    let engine = engine().compiler("/bin/echo").cache(None).build().expect("an engine");
    let error = engine.load(&StrategyRef::File(path)).await.err().expect("a refusal");
    assert!(error.message().ends_with("the process that compiles is not the same program as this one"), "{error}");
}

#[test]
fn a_component_that_does_not_validate_is_refused_by_the_process_that_compiles() {
    let workspace = Workspace::new();
    let mut component = bomb(1);
    let at = component.len() / 2;
    component[at] ^= 0x55;
    workspace.file("broken.wasm", component);
    let outcome = workspace.run(&["describe", "broken.wasm"]);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("plugin: broken.wasm: "), "{outcome:?}");
}

#[test]
fn a_compiled_component_that_this_host_did_not_write_is_compiled_anew() {
    let workspace = Workspace::new();
    let cache = workspace.path("cache");
    let describe = |strategy: &str| {
        let mut command = workspace.command(&["describe", strategy]);
        let command = command.env("TIDEGATE_CACHE_DIR", &cache).env("XDG_DATA_HOME", workspace.path("data"));
        let output =
            command.env("HOME", workspace.path("home")).env("TIDEGATE_LOG", "debug").output().expect("the program");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        said.contains("was not written by this host, or has changed: compiling anew")
    };
    let files = || {
        let files = std::fs::read_dir(&cache).expect("the cache");
        let mut files: Vec<_> = files.map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        files
    };
    assert!(!describe("keyset"));
    let keyset = files().remove(0);
    let genuine = std::fs::read(&keyset).expect("a file");
    assert!(!describe("keyset"), "it is what this host wrote");

    assert!(!describe("offset"));
    let offset = files().into_iter().find(|file| *file != keyset).expect("another file");
    let other = std::fs::read(offset).expect("a file");
    let mut bent = genuine.clone();
    let middle = bent.len() / 2;
    bent[middle] ^= 1;
    let forgeries =
        [("of another component", other), ("with another bit", bent), ("cut short", genuine[..middle].to_vec())];
    for (what, forgery) in forgeries {
        std::fs::write(&keyset, forgery).expect("written");
        assert!(describe("keyset"), "{what}");
        assert!(std::fs::read(&keyset).expect("a file") == genuine, "replaced after one {what}");
        assert!(!describe("keyset"), "after one {what}");
    }
}

#[test]
fn whatever_happens_in_one_sync_the_others_go_on() {
    let (workspace, source) = (Workspace::new(), Source::start(500, 100));
    std::fs::copy(misbehaving(), workspace.path("odd.wasm")).expect("a component");
    let deeds = ["panic", "spin", "recurse", "grow", "hoard"];
    for deed in deeds {
        workspace.connection(deed, "./odd.wasm", &source.url(), &[&format!("in_sync: {deed}")]);
        // Each has a database of its own, so that none waits for another's commit.
        let text = std::fs::read_to_string(workspace.path(&format!("{deed}.yaml"))).expect("a connection");
        workspace.file(&format!("{deed}.yaml"), text.replace("test.db", &format!("{deed}.db")));
    }
    workspace.connection("honest", "keyset", &source.url(), &[]);
    let files = deeds.iter().chain(&["honest"]).map(|name| format!("{name}.yaml")).collect::<Vec<_>>();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let options = ["--limit", "busy=500ms", "--output", "json"];
    let outcome = workspace.run(&[&["sync"], files.as_slice(), &options].concat());
    assert_eq!(outcome.code, 4, "{outcome:?}");
    let reports: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("reports");
    for report in reports.as_array().expect("a list") {
        let expected = if report["name"] == "honest" { "done" } else { "failed" };
        assert_eq!(report["status"], expected, "{report}");
        assert!(report["name"] == "honest" || report["inserted"] == 2, "up to its checkpoint: {report}");
    }
    assert_eq!(workspace.query("SELECT count(*) FROM user"), [["500"]]);
}

#[test]
fn what_a_strategy_says_steers_no_terminal() {
    let workspace = Workspace::new();
    std::fs::copy(hostile().join("control_characters_in_names.wasm"), workspace.path("odd.wasm")).expect("a component");
    workspace.connection("users", "./odd.wasm", "http://127.0.0.1:9", &[]);
    assert_eq!(workspace.run(&["sync", "users.yaml"]).code, 0);
    let shown = r"evil\u{1b}[2J\r\nerror: all is well\u{9b}31m\u{202e}";
    let in_json = r"evil\u001b[2J\r\nerror: all is well\u009b31m\u202e";
    let cases: [(&[&str], &str); 9] = [
        (&["describe", "odd.wasm"], shown),
        (&["describe", "odd.wasm", "--output", "json"], in_json),
        (&["schema", "users.yaml"], shown),
        (&["schema", "users.yaml", "--output", "json"], in_json),
        (&["init", "odd.wasm", "--file", "-"], shown),
        (&["check", "users.yaml"], shown),
        (&["state", "show", "users.yaml"], r#"{"\u009b2J": "\u202e"}"#),
        (&["state", "show", "users.yaml", "--output", "json"], r#""\u009b2J": "\u202e""#),
        (&["sync", "users.yaml", "--output", "json"], r#""\u009b2J": "\u202e""#),
    ];
    for (command, expected) in cases {
        let outcome = workspace.run(command);
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains(expected), "{command:?}: {said:?}");
        assert!(!said.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{command:?}: {said:?}");
        assert!(!said.lines().any(|line| line.trim().starts_with("error: all is well")), "{command:?}: {said}");
        if command.contains(&"json") {
            serde_json::from_str::<serde_json::Value>(&outcome.stdout)
                .unwrap_or_else(|error| panic!("{error}: {said}"));
        }
    }
}
