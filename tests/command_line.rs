//! What the command line promises: its flags, its reports and its exit codes.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use serde_json::{Value, json};

use crate::support::{Api, RawServer, Server, Step, Workspace, free_port};

const STRATEGIES: [&str; 5] = ["keyset", "offset", "timestamp", "step-size", "replay"];

/// The only connection of most tests: all 200 records, 50 a page.
fn connected(api: &Api) -> Workspace {
    let workspace = Workspace::new();
    workspace.connection("users", "keyset", &api.url(), &[]);
    workspace
}

/// Runs the program and expects it to end with `code`. Returns what it printed on standard output.
fn run(workspace: &Workspace, arguments: &[&str], code: i32) -> String {
    let outcome = workspace.run(arguments);
    assert_eq!(outcome.code, code, "{arguments:?}: {outcome:?}");
    outcome.stdout
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The names of an object's members, in their order.
fn keys(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// All that a run must not change when it only tries.
fn content(workspace: &Workspace) -> [Vec<Vec<String>>; 2] {
    [
        workspace.query("SELECT * FROM user ORDER BY id"),
        workspace.query("SELECT connection, state FROM _tidegate_state"),
    ]
}

#[test]
fn a_report_has_all_its_fields_whether_the_run_ends_well_or_not() {
    let api = Api::start();
    let workspace = connected(&api);
    let fields = [
        "name",
        "strategy",
        "plugin_digest",
        "status",
        "retry_at",
        "requests",
        "retries",
        "rows_read",
        "inserted",
        "updated",
        "unchanged",
        "deleted",
        "checkpoints",
        "bytes_in",
        "cpu_seconds",
        "memory_bytes",
        "seconds",
        "state",
        "error",
    ];
    let done = workspace.sync("users.yaml", &[]);
    assert_eq!(keys(&done), fields);
    let facts = ["name", "strategy", "status", "inserted", "retries", "error"].map(|name| &done[name]);
    assert_eq!(json!(facts), json!(["users", "keyset", "done", 200, 0, null]));
    assert!(done["rows_read"].as_u64() >= Some(200) && done["requests"].as_u64() >= Some(4), "{done}");
    assert_eq!(done["plugin_digest"].as_str().map(str::len), Some(64), "{done}");
    assert!(done["bytes_in"].as_u64() > Some(10_000) && done["checkpoints"].as_u64() >= Some(1), "{done}");
    assert!(done["cpu_seconds"].as_f64() > Some(0.0) && done["memory_bytes"].as_u64() >= Some(65_536), "{done}");
    assert!(done["state"]["last_updated_at"].is_string(), "{done}");

    let failed = workspace.sync("users.yaml", &["--set", "config.path=/nowhere"]);
    assert_eq!(keys(&failed), fields);
    assert_eq!(json!([failed["status"], failed["error"]["code"]]), json!(["failed", "source.status"]), "{failed}");
    assert_eq!(failed["state"], done["state"], "{failed}");
}

#[test]
fn exit_codes_tell_what_failed() {
    let api = Api::start();
    let html = RawServer::with("200 OK", "text/html", "<html></html>");
    let closed = RawServer::answering("HTTP/1.1 503 Closed\r\nRetry-After: 86400\r\nContent-Length: 0\r\n\r\n");
    let nobody = format!("source.base_url=http://127.0.0.1:{}", free_port());
    let odd = format!("source.base_url={}", html.url());
    let later = format!("source.base_url={}", closed.url());
    let workspace = connected(&api);
    workspace.connection("other", "keyset", &html.url(), &["table: other"]);
    let cases: [(i32, &[&str]); 13] = [
        (0, &["sync", "users.yaml"]),
        (1, &["sync", "users.yaml", "--set", &odd]),
        (2, &["sync", "users.yaml", "--set", "sorce.base_url=x"]),
        (2, &["sync", "users.yaml", "--set", "config.page_size=none"]),
        (2, &["sync", "users.yaml", "--set", "destination.path=no/such.db"]),
        (2, &["sync", "users.yaml", "--no-such-flag"]),
        (2, &["sync", "users.yaml", "users.yaml"]),
        (3, &["sync", "users.yaml", "--set", "source.retry.attempts=1", "--set", &nobody]),
        (3, &["check", "users.yaml", "--set", &nobody]),
        (4, &["sync", "users.yaml", "other.yaml"]),
        (0, &["sync", "users.yaml", "--limit-requests", "1"]),
        (75, &["sync", "users.yaml", "--set", &later]),
        (1, &["check", "users.yaml", "--set", &later]),
    ];
    for (code, arguments) in cases {
        run(&workspace, arguments, code);
    }
}

#[test]
fn a_dry_run_tells_what_would_change_and_changes_nothing() {
    let mut api = Api::start();
    let workspace = connected(&api);
    let first = workspace.sync("users.yaml", &["--dry-run"]);
    assert_eq!(first["inserted"], 200, "{first}");
    assert_eq!(fs::read_dir(workspace.path("")).expect("the folder").count(), 1, "only the connection file is there");

    workspace.sync("users.yaml", &[]);
    let before = content(&workspace);
    api.touch(7);
    for arguments in [&["--dry-run"][..], &["--dry-run", "--full-refresh"]] {
        let report = workspace.sync("users.yaml", arguments);
        assert_eq!(report["updated"], 7, "{report}");
        assert_eq!(content(&workspace), before, "{arguments:?}");
    }
}

#[test]
fn a_run_of_few_requests_is_gone_on_with_by_the_next() {
    let api = Api::start();
    let workspace = connected(&api);
    let limited = workspace.sync("users.yaml", &["--limit-requests", "2"]);
    assert_eq!(json!([limited["status"], limited["requests"], limited["error"]]), json!(["limited", 2, null]));
    let rows = limited["inserted"].as_u64().expect("a count");
    assert!((1..200).contains(&rows), "{limited}");
    let rest = workspace.sync("users.yaml", &[]);
    assert_eq!(json!([rest["status"], rest["inserted"]]), json!(["done", 200 - rows]), "{rest}");
}

#[test]
fn a_full_refresh_that_does_not_end_leaves_everything_as_it_was() {
    let api = Api::start();
    let workspace = connected(&api);
    workspace.sync("users.yaml", &[]);
    let before = content(&workspace);
    let limited = workspace.sync("users.yaml", &["--full-refresh", "--limit-requests", "2"]);
    assert_eq!(limited["status"], "limited", "{limited}");
    assert_eq!(content(&workspace), before);
    assert_eq!(
        vec![vec!["users".to_owned(), limited["state"].to_string()]],
        before[1],
        "the report has the state kept"
    );
    let outcome = workspace.run(&["sync", "users.yaml", "--full-refresh", "--limit-requests", "2"]);
    assert!(outcome.stderr.contains("the old rows stay as they were"), "{outcome:?}");
    for _ in 0..2 {
        let whole = workspace.sync("users.yaml", &["--full-refresh"]);
        let counts = ["inserted", "updated", "unchanged", "deleted"].map(|name| &whole[name]);
        assert_eq!(json!(counts), json!([0, 0, 200, 0]), "{whole}");
    }
}

#[test]
fn a_state_can_be_shown_set_and_reset() {
    let api = Api::start();
    let workspace = connected(&api);
    assert_eq!(run(&workspace, &["state", "show", "users.yaml"], 0), "");
    assert!(!workspace.path("test.db").exists(), "looking creates nothing");
    let state = workspace.sync("users.yaml", &[])["state"].take();
    assert_eq!(parse(&run(&workspace, &["state", "show", "users.yaml"], 0)), state);
    let shown = parse(&run(&workspace, &["state", "show", "users.yaml", "--output", "json"], 0));
    assert_eq!(keys(&shown), ["state", "version", "plugin_digest"]);
    assert_eq!(shown["state"], state);

    run(&workspace, &["state", "reset", "users.yaml"], 0);
    assert_eq!(run(&workspace, &["state", "show", "users.yaml"], 0), "");
    let again = workspace.sync("users.yaml", &[]);
    assert_eq!(json!([again["inserted"], again["updated"]]), json!([0, 0]), "{again}");
    assert!(again["unchanged"].as_u64() >= Some(200), "{again}");

    // From a state that was set a run goes on, also where nothing is yet.
    for destination in ["destination.path=test.db", "destination.path=fresh.db"] {
        run(&workspace, &["state", "set", "users.yaml", &state.to_string(), "--set", destination], 0);
        let report = workspace.sync("users.yaml", &["--set", destination]);
        assert!(report["rows_read"].as_u64() < Some(10), "{report}");
        assert_eq!(report["state"], state, "{report}");
    }
    run(&workspace, &["state", "set", "users.yaml", "{not json"], 2);
}

#[test]
fn keys_can_be_set_from_the_command_line_and_no_slip_shows_a_secret() {
    let api = Api::start();
    let workspace = connected(&api);
    let to_other = ["--set", "destination.path=other.db", "--set", "config.table=people", "--set", "name=mine"];
    let report = workspace.sync("users.yaml", &to_other);
    assert_eq!(json!([report["name"], report["inserted"]]), json!(["mine", 200]), "{report}");
    assert!(workspace.path("other.db").exists() && !workspace.path("test.db").exists());
    let slips = [
        "hunter2",
        "source.auth.token: hunter2",
        "source.auth.token: hunter2=",
        "source.auth.token=hunter2",
        "source.auth={type: bearer, tokn: hunter2}",
        "source.auth={type: bearer, token: [hunter2]}",
        "source.auth.token=\"hunter2",
    ];
    for slip in slips {
        let outcome = workspace.run(&["sync", "users.yaml", "--set", slip]);
        assert!(outcome.code == 2 && !outcome.stderr.contains("hunter2"), "{slip}: {outcome:?}");
    }
}

#[test]
fn check_says_line_by_line_what_is_right_and_what_is_wrong() {
    let api = Api::start();
    let workspace = connected(&api);
    let steps = |arguments: &[&str], code| {
        let said = run(&workspace, &[&["check", "users.yaml"], arguments].concat(), code);
        let mark = |line: &str| line.trim().chars().next().filter(|first| "✓✗".contains(*first));
        said.lines().filter_map(mark).collect::<String>()
    };
    assert_eq!(steps(&[], 0), "✓✓✓✓✓✓");
    assert_eq!(steps(&["--set", "destination.path=no/such.db"], 2), "✓✓✓✗");
    assert_eq!(steps(&["--set", "config.path=/nowhere"], 1), "✓✓✓✓✗");
    assert_eq!(steps(&["--set", &format!("source.base_url=http://127.0.0.1:{}", free_port())], 3), "✓✓✗");
    assert_eq!(steps(&["--set", "strategy=./no.wasm"], 2), "✗");
    assert!(!workspace.path("test.db").exists(), "checking creates nothing");
}

#[test]
fn check_looks_at_the_answer_that_comes_in_the_end() {
    const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    const MOVED: &[u8] = b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
    const EMPTY: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"data\":[]}";
    const LATER: &[u8] = b"HTTP/1.1 429 Slow\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n";
    // The first answer is the one to whether the source is there.
    let cases: [(&[&'static [u8]], i32, &str); 5] = [
        (&[EMPTY, BUSY, EMPTY], 0, "✓ first request"),
        (&[EMPTY, MOVED, EMPTY], 0, "✓ first request"),
        (&[EMPTY, BUSY], 1, "✗ first request  GET /pagination/keyset: 503 Service Unavailable after 3 attempts"),
        (&[EMPTY, MOVED, BUSY], 1, "✗ first request  GET /pagination/keyset: 503 Service Unavailable after 3 attempts"),
        (&[EMPTY, LATER], 1, "✗ first request  the source asks to come back at "),
    ];
    for (answers, code, expected) in cases {
        let asked = AtomicUsize::new(0);
        let server = Server::start(move |_| {
            let number = asked.fetch_add(1, Relaxed).min(answers.len() - 1);
            vec![Step::Send(answers[number].to_vec())]
        });
        let workspace = Workspace::new();
        workspace.connection("users", "keyset", &server.url(), &[]);
        let said = run(&workspace, &["check", "users.yaml"], code);
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn every_strategy_describes_itself_and_writes_a_connection_file_that_is_right() {
    let workspace = Workspace::new();
    for strategy in STRATEGIES {
        let described = parse(&run(&workspace, &["describe", strategy, "--output", "json"], 0));
        assert_eq!(json!([described["name"], described["contract"]]), json!([strategy, "0.1.0"]));
        assert!(described["config_schema"]["properties"]["table"].is_object(), "{described}");
        let imports = described["imports"].as_array().expect("a list");
        assert!(imports.iter().all(|name| name.as_str().is_some_and(|name| name.starts_with("tidegate:strategy/"))));
        assert!(run(&workspace, &["describe", strategy], 0).contains("configuration"), "{strategy}");

        let file = format!("{strategy}.yaml");
        run(&workspace, &["init", strategy], 0);
        run(&workspace, &["init", strategy], 2);
        let tables = parse(&run(&workspace, &["schema", &file, "--output", "json"], 0));
        assert_eq!(keys(&tables[0]), ["name", "primary_key", "columns"], "{strategy}");

        // All that is commented out may be commented in, as it stands.
        let text = fs::read_to_string(workspace.path(&file)).expect("the file");
        let (head, config) = text.split_once("\nconfig:\n").expect("a configuration");
        let is_key = |line: &str| {
            line.strip_prefix("  # ").is_some_and(|key| {
                key.split_once(':').is_some_and(|(key, _)| described["config_schema"]["properties"].get(key).is_some())
            })
        };
        let config = config.lines().map(|line| if is_key(line) { line.replacen("# ", "", 1) } else { line.to_owned() });
        let full = format!("{head}\nconfig:\n{}\n", config.collect::<Vec<_>>().join("\n"));
        workspace.file("full.yaml", full);
        run(&workspace, &["schema", "full.yaml"], 0);
    }
}

#[test]
fn completions_are_written_for_every_shell() {
    let workspace = Workspace::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&workspace, &["completions", shell], 0);
        assert!(script.contains("full-refresh"), "{shell}: {script}");
    }
}
