//! Where records go: an SQLite file and JSONL, as a file and on standard output.

use std::collections::BTreeSet;
use std::fs;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Api, Workspace};

/// Writes `lines.yaml`: all records as JSONL to this path.
fn lines_to(api: &Api, path: &str, state: Option<&str>) -> Workspace {
    let workspace = Workspace::new();
    let state = state.map_or_else(String::new, |state| format!("  state: {state}\n"));
    workspace.file(
        "lines.yaml",
        format!(
            "strategy: keyset\nsource:\n  base_url: {}\n  allow_private_addresses: true\n\
             destination:\n  type: jsonl\n  path: \"{path}\"\n{state}",
            api.url()
        ),
    );
    workspace
}

/// The lines of a text, each parsed.
fn parse(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The IDs of the rows, and how many rows there are.
fn ids(lines: &[Value]) -> (BTreeSet<&str>, usize) {
    let rows: Vec<_> = lines.iter().filter_map(|line| line["row"]["id"].as_str()).collect();
    (rows.iter().copied().collect(), rows.len())
}

#[test]
fn a_jsonl_file_is_gone_on_with_behind_its_last_checkpoint() {
    let api = Api::start();
    let workspace = lines_to(&api, "out.jsonl", None);
    let read = || fs::read_to_string(workspace.path("out.jsonl")).expect("the file");
    let limited = workspace.sync("lines.yaml", &["--limit-requests", "2"]);
    assert_eq!(limited["status"], "limited", "{limited}");
    assert!(parse(&read()).last().is_some_and(|line| line.get("checkpoint").is_some()), "{limited}");
    // As a run leaves it that is killed while it writes.
    workspace
        .file("out.jsonl", read() + "{\"op\":\"upsert\",\"table\":\"user\",\"row\":{\"id\":\"x\"}}\n{\"op\":\"ups");

    let rest = workspace.sync("lines.yaml", &[]);
    assert_eq!(rest["status"], "done", "{rest}");
    let lines = parse(&read());
    let (ids, rows) = ids(&lines);
    assert_eq!((ids.len(), ids.contains("x")), (200, false));
    assert_eq!(json!(rows), json!(limited["inserted"].as_u64().unwrap_or(0) + rest["inserted"].as_u64().unwrap_or(0)));
    let shown = workspace.run(&["state", "show", "lines.yaml"]);
    assert_eq!(shown.stdout.trim(), lines[lines.len() - 1]["checkpoint"]["state"].as_str().expect("a state"));

    let refreshed = workspace.sync("lines.yaml", &["--full-refresh"]);
    assert_eq!(refreshed["status"], "done", "{refreshed}");
    let lines = parse(&read());
    assert_eq!(lines[0], json!({"op": "truncate", "table": "user"}));
    let (ids, rows) = self::ids(&lines);
    assert_eq!((ids.len(), json!(rows)), (200, refreshed["inserted"].clone()));
}

#[test]
fn standard_output_has_nothing_but_lines() {
    let api = Api::start();
    let workspace = lines_to(&api, "-", Some("state.json"));
    let first = workspace.run(&["sync", "lines.yaml"]);
    assert!(first.code == 0 && first.stderr.contains(" done "), "{first:?}");
    let lines = parse(&first.stdout);
    assert_eq!(ids(&lines).0.len(), 200);
    assert!(lines.last().is_some_and(|line| line.get("checkpoint").is_some()), "{first:?}");

    let second = workspace.run(&["sync", "lines.yaml", "--output", "json"]);
    assert!(ids(&parse(&second.stdout)).1 < 10, "the state file has what was read: {second:?}");
    assert!(second.stderr.contains("\"status\": \"done\""), "{second:?}");

    let workspace = lines_to(&api, "out.jsonl", None);
    let by_flag = workspace.run(&["sync", "lines.yaml", "--set", "destination.path=-", "--quiet"]);
    assert_eq!((by_flag.code, ids(&parse(&by_flag.stdout)).0.len(), by_flag.stderr.as_str()), (0, 200, ""));
}

#[test]
fn what_is_no_destination_is_left_as_it_was() {
    let api = Api::start();
    let workspace = Workspace::new();
    workspace.connection("users", "keyset", &api.url(), &[]);
    workspace.file("notes.txt", "some notes\n");
    let database = Connection::open(workspace.path("theirs.db")).expect("a database");
    database.execute_batch("CREATE TABLE user (id); INSERT INTO user VALUES (1)").expect("a table");
    let cases = [
        ("sqlite", "notes.txt", "is no SQLite database"),
        ("jsonl", "notes.txt", "has content that Tidegate did not write"),
        ("sqlite", "no/such.db", "there is no directory"),
        ("jsonl", "no/such.jsonl", "there is no directory"),
        ("sqlite", ".", "is a directory"),
        ("sqlite", "theirs.db", "was not made by Tidegate"),
    ];
    for (kind, path, message) in cases {
        let (kind, path) = (format!("destination.type={kind}"), format!("destination.path={path}"));
        let outcome = workspace.run(&["sync", "users.yaml", "--set", &kind, "--set", &path]);
        assert!(outcome.code == 2 && outcome.stderr.contains(message), "{kind} {path}: {outcome:?}");
    }
    assert_eq!(fs::read_to_string(workspace.path("notes.txt")).expect("the notes"), "some notes\n");
    let rows = database.query_row("SELECT count(*), sum(id) FROM user", [], |row| Ok((row.get(0)?, row.get(1)?)));
    assert_eq!(rows, Ok((1, 1)));
}

#[test]
fn of_two_runs_of_one_connection_the_later_one_wins_and_nothing_is_lost() {
    let api = Api::start();
    let workspace = Workspace::new();
    workspace.connection("users", "offset", &api.url(), &["page_size: 5"]);
    let spawn = || {
        let mut command = workspace.command(&["sync", "users.yaml"]);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command.spawn().expect("the program starts")
    };
    let mut runs: Vec<_> = (0..4).map(|_| spawn()).collect();
    let codes: Vec<_> = runs.iter_mut().map(|run| run.wait().expect("it ends").code()).collect();
    assert!(codes.contains(&Some(0)), "{codes:?}");
    assert!(codes.iter().all(|code| matches!(code, Some(0 | 1))), "{codes:?}");
    let report = workspace.sync("users.yaml", &[]);
    assert_eq!(json!([report["inserted"], report["updated"]]), json!([0, 0]), "{report}");
    assert_eq!(workspace.query("SELECT count(*), count(DISTINCT id) FROM user"), [["200", "200"]]);
}
