//! A server that is asked from the command line, as an operator and a tenant's administrator do.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Host, Outcome, Rows, variant};

/// Runs the program in the folder of the host, by this token, with this on its standard input.
fn ask_as(host: &Host, token: &str, arguments: &[&str], stdin: &str) -> Outcome {
    let mut command = host.workspace.command(arguments);
    command
        .env("TIDEGATE_SERVER", host.url())
        .env("TIDEGATE_TOKEN", token)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    // It need not read it.
    let _ = child.stdin.take().expect("standard input").write_all(stdin.as_bytes());
    let output = child.wait_with_output().expect("the program ends");
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The same as the operator, which must succeed. Returns what it printed.
fn ask(host: &Host, arguments: &[&str]) -> String {
    let outcome = ask_as(host, host.token(), arguments, "");
    assert_eq!(outcome.code, 0, "{arguments:?}: {outcome:?}");
    outcome.stdout
}

fn ask_json(host: &Host, arguments: &[&str]) -> Value {
    let stdout = ask(host, &[arguments, &["--output", "json"]].concat());
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

/// A file of a connection that reads this source by the strategy of the tests.
fn connection_file(host: &Host, url: &str) {
    let text = format!(
        "# What people write.\nname: rows\nstrategy: variant\nsource:\n  base_url: {url}\n  allow_private_addresses: true\n  \
         auth: {{type: bearer, token: \"${{API_TOKEN}}\"}}\ndestination: {{type: sqlite, path: rows.db}}\n"
    );
    host.workspace.file("rows.yaml", text);
}

#[test]
fn all_that_a_tenant_needs_is_done_from_the_command_line() {
    let (host, source) = (Host::start(), Rows::start(25, Duration::ZERO));
    host.workspace.file("variant.wasm", variant("1.0.0", "plain"));
    connection_file(&host, source.url());

    ask(&host, &["tenants", "create", "acme", "--connections", "3"]);
    let quotas = ask_json(&host, &["tenants", "quotas", "acme", "--concurrent-runs", "2"]);
    assert_eq!((&quotas["quotas"]["connections"], &quotas["quotas"]["concurrent_runs"]), (&3.into(), &2.into()));
    let token = ask(&host, &["tenants", "tokens", "create", "--tenant", "acme", "--label", "mine"]);
    let token = token.trim();
    assert!(token.starts_with("tg_") && !token.contains(char::is_whitespace), "{token}");
    let uploaded = ask_as(&host, host.token(), &["plugins", "upload", "variant.wasm"], "");
    assert_eq!((uploaded.code, uploaded.stderr.contains("variant: active")), (0, true), "{uploaded:?}");

    // As the tenant's administrator, whose tenant needs no name.
    let act = |arguments: &[&str], stdin: &str| ask_as(&host, token, arguments, stdin);
    let put = act(&["secrets", "put", "API_TOKEN"], "hunter2\n");
    assert_eq!(put.code, 0, "{put:?}");
    let secrets = act(&["secrets", "list", "--output", "json"], "");
    assert!(secrets.stdout.contains("API_TOKEN") && !secrets.stdout.contains("hunter2"), "{secrets:?}");
    let put = act(&["connections", "put", "rows.yaml", "--every", "1h", "--paused"], "");
    assert_eq!((put.code, put.stderr.contains("was made")), (0, true), "{put:?}");
    let put = act(&["connections", "put", "rows.yaml"], "");
    assert_eq!((put.code, put.stderr.contains("was replaced")), (0, true), "{put:?}");
    let shown: Value = serde_json::from_str(&act(&["connections", "show", "rows", "--output", "json"], "").stdout)
        .expect("a connection");
    assert_eq!((&shown["schedule"]["every"], &shown["paused"]), (&"1h".into(), &true.into()), "{shown:#}");
    assert_eq!(shown["connection"]["source"]["auth"]["token"], "${API_TOKEN}", "{shown:#}");

    let run = act(&["connections", "run", "rows", "--follow", "--output", "json"], "");
    assert_eq!(run.code, 0, "{run:?}");
    let run: Value = serde_json::from_str(&run.stdout).expect("a run");
    assert_eq!((&run["status"], &run["progress"]["inserted"]), (&"done".into(), &25.into()), "{run:#}");
    assert_eq!(host.rows("acme", "rows", "row"), (25, 25));
    let id = run["id"].as_str().expect("an identifier");
    let shown = act(&["runs", "show", id], "");
    assert!(shown.stdout.contains(id) && shown.stdout.contains("done"), "{shown:?}");
    for arguments in [["runs", "list"], ["connections", "list"], ["plugins", "list"]] {
        let listed = act(&arguments, "");
        assert!(listed.code == 0 && listed.stdout.lines().count() > 1, "{listed:?}");
    }
    let refused = act(&["runs", "cancel", id], "");
    assert_eq!((refused.code, refused.stderr.contains("the run has ended")), (2, true), "{refused:?}");

    for arguments in [&["connections", "resume", "rows"][..], &["connections", "delete", "rows"]] {
        assert_eq!(act(arguments, "").code, 0, "{arguments:?}");
    }
    ask(&host, &["tenants", "delete", "acme"]);
    assert_eq!(ask_json(&host, &["tenants", "list"])["items"], serde_json::json!([]));
}

#[test]
fn a_run_that_fails_ends_with_the_code_that_it_has_without_a_server() {
    let host = Host::start();
    host.tenant("acme");
    // Nobody listens there.
    host.connection("acme", "rows", "keyset", "http://127.0.0.1:9");
    let run = ask_as(&host, host.token(), &["connections", "run", "rows", "--follow", "--tenant", "acme"], "");
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("error: rows: source: ") && run.stderr.contains("help: "), "{run:?}");
}

#[test]
fn versions_are_taken_back_and_brought_again() {
    let host = Host::start();
    for (version, forms) in [("1.0.0", "plain"), ("1.1.0", "greedy")] {
        host.workspace.file("variant.wasm", variant(version, forms));
        ask(&host, &["plugins", "upload", "variant.wasm"]);
    }
    let rollouts = ask_json(&host, &["plugins", "rollouts", "--plugin", "variant", "--most", "1"]);
    let (waiting, id) = (&rollouts["items"][0], rollouts["items"][0]["id"].as_str().expect("an identifier"));
    assert_eq!((&waiting["stage"], rollouts["items"].as_array().map(Vec::len)), (&"awaiting_approval".into(), Some(1)));
    assert_eq!(ask_json(&host, &["plugins", "approve", id])["stage"], "watching");
    let ended = ask_json(&host, &["plugins", "rollback", id, "--reason", "too greedy"]);
    assert_eq!((&ended["stage"], ended.to_string().contains("too greedy")), (&"rolled_back".into(), true));
    let again = ask_json(&host, &["plugins", "activate", "variant", "1.1.0", "--handover", "at-end"]);
    assert_eq!((&again["stage"], &again["handover"]), (&"awaiting_approval".into(), &"at_end".into()));
}

#[test]
fn a_share_of_the_connections_tries_a_version_until_it_is_promoted() {
    let (host, source) = (Host::start(), Rows::start(5, Duration::ZERO));
    host.workspace.file("variant.wasm", variant("1.0.0", "plain"));
    ask(&host, &["plugins", "upload", "variant.wasm"]);
    host.tenant("acme");
    host.connection("acme", "rows", "variant", source.url());
    host.workspace.file("variant.wasm", variant("1.1.0", "plain"));
    let uploaded = ask_as(&host, host.token(), &["plugins", "upload", "variant.wasm", "--share", "10"], "");
    assert_eq!(uploaded.code, 0, "{uploaded:?}");
    for told in ["1 of 1 connections go by it now: acme/rows", "variant: canary; `tidegate plugins promote"] {
        assert!(uploaded.stderr.contains(told), "{uploaded:?}");
    }
    let listed = ask(&host, &["plugins", "list"]);
    assert!(listed.lines().any(|line| line.contains("variant") && line.contains("canary")), "{listed}");
    let rollouts = ask_json(&host, &["plugins", "rollouts", "--plugin", "variant"]);
    let (rollout, id) = (&rollouts["items"][0], rollouts["items"][0]["id"].as_str().expect("an identifier"));
    assert_eq!((&rollout["stage"], &rollout["share"]), (&"canary".into(), &10.into()), "{rollout:#}");
    assert_eq!(ask_json(&host, &["plugins", "promote", id])["stage"], "watching");
    let again = ask_as(&host, host.token(), &["plugins", "promote", id], "");
    assert_eq!((again.code, again.stderr.contains("the rollout is watching")), (2, true), "{again:?}");
    let share = ask_as(&host, host.token(), &["plugins", "upload", "variant.wasm", "--share", "0"], "");
    assert_eq!((share.code, share.stderr.contains("--share")), (2, true), "{share:?}");
}

#[test]
fn a_component_that_is_refused_is_a_failure() {
    let host = Host::start();
    host.workspace.file("variant.wasm", variant("1.0.0", "plain"));
    ask(&host, &["plugins", "upload", "variant.wasm"]);
    let again = ask_as(&host, host.token(), &["plugins", "upload", "variant.wasm"], "");
    assert_eq!((again.code, again.stderr.contains("active already")), (2, true), "{again:?}");
    host.workspace.file("broken.wasm", "not wasm");
    let broken = ask_as(&host, host.token(), &["plugins", "upload", "broken.wasm", "--name", "variant"], "");
    assert_eq!(broken.code, 2, "{broken:?}");

    let source = Rows::start(5, Duration::ZERO);
    host.tenant("acme");
    host.connection("acme", "rows", "variant", source.url());
    host.workspace.file("picky.wasm", variant("2.0.0", "picky"));
    let picky = ask_as(&host, host.token(), &["plugins", "upload", "picky.wasm", "--name", "variant"], "");
    assert_eq!((picky.code, picky.stderr.contains("acme/rows")), (1, true), "{picky:?}");
}

#[test]
fn what_is_wrong_is_told_with_its_code_and_the_remedy() {
    let host = Host::start();
    host.tenant("acme");
    host.workspace.file("broken.yaml", "name: rows\nsource: [\n");
    host.workspace.file("unknown.yaml", "name: rows\nstrategy: keyst\n");
    let token = host.token();
    let cases: [(&str, &[&str], i32, &str); 10] = [
        ("tg_wrong", &["tenants", "list"], 3, "TIDEGATE_TOKEN"),
        ("", &["tenants", "list"], 3, "--token-file"),
        (token, &["tenants", "list", "--server", "http://127.0.0.1:9"], 3, "cannot connect to http://127.0.0.1:9"),
        (token, &["tenants", "list", "--server", "http://tidegate.example"], 2, "--insecure"),
        (token, &["tenants", "list", "--token-file", "absent"], 2, "absent"),
        (token, &["connections", "list"], 2, "--tenant NAME"),
        (token, &["connections", "list", "--tenant", "nobody"], 2, "no such thing"),
        (token, &["connections", "put", "absent.yaml", "--tenant", "acme"], 2, "absent.yaml"),
        (token, &["connections", "put", "broken.yaml", "--tenant", "acme"], 2, "broken.yaml:"),
        (token, &["connections", "put", "unknown.yaml", "--tenant", "acme"], 2, "unknown.yaml: "),
    ];
    for (token, arguments, code, expected) in cases {
        let outcome = ask_as(&host, token, arguments, "");
        assert_eq!(outcome.code, code, "{arguments:?}: {outcome:?}");
        assert!(
            outcome.stderr.contains(expected) && outcome.stderr.starts_with("error: "),
            "{arguments:?}: {outcome:?}"
        );
        assert!(token.is_empty() || !outcome.stderr.contains(token), "{outcome:?}");
    }
}

#[test]
fn whoever_has_the_data_folder_gets_another_operators_token() {
    let mut host = Host::start();
    let first = host.token().to_owned();
    let make = |host: &Host, arguments: &[&str]| {
        let made = host.workspace.run(&[&["serve", "token", "--data", "data"], arguments].concat());
        assert_eq!(made.code, 0, "{made:?}");
        let token = made.stdout.trim().to_owned();
        assert!(token.starts_with("tg_") && !made.stderr.contains(&token), "{made:?}");
        token
    };
    let code = |host: &Host, token: &str| ask_as(host, token, &["tenants", "list"], "").code;
    // While the server runs.
    let second = make(&host, &["--label", "mine"]);
    assert_eq!((code(&host, &first), code(&host, &second)), (0, 0));
    let listed = ask_as(&host, &second, &["tenants", "tokens", "list", "--operators"], "");
    assert!(listed.stdout.contains("mine") && listed.stdout.contains("first"), "{listed:?}");
    // While it does not.
    host.kill();
    let third = make(&host, &["--revoke-others"]);
    host.restart();
    assert_eq!([&first, &second, &third].map(|token| code(&host, token)), [3, 3, 0]);

    let absent = host.workspace.run(&["serve", "token", "--data", "elsewhere"]);
    assert_eq!((absent.code, absent.stderr.contains("no data of a server in `elsewhere`")), (2, true), "{absent:?}");
}
