//! A run that is recorded, and told again to the same strategy or to another.

use serde_json::Value;

use crate::support::{Source, Workspace, textbook};

/// Replays the recording and returns the exit code and the answer.
fn replay(workspace: &Workspace, arguments: &[&str]) -> (i32, Value) {
    let outcome = workspace.run(&[&["replay", "run.tape", "--output", "json"], arguments].concat());
    let answer = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    (outcome.code, answer)
}

#[test]
fn a_recorded_run_is_told_again_without_its_source() {
    let strategies: [(&str, &[&str]); 7] = [
        ("keyset", &[]),
        ("offset", &[]),
        ("offset", &["page_size: 5", "window: 4"]),
        ("timestamp", &[]),
        ("step-size", &[]),
        ("step-size", &["step: 5", "window: 4"]),
        ("replay", &[]),
    ];
    for (strategy, config) in strategies {
        let mut source = Source::start(60, 20);
        let workspace = Workspace::new();
        workspace.connection("users", strategy, &source.url(), config);
        // A first run that begins at the beginning, and a second that goes on from a state.
        for _ in 0..2 {
            let report = workspace.sync("users.yaml", &["--record", "run.tape"]);
            let (code, answer) = replay(&workspace, &[]);
            assert_eq!((code, &answer["difference"]), (0, &Value::Null), "{strategy}: {answer:#}");
            assert_eq!(answer["same_component"], true, "{strategy}");
            assert_eq!(answer["records"], report["rows_read"], "{strategy}");
            // What was begun ahead and given up may never have been sent.
            let requests = [&answer, &report].map(|told| told["requests"].as_u64());
            assert!(requests[0] == requests[1] || !config.is_empty() && requests[0] > requests[1], "{strategy}");
            source.change(3, 5);
        }
        drop(source);
        assert_eq!(replay(&workspace, &[]).0, 0, "{strategy}: without its source");
    }
}

#[test]
fn a_replay_says_where_a_strategy_behaves_otherwise() {
    let source = Source::start(60, 20);
    let workspace = Workspace::new();
    let component = textbook().display().to_string();
    workspace.connection("users", &component, &source.url(), &["form: careful"]);
    workspace.sync("users.yaml", &["--record", "run.tape"]);
    assert_eq!(replay(&workspace, &[]).0, 0);

    let tape = std::fs::read_to_string(workspace.path("run.tape")).expect("the recording");
    // Told another configuration, the same strategy leaves a record out.
    let flawed = tape.replacen(r#"{\"form\":\"careful\"}"#, r#"{\"form\":\"careful\",\"flaw\":\"skip-record\"}"#, 1);
    assert_ne!(flawed, tape);
    workspace.file("run.tape", &flawed);
    let (code, answer) = replay(&workspace, &[]);
    let recorded = answer["difference"]["recorded"].as_str().expect("what was recorded");
    let replayed = answer["difference"]["replayed"].as_str().expect("what was replayed");
    assert!(code == 1 && recorded.starts_with("upsert into `user`"), "{answer:#}");
    assert!(replayed.starts_with("upsert into `user`") && recorded != replayed, "{answer:#}");

    let (code, answer) = replay(&workspace, &["--strategy", "keyset"]);
    assert_eq!((code, &answer["same_component"]), (1, &Value::Bool(false)), "{answer:#}");
}

#[test]
fn what_is_no_recording_is_refused() {
    let workspace = Workspace::new();
    let header =
        r#"{"tidegate_recording":1,"plugin_digest":"","strategy":"keyset","config":"{}","state":null,"began":0}"#;
    for (text, expected) in [("", "none of ours"), ("{}", "none of ours"), (header, "version 1")] {
        workspace.file("run.tape", text);
        let outcome = workspace.run(&["replay", "run.tape"]);
        assert!(outcome.code == 2 && outcome.stderr.contains(expected), "{outcome:?}");
    }
    assert_eq!(workspace.run(&["replay", "absent.tape"]).code, 2);
}
