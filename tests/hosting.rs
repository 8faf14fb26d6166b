//! Many tenants in one process: strategies that are swapped while it runs, a host that is stopped or killed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Host, Rows, variant};

const WASM: &str = "application/wasm";

/// A tenant `acme` with a connection `rows` of so many rows, which goes by version 1.0.0.
fn hosted(rows: u32, latency: Duration) -> (Host, Rows) {
    let (host, source) = (Host::start(), Rows::start(rows, latency));
    assert_eq!(roll_out(&host, "1.0.0", "plain", "")["stage"], "done");
    host.tenant("acme");
    host.connection("acme", "rows", "variant", source.url());
    (host, source)
}

/// Uploads a version, and waits until its rollout has come to rest.
fn roll_out(host: &Host, version: &str, forms: &str, query: &str) -> Value {
    let (status, rollout) = host.send("PUT", &format!("/v1/plugins/variant{query}"), WASM, variant(version, forms));
    assert_eq!(status, 202, "{rollout:#}");
    at_rest(host, &rollout)
}

fn at_rest(host: &Host, rollout: &Value) -> Value {
    let path = format!("/v1/rollouts/{}", rollout["id"].as_str().expect("an identifier"));
    host.wait_for("the end of the checks", || Some(host.get(&path)).filter(|rollout| rollout["stage"] != "checking"))
}

fn approve(host: &Host, rollout: &Value) -> Value {
    let path = format!("/v1/rollouts/{}/approve", rollout["id"].as_str().expect("an identifier"));
    let (status, approved) = host.call("POST", &path, json!({}));
    assert_eq!(status, 202, "{approved:#}");
    at_rest(host, &approved)
}

fn digest(host: &Host, version: &str) -> String {
    let plugins = host.get("/v1/plugins");
    let versions = plugins["items"].as_array().expect("versions");
    let found = versions.iter().find(|plugin| plugin["name"] == "variant" && plugin["version"] == version);
    found.unwrap_or_else(|| panic!("{version} is not in {plugins:#}"))["digest"].as_str().expect("a digest").to_owned()
}

/// The active versions of the strategy: there must be one.
fn active(host: &Host) -> String {
    let plugins = host.get("/v1/plugins");
    let versions = plugins["items"].as_array().expect("versions").iter();
    let active: Vec<_> = versions.filter(|plugin| plugin["name"] == "variant" && plugin["active"] == true).collect();
    assert_eq!(active.len(), 1, "{plugins:#}");
    active[0]["version"].as_str().expect("a version").to_owned()
}

#[test]
fn components_come_in_from_a_watched_folder_whenever_they_change() {
    let mut host = Host::start();
    let folder = host.workspace.path("components");
    std::fs::create_dir(&folder).expect("a folder");
    let file = folder.join("any-name.wasm");
    let put = |component: Vec<u8>| std::fs::write(&file, component).expect("a file");
    let wait_for = |host: &Host, version: &str| {
        host.wait_for(version, || host.get("/v1/plugins").to_string().contains(version).then(|| active(host)))
    };
    put(variant("1.0.0", "plain"));
    host.restart_with(&["--watch", "components"]);
    assert_eq!(wait_for(&host, "1.0.0"), "1.0.0");
    // What is refused does not keep the next one out.
    put(b"no component".to_vec());
    std::thread::sleep(Duration::from_secs(2));
    put(variant("1.1.0", "plain"));
    host.wait_for("the new version", || Some(wait_for(&host, "1.1.0")).filter(|active| active == "1.1.0"));
    let brought_by = |plugin: &Value| (plugin["name"] == "variant").then(|| plugin["uploaded_by"].clone());
    let plugins = host.get("/v1/plugins");
    let brought_by: Vec<_> = plugins["items"].as_array().expect("versions").iter().filter_map(brought_by).collect();
    assert_eq!(brought_by, ["watched folder", "watched folder"]);
}

#[test]
fn a_run_goes_on_with_the_new_version_from_its_next_checkpoint() {
    let cases = [("", "1.1.0"), ("?handover=at_end", "1.0.0")];
    for (query, expected) in cases {
        let (host, _source) = hosted(1_000, Duration::from_millis(20));
        host.run("acme", "rows");
        host.wait_for("rows of the first version", || {
            Some(host.rows("acme", "rows", "row")).filter(|(rows, _)| *rows > 0)
        });
        assert_eq!(roll_out(&host, "1.1.0", "plain", query)["stage"], "watching");
        let run = host.wait_for("the end of the run", || {
            Some(host.runs("acme", "rows").remove(0)).filter(|run| run["ended_at"].is_string())
        });
        assert_eq!(run["status"], "done", "{run:#}");
        assert_eq!(run["plugin_digest"], digest(&host, expected), "{run:#}");
        assert_eq!(run["progress"]["inserted"], 1_000, "{run:#}");
        assert_eq!(host.rows("acme", "rows", "row"), (1_000, 1_000));
        let next = host.run_to_its_end("acme", "rows");
        assert_eq!(next["plugin_digest"], digest(&host, "1.1.0"), "{next:#}");
    }
}

#[test]
fn a_version_that_does_not_suit_is_refused_and_says_why() {
    let (host, _source) = hosted(25, Duration::ZERO);
    let at_once =
        [(b"not wasm".to_vec(), 422), (variant("1.0.0", "with other bytes"), 409), (variant("1.0.0", "plain"), 409)];
    for (component, expected) in at_once {
        let (status, problem) = host.send("PUT", "/v1/plugins/variant", WASM, component);
        assert_eq!(status, expected, "{problem:#}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 20), "{problem:#}");
    }
    assert_eq!(components(&host).len(), 1, "what was refused at once leaves nothing");
    let (status, problem) = host.send("PUT", "/v1/plugins/another", WASM, variant("1.0.1", "plain"));
    assert_eq!((status, problem["detail"].to_string().contains("calls itself `variant`")), (422, true), "{problem:#}");

    host.run_to_its_end("acme", "rows");
    let in_its_rollout = [
        ("2.0.0", "picky", "a configuration that nobody has"),
        ("2.0.1", "renamed forgetful", "knows no way from there"),
    ];
    for (version, forms, reason) in in_its_rollout {
        let rollout = roll_out(&host, version, forms, "");
        assert_eq!(rollout["stage"], "refused", "{rollout:#}");
        let last = rollout["steps"].as_array().and_then(|steps| steps.last()).expect("a step");
        let what = last["what"].as_str().expect("a text");
        assert!(what.contains(reason) && what.contains("acme/rows"), "{rollout:#}");
        assert_eq!(active(&host), "1.0.0");
    }
    assert_eq!(host.run_to_its_end("acme", "rows")["status"], "done");
}

/// The files of components that the host keeps.
fn components(host: &Host) -> Vec<String> {
    let files = std::fs::read_dir(host.workspace.path("data/plugins")).expect("a folder");
    files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn components_that_a_crash_left_go_with_the_next_start() {
    let (mut host, _source) = hosted(5, Duration::ZERO);
    let kept = format!("{}.wasm", digest(&host, "1.0.0"));
    host.kill();
    for left in [".staged-x1".to_owned(), format!("{}.wasm", "ab".repeat(32))] {
        std::fs::write(host.workspace.path("data/plugins").join(left), "left").expect("a file");
    }
    host.restart();
    assert_eq!(components(&host), [kept]);
    goes_by(&host, "rows", "1.0.0");
}

#[test]
fn one_component_that_many_upload_at_once_is_kept_once() {
    let host = Host::start();
    let component = variant("1.0.0", "plain");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let upload = || host.send("PUT", "/v1/plugins/variant", WASM, component.clone()).0;
        let all: Vec<_> = (0..8).map(|_| scope.spawn(upload)).collect();
        all.into_iter().map(|one| one.join().expect("an answer")).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 202).count(), 1, "{statuses:?}");
    assert_eq!(components(&host), [format!("{}.wasm", digest(&host, "1.0.0"))]);
}

#[test]
fn old_runs_go_with_their_logs_and_recordings_and_the_last_ones_stay() {
    let (mut host, source) = hosted(25, Duration::ZERO);
    host.connection("acme", "second", "variant", source.url());
    let recording = |host: &Host, connection: &str| {
        host.workspace.path(&format!("data/recordings/acme/{connection}.tape")).exists()
    };
    // Only the first run reads rows, and is recorded.
    let first = host.run_to_its_end("acme", "rows")["id"].clone();
    (0..3).for_each(|_| drop(host.run_to_its_end("acme", "rows")));
    host.run_to_its_end("acme", "second");
    assert!(recording(&host, "rows") && recording(&host, "second"));
    host.restart_with(&["--keep-runs-for", "1ms", "--keep-runs", "2"]);
    let left = host.wait_for("the end of old runs", || Some(host.runs("acme", "rows")).filter(|runs| runs.len() == 2));
    assert!(left.iter().all(|run| run["id"] != first), "{left:#?}");
    host.wait_for("the end of its recording", || Some(()).filter(|()| !recording(&host, "rows")));
    assert_eq!(host.runs("acme", "second").len(), 1);
    assert!(recording(&host, "second"));
}

#[test]
fn a_version_that_wants_more_or_brings_less_waits_for_an_operator() {
    let (host, _source) = hosted(25, Duration::ZERO);
    host.run_to_its_end("acme", "rows");
    let check = |version, forms, reason| {
        let rollout = roll_out(&host, version, forms, "");
        assert_eq!((rollout["stage"].as_str(), active(&host).as_str()), (Some("awaiting_approval"), "1.0.0"));
        assert!(rollout["steps"].to_string().contains(reason), "{rollout:#}");
        rollout
    };
    let lossy = check("1.0.1", "lossy", "it leaves out 3 of 25 records");
    let path = format!("/v1/rollouts/{}/roll-back", lossy["id"].as_str().expect("an identifier"));
    assert_eq!(host.call("POST", &path, json!({ "reason": "it loses rows" })).0, 200);
    let rollout = check("1.1.0", "greedy", "polling");
    assert_eq!(approve(&host, &rollout)["stage"], "watching");
    assert_eq!(active(&host), "1.1.0");
}

#[test]
fn a_version_that_breaks_is_rolled_back_with_its_state() {
    let (host, source) = hosted(25, Duration::ZERO);
    host.connection("acme", "fresh", "variant", source.url());
    host.run_to_its_end("acme", "rows");
    // It migrates the state, or begins one, seals a page by it, and breaks at the next.
    let rollout = roll_out(&host, "2.0.0", "renamed panics", "");
    assert_eq!(rollout["stage"], "awaiting_approval", "{rollout:#}");
    assert!(rollout["steps"].to_string().contains("acme/rows it fails: "), "{rollout:#}");
    // An operator who is in a hurry lets it go on.
    assert_eq!(approve(&host, &rollout)["stage"], "watching");
    source.grow(25);
    host.run("acme", "fresh");
    let failed = host.run_to_its_end("acme", "rows");
    assert_eq!(failed["status"], "failed", "{failed:#}");
    let rollout = at_rest(&host, &rollout);
    assert_eq!(rollout["stage"], "rolled_back", "{rollout:#}");
    assert!(rollout["steps"].to_string().contains("this version is broken"), "{rollout:#}");
    assert_eq!(active(&host), "1.0.0");
    for connection in ["rows", "fresh"] {
        let run = host.run_to_its_end("acme", connection);
        assert_eq!(run["status"], "done", "{run:#}");
        assert_eq!(host.rows("acme", connection, "row"), (50, 50), "{run:#}");
        assert_eq!(run["plugin_digest"], digest(&host, "1.0.0"), "{run:#}");
    }
}

/// Three connections of which one tries a version, in that order of their names: the one, and the others.
fn canaries(host: &Host, source: &Rows) -> impl Fn(&Value) -> (String, Vec<String>) + use<> {
    const CONNECTIONS: [&str; 3] = ["rows", "second", "third"];
    for connection in &CONNECTIONS[1..] {
        host.connection("acme", connection, "variant", source.url());
    }
    CONNECTIONS.iter().for_each(|connection| drop(host.run_to_its_end("acme", connection)));
    |rollout| {
        assert_eq!((&rollout["stage"], &rollout["share"]), (&json!("canary"), &json!(1)), "{rollout:#}");
        let steps = rollout["steps"].to_string();
        let said = steps.split("1 of 3 connections go by it now: acme/").nth(1).expect("the step");
        let one = said.split('"').next().expect("a name").to_owned();
        let others = CONNECTIONS.iter().map(|name| (*name).to_owned()).filter(|name| *name != one).collect();
        (one, others)
    }
}

fn goes_by(host: &Host, connection: &str, version: &str) {
    let run = host.run_to_its_end("acme", connection);
    assert_eq!((&run["status"], &run["plugin_digest"]), (&json!("done"), &json!(digest(host, version))), "{run:#}");
}

#[test]
fn a_share_of_the_connections_tries_a_version_before_all_go_by_it() {
    let (host, source) = hosted(25, Duration::ZERO);
    let canaries = canaries(&host, &source);
    let rollout = roll_out(&host, "1.1.0", "plain", "?share=1");
    let (one, others) = canaries(&rollout);
    assert_eq!(active(&host), "1.0.0");
    others.iter().for_each(|other| goes_by(&host, other, "1.0.0"));
    for _ in 0..5 {
        assert_eq!(at_rest(&host, &rollout)["stage"], "canary");
        goes_by(&host, &one, "1.1.0");
    }
    let path = format!("/v1/rollouts/{}", rollout["id"].as_str().expect("an identifier"));
    host.wait_for("its promotion", || Some(()).filter(|()| host.get(&path)["stage"] == "watching"));
    assert_eq!(active(&host), "1.1.0");
    others.iter().for_each(|other| goes_by(&host, other, "1.1.0"));
}

#[test]
fn a_version_that_does_not_suit_a_connection_that_came_meanwhile_is_not_promoted() {
    let (host, source) = hosted(25, Duration::ZERO);
    let canaries = canaries(&host, &source);
    let rollout = roll_out(&host, "1.1.0", "narrow", "?share=1");
    let (one, _) = canaries(&rollout);
    // Where a connection that comes is a canary itself, it is refused at once.
    let came = (0..50).map(|number| format!("c{number}")).find(|name| {
        let connection = json!({
            "strategy": "variant",
            "config": { "table": "other" },
            "source": { "base_url": source.url(), "allow_private_addresses": true },
            "destination": { "type": "sqlite", "path": "other.db" },
        });
        let path = format!("/v1/tenants/acme/connections/{name}");
        host.call("PUT", &path, json!({ "connection": connection })).0 == 201
    });
    let said = format!("acme/{}: ", came.expect("a connection"));
    let path = format!("/v1/rollouts/{}", rollout["id"].as_str().expect("an identifier"));
    let (status, refused) = host.call("POST", &format!("{path}/promote"), json!({}));
    assert_eq!((status, refused["detail"].to_string().contains(&said)), (422, true), "{refused:#}");
    assert_eq!(host.get(&path)["stage"], "canary");
    (0..5).for_each(|_| drop(host.run_to_its_end("acme", &one)));
    let ended = host.wait_for("its end", || Some(host.get(&path)).filter(|rollout| rollout["stage"] != "canary"));
    assert_eq!(
        (&ended["stage"], ended["steps"].to_string().contains(&said)),
        (&json!("rolled_back"), true),
        "{ended:#}"
    );
    assert_eq!(active(&host), "1.0.0");
}

#[test]
fn a_version_that_breaks_for_a_share_is_rolled_back_with_the_states_from_before() {
    let (host, source) = hosted(25, Duration::ZERO);
    let canaries = canaries(&host, &source);
    // The state has the same form, so that only going back to the one from before brings the rows that it leaves out.
    let waiting = roll_out(&host, "1.1.0", "lossy panics", "?share=1");
    assert_eq!(waiting["stage"], "awaiting_approval", "{waiting:#}");
    let rollout = approve(&host, &waiting);
    let (one, others) = canaries(&rollout);
    let rows = source.grow(25);
    others.iter().for_each(|other| goes_by(&host, other, "1.0.0"));
    assert_eq!(host.run_to_its_end("acme", &one)["status"], "failed");
    let rollout = at_rest(&host, &rollout);
    assert_eq!((rollout["stage"].as_str(), active(&host).as_str()), (Some("rolled_back"), "1.0.0"), "{rollout:#}");
    goes_by(&host, &one, "1.0.0");
    assert_eq!(host.rows("acme", &one, "row"), (rows, rows));
}

#[test]
fn a_share_that_tries_a_version_is_ended_by_hand() {
    let (host, source) = hosted(25, Duration::ZERO);
    let canaries = canaries(&host, &source);
    let id = |rollout: &Value| rollout["id"].as_str().expect("an identifier").to_owned();
    let end = |rollout: &Value, how: &str| {
        host.call("POST", &format!("/v1/rollouts/{}/{how}", id(rollout)), json!({ "reason": "to see" }))
    };
    let rollout = roll_out(&host, "1.1.0", "plain", "?share=1");
    let (one, _) = canaries(&rollout);
    goes_by(&host, &one, "1.1.0");
    assert_eq!(end(&rollout, "roll-back").0, 200);
    goes_by(&host, &one, "1.0.0");
    assert_eq!(end(&rollout, "promote").0, 409);

    let activation = json!({ "digest": digest(&host, "1.1.0"), "share": 1 });
    let (status, again) = host.call("POST", "/v1/plugins/variant/active", activation);
    assert_eq!(status, 202, "{again:#}");
    let again = at_rest(&host, &again);
    let (one, others) = canaries(&again);
    let versions = host.get("/v1/plugins");
    let canary = versions["items"].as_array().expect("versions").iter().find(|version| version["canary"] == true);
    assert_eq!(canary.expect("a canary")["version"], "1.1.0");
    let (status, promoted) = end(&again, "promote");
    assert_eq!((status, &promoted["stage"]), (200, &json!("watching")), "{promoted:#}");
    [one].iter().chain(&others).for_each(|connection| goes_by(&host, connection, "1.1.0"));
    for share in ["0", "101", "many"] {
        let (status, problem) = host.send("PUT", &format!("/v1/plugins/variant?share={share}"), WASM, Vec::new());
        assert!(matches!(status, 400 | 422), "{share}: {problem:#}");
    }
}

#[test]
fn a_host_that_dies_while_a_share_tries_a_version_has_one_active_version() {
    let (mut host, source) = hosted(25, Duration::ZERO);
    let canaries = canaries(&host, &source);
    let rollout = roll_out(&host, "1.1.0", "plain", "?share=1");
    let (one, others) = canaries(&rollout);
    let end = |host: &mut Host, how: &str| {
        let path = format!("/v1/rollouts/{}/{how}", rollout["id"].as_str().expect("an identifier"));
        assert_eq!(host.call("POST", &path, json!({ "reason": "to see" })).0, 200);
        host.kill();
        host.restart();
        at_rest(host, &rollout)["stage"].clone()
    };
    host.kill();
    host.restart();
    assert_eq!((&at_rest(&host, &rollout)["stage"], active(&host).as_str()), (&json!("canary"), "1.0.0"));
    goes_by(&host, &one, "1.1.0");
    others.iter().for_each(|other| goes_by(&host, other, "1.0.0"));
    assert_eq!((end(&mut host, "promote"), active(&host).as_str()), (json!("watching"), "1.1.0"));
    others.iter().for_each(|other| goes_by(&host, other, "1.1.0"));
    assert_eq!((end(&mut host, "roll-back"), active(&host).as_str()), (json!("rolled_back"), "1.0.0"));
    goes_by(&host, &one, "1.0.0");
}

/// Swaps between two versions, whose states have different forms, while the source grows and connections run.
fn check_swaps(swaps: u32) {
    const CONNECTIONS: [&str; 3] = ["rows", "second", "third"];
    let (host, source) = hosted(10, Duration::from_millis(2));
    for connection in &CONNECTIONS[1..] {
        host.connection("acme", connection, "variant", source.url());
    }
    let mut rollout = roll_out(&host, "2.0.0", "renamed", "");
    let other = digest(&host, "2.0.0");
    let mut rows = 10;
    for swap in 0..swaps / 2 {
        if swap % 4 == 0 {
            rows = source.grow(40);
            CONNECTIONS.iter().for_each(|connection| host.run("acme", connection));
        }
        assert_ne!(rollout["stage"], "refused", "{rollout:#}");
        let path = format!("/v1/rollouts/{}/roll-back", rollout["id"].as_str().expect("an identifier"));
        let (status, back) = host.call("POST", &path, json!({ "reason": "to swap again" }));
        // It may have proved itself meanwhile.
        assert!(status == 200 || status == 409, "{back:#}");
        let to = if status == 200 { &other } else { &digest(&host, "1.0.0") };
        let (status, begun) = host.call("POST", "/v1/plugins/variant/active", json!({ "digest": to }));
        assert_eq!(status, 202, "{begun:#}");
        rollout = at_rest(&host, &begun);
    }
    for connection in CONNECTIONS {
        host.wait_for("all rows", || {
            host.run_to_its_end("acme", connection);
            Some(()).filter(|()| host.rows("acme", connection, "row") == (rows, rows))
        });
        let runs = host.runs("acme", connection);
        let failed: Vec<_> = runs.iter().filter(|run| run["status"] != "done").collect();
        assert!(failed.is_empty(), "{connection}: {failed:#?}");
    }
}

#[test]
fn swap_after_swap_loses_no_row() {
    check_swaps(60);
}

/// `cargo test --release -p tidegate --test tests ten_thousand_swaps -- --ignored`
#[test]
#[ignore = "it takes minutes"]
fn ten_thousand_swaps_lose_no_row() {
    check_swaps(10_000);
}

/// Kills the host again and again, at moments that differ, while it runs.
fn check_kills(kills: u32) {
    let (mut host, source) = hosted(10, Duration::from_millis(3));
    let mut rows = 10;
    for kill in 0..kills {
        rows = source.grow(50);
        host.run("acme", "rows");
        std::thread::sleep(Duration::from_millis(u64::from(kill * 7 % 60)));
        host.kill();
        host.restart();
    }
    host.wait_for("all rows", || {
        host.run_to_its_end("acme", "rows");
        Some(()).filter(|()| host.rows("acme", "rows", "row") == (rows, rows))
    });
}

#[test]
fn kill_after_kill_loses_no_row() {
    check_kills(6);
}

/// `cargo test --release -p tidegate --test tests a_thousand_kills -- --ignored`
#[test]
#[ignore = "it takes half an hour"]
fn a_thousand_kills_lose_no_row() {
    check_kills(1_000);
}

#[test]
fn a_host_that_is_killed_goes_on_where_the_data_is() {
    let (mut host, _source) = hosted(600, Duration::from_millis(40));
    host.run("acme", "rows");
    host.wait_for("some rows", || Some(()).filter(|()| host.rows("acme", "rows", "row").0 > 0));
    // It dies in the middle of a run and of a rollout.
    let (status, rollout) = host.send("PUT", "/v1/plugins/variant", WASM, variant("1.1.0", "plain"));
    assert_eq!(status, 202, "{rollout:#}");
    host.kill();
    let (kept, _) = host.rows("acme", "rows", "row");
    assert!((1..600).contains(&kept), "{kept}");
    host.restart();
    let rollout = at_rest(&host, &rollout);
    assert!(["watching", "done"].contains(&rollout["stage"].as_str().expect("a stage")), "{rollout:#}");
    assert_eq!(active(&host), "1.1.0");
    host.wait_for("all rows", || Some(()).filter(|()| host.rows("acme", "rows", "row") == (600, 600)));
    let runs = host.wait_for("the end of the second run", || {
        Some(host.runs("acme", "rows")).filter(|runs| runs.iter().all(|run| run["ended_at"].is_string()))
    });
    let statuses: Vec<_> = runs.iter().map(|run| run["status"].as_str().expect("a status")).collect();
    assert_eq!(statuses, ["done", "lost"]);
}

#[cfg(unix)]
#[test]
fn a_host_that_is_stopped_lets_runs_come_to_a_checkpoint() {
    let (mut host, _source) = hosted(600, Duration::from_millis(40));
    host.run("acme", "rows");
    host.wait_for("some rows", || Some(()).filter(|()| host.rows("acme", "rows", "row").0 > 0));
    assert_eq!(host.stop(), Some(0));
    let (kept, _) = host.rows("acme", "rows", "row");
    assert!((1..600).contains(&kept), "{kept}");
    host.restart();
    host.wait_for("all rows", || Some(()).filter(|()| host.rows("acme", "rows", "row") == (600, 600)));
    let runs = host.wait_for("the end of the second run", || {
        Some(host.runs("acme", "rows")).filter(|runs| runs.iter().all(|run| run["ended_at"].is_string()))
    });
    let inserted: Vec<_> = runs.iter().map(|run| (run["status"].as_str(), &run["progress"]["inserted"])).collect();
    assert_eq!(inserted, [(Some("done"), &json!(600 - kept)), (Some("interrupted"), &json!(kept))]);
}

#[test]
fn what_is_deleted_leaves_its_rows_and_no_recording() {
    let (host, _source) = hosted(25, Duration::ZERO);
    host.run_to_its_end("acme", "rows");
    let recording = host.workspace.path("data/recordings/acme/rows.tape");
    assert!(recording.exists());
    assert_eq!(host.call("DELETE", "/v1/tenants/acme/connections/rows", json!({})).0, 204);
    assert!(!recording.exists());
    assert_eq!(host.rows("acme", "rows", "row"), (25, 25));
    assert_eq!(host.call("DELETE", "/v1/tenants/acme", json!({})).0, 204);
    assert!(!host.workspace.path("data/recordings/acme").exists());
}

#[test]
fn a_tenants_quotas_bound_its_strategies_and_its_requests() {
    let (host, source) = hosted(100, Duration::ZERO);
    let quotas = |quotas: Value| {
        let revision = host.get("/v1/tenants/acme")["revision"].to_string();
        let (status, tenant) = host.patch("/v1/tenants/acme", &revision, json!({ "quotas": quotas }));
        assert_eq!(status, 200, "{tenant:#}");
    };
    quotas(json!({ "memory_bytes": 65_536 }));
    let run = host.run_to_its_end("acme", "rows");
    assert_eq!(run["error"]["code"], "limit.memory", "{run:#}");
    quotas(json!({ "requests_per_day": 5 }));
    assert_eq!(host.run_to_its_end("acme", "rows")["status"], "done");
    host.run("acme", "rows");
    host.tenant("other");
    host.connection("other", "rows", "variant", source.url());
    assert_eq!(host.run_to_its_end("other", "rows")["status"], "done", "another tenant has its own");
    let used_up: Vec<_> = host.runs("acme", "rows");
    assert_eq!(used_up.len(), 2, "the third one waits for the next day: {used_up:#?}");
}
