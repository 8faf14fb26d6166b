//! All five strategies against the API as it stands: everything arrives, a second run changes nothing, a change comes.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{Api, Workspace};

/// The fields of the API's records, and the columns that they fill.
const FIELDS: [&str; 8] = ["id", "name", "email", "address", "company", "job", "createdAt", "updatedAt"];

/// A strategy, its configuration, and where the endpoint that it reads serves everything.
const STRATEGIES: [(&str, &[&str], &str); 7] = [
    ("keyset", &[], "/incremental/timestamp"),
    ("offset", &[], "/incremental/timestamp"),
    ("offset", &["page_size: 10", "window: 8"], "/incremental/timestamp"),
    ("timestamp", &[], "/incremental/timestamp"),
    ("step-size", &[], "/incremental/step?start_id=1&end_id=1000"),
    ("step-size", &["step: 10", "window: 8"], "/incremental/step?start_id=1&end_id=1000"),
    ("replay", &[], "/incremental/timestamp"),
];

/// The table's rows by their key, each with the texts of its fields.
fn rows(workspace: &Workspace) -> BTreeMap<String, Vec<String>> {
    let columns = FIELDS.map(|field| format!("\"{field}\"")).join(", ");
    let rows = workspace.query(&format!("SELECT {columns} FROM user WHERE NOT _tidegate_deleted"));
    rows.into_iter().map(|row| (row[0].clone(), row)).collect()
}

/// What the API serves, in the same form.
fn served(api: &Api, path: &str) -> BTreeMap<String, Vec<String>> {
    let text = |record: &Value, field: &str| record[field].as_str().expect(field).to_owned();
    let records = api.records(path);
    let row = |record: &Value| FIELDS.map(|field| text(record, field)).to_vec();
    records.iter().map(|record| (text(record, "id"), row(record))).collect()
}

/// The counts of a report: inserted, updated, deleted.
fn changes(report: &Value) -> [u64; 3] {
    ["inserted", "updated", "deleted"].map(|name| report[name].as_u64().expect(name))
}

#[test]
fn everything_arrives_once_and_changes_follow() {
    for (strategy, config, path) in STRATEGIES {
        // Records that were touched for another strategy would share the cursor's second, which costs a request.
        let mut api = Api::start();
        let workspace = Workspace::new();
        workspace.connection("users", strategy, &api.url(), config);

        let first = workspace.sync("users.yaml", &[]);
        assert_eq!(first["status"], "done", "{strategy}: {first}");
        assert_eq!(rows(&workspace), served(&api, path), "{strategy}");
        assert_eq!(changes(&first), [200, 0, 0], "{strategy}: {first}");

        let second = workspace.sync("users.yaml", &[]);
        assert_eq!(changes(&second), [0, 0, 0], "{strategy}: {second}");
        assert_eq!(rows(&workspace), served(&api, path), "{strategy}");
        assert!(!config.is_empty() || second["requests"].as_u64() <= Some(2), "{strategy}: {second}");

        api.touch(7);
        let mut updated = changes(&workspace.sync("users.yaml", &[]))[1];
        if strategy == "step-size" {
            // Ranges of IDs never show an update behind the position; a full pass does.
            updated += changes(&workspace.sync("users.yaml", &["--full-refresh"]))[1];
        }
        assert_eq!(updated, 7, "{strategy}");
        assert_eq!(rows(&workspace), served(&api, path), "{strategy}");
    }
}

#[test]
fn several_connections_fill_one_database_side_by_side() {
    let api = Api::start();
    let workspace = Workspace::new();
    let files: Vec<_> = STRATEGIES
        .iter()
        .filter(|(_, config, _)| config.is_empty())
        .map(|(strategy, ..)| {
            let table = format!("table: \"{strategy}\"");
            workspace.connection(strategy, strategy, &api.url(), &[&table]);
            format!("{strategy}.yaml")
        })
        .collect();
    let arguments: Vec<_> = std::iter::once("sync").chain(files.iter().map(String::as_str)).collect();
    let outcome = workspace.run(&arguments);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    for (strategy, ..) in STRATEGIES {
        assert_eq!(workspace.query(&format!("SELECT count(*) FROM \"{strategy}\"")), [["200"]], "{strategy}");
    }
    let states = workspace.query("SELECT connection FROM _tidegate_state ORDER BY connection");
    assert_eq!(states, [["keyset"], ["offset"], ["replay"], ["step-size"], ["timestamp"]]);
}

#[test]
fn a_strategy_can_be_loaded_from_a_file() {
    let api = Api::start();
    let workspace = Workspace::new();
    let component = std::path::Path::new(env!("CARGO_BIN_EXE_tidegate")).ancestors().nth(2).expect("the target folder");
    std::fs::copy(component.join("strategies/keyset.wasm"), workspace.path("mine.wasm")).expect("a component");
    workspace.connection("users", "./mine.wasm", &api.url(), &[]);
    let report = workspace.sync("users.yaml", &[]);
    assert_eq!(changes(&report), [200, 0, 0], "{report}");
}
