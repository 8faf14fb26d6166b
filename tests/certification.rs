//! The conformance kit: it tells strategies that lose rows from those that do not, and names what is wrong.

use std::sync::Arc;

use serde_json::{Map, Value};
use tidegate::certify::{self, Api, Plan};
use tidegate::config::StrategyRef;

use crate::support::{Workspace, engine, textbook};

/// What the built-in strategies refuse, since it cannot be told from a loss. They read all other scenarios.
const REFUSED: [(&str, &[&str]); 5] = [
    ("keyset", &["tokens lead in a circle", "tokens are ignored", "a token is a time, a tie is longer than a page"]),
    (
        "offset",
        &[
            "the offset is ignored",
            "deep offsets are refused, a tie goes deeper",
            "ties come in another order each time",
        ],
    ),
    ("timestamp", UNPAGED),
    ("replay", UNPAGED),
    ("step-size", &[]),
];

/// What no strategy can read whose API has neither pages nor a second key.
const UNPAGED: &[&str] = &[
    "a tie is longer than an answer",
    "a tie is longer than an answer, exclusive filter",
    "a tie is as long as an answer",
    "a tie in the middle is longer than an answer",
    "all records share one time",
    "answers of one record",
    "answers of one record, ties",
    "unsorted and cut",
    "unsorted answers of sorted records",
    "newest first, and one answer holds all",
    "newest first and cut",
    "the newest, unsorted and cut",
    "the filter is ignored, and one answer holds all",
];

/// Certifies a strategy and returns the exit code and the certificate.
fn certify(arguments: &[&str]) -> (i32, Value) {
    let outcome = Workspace::new().run(&[&["certify", "--output", "json", "--quiet"], arguments].concat());
    let certificate = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    (outcome.code, certificate)
}

/// Certifies the textbook's strategy of this configuration in one scenario, and compares the defect that is found.
fn check(config: &str, scenario: &str, expected: Option<&str>) {
    let component = textbook().display().to_string();
    let (code, certificate) = certify(&[&component, "--config", config, "--scenario", scenario]);
    let found = &certificate["cases"][0]["counterexample"];
    let fault = found["fault"].as_str();
    assert_eq!(fault, expected, "{config} in \"{scenario}\": {found:#}");
    assert_eq!((code, certificate["passed"].as_bool()), (i32::from(expected.is_some()), Some(expected.is_none())));
}

#[test]
fn strategies_as_usually_published_are_found_out() {
    let cases = [
        (r#"{"form": "keyset"}"#, "tokens expire (410)", "broke-off"),
        (r#"{"form": "keyset"}"#, "tokens lead in a circle", "endless"),
        (r#"{"form": "keyset"}"#, "records dated in the year 2999", "lost"),
        (r#"{"form": "offset"}"#, "a row of an earlier page is updated between two pages", "lost"),
        (r#"{"form": "offset"}"#, "the source returns fewer than asked for", "lost"),
        (r#"{"form": "offset"}"#, "the offset is ignored", "endless"),
        (r#"{"form": "timestamp"}"#, "a plain source", "endless"),
        (r#"{"form": "timestamp"}"#, "times in seconds, many a second, exclusive filter", "lost"),
        (r#"{"form": "step-size"}"#, "an empty range in the middle", "lost"),
        (r#"{"form": "step-size"}"#, "the last range is part full", "lost"),
        (r#"{"form": "step-size"}"#, "answers are cut", "lost"),
        (r#"{"form": "replay"}"#, "a plain source", "lost"),
        (r#"{"form": "replay"}"#, "records appear late", "lost"),
    ];
    for (config, scenario, fault) in cases {
        check(config, scenario, Some(fault));
    }
}

#[test]
fn planted_flaws_are_found_and_named() {
    let plain = "a plain source";
    let cases = [
        ("none", plain, None),
        ("checkpoint-first", plain, Some("lost")),
        ("forget-token", "a tie spans pages, exclusive filter", Some("lost")),
        ("skip-record", plain, Some("lost")),
        ("new-keys", plain, Some("duplicated")),
        ("stamp-records", plain, Some("altered")),
        ("alter-records", plain, Some("altered")),
        ("ask-again", plain, Some("endless")),
        ("move-back", plain, Some("moved-back")),
        ("begin-anew", plain, Some("moved-back")),
        ("swallow", plain, Some("concealed")),
        ("grow", plain, Some("growing")),
        ("seal-on", plain, Some("endless")),
        ("never-seal", plain, Some("broke-off")),
        ("panic", plain, Some("broke-off")),
    ];
    for (flaw, scenario, fault) in cases {
        check(&format!(r#"{{"form": "careful", "flaw": "{flaw}"}}"#), scenario, fault);
    }
}

#[test]
fn what_is_not_tried_is_not_certified() {
    let cases = [
        (vec!["--scenario", "no such scenario"], "no scenario"),
        (vec!["--scenario", "a plain source", "--trial", "no such trial"], "no trial"),
        (vec!["--config", r#"{"unknown": 1}"#], "unknown key"),
    ];
    for (arguments, expected) in cases {
        let outcome = Workspace::new().run(&[&["certify", "keyset", "--quiet"], arguments.as_slice()].concat());
        assert_eq!(outcome.code, 2, "{outcome:?}");
        assert!(outcome.stderr.contains(expected), "{outcome:?}");
    }
}

#[test]
fn the_built_in_strategies_lose_nothing() {
    let mut crash_points = 0;
    for (strategy, refused) in REFUSED {
        let (code, certificate) = certify(&[strategy, "--strict"]);
        let cases = certificate["cases"].as_array().expect("cases");
        let failed: Vec<&Value> = cases.iter().filter(|case| !case["counterexample"].is_null()).collect();
        assert_eq!((code, failed.as_slice()), (0, [].as_slice()), "{strategy}");
        let found = cases.iter().filter(|case| !case["refusal"].is_null());
        let found: Vec<&str> = found.filter_map(|case| case["scenario"].as_str()).collect();
        assert_eq!(found, refused, "{strategy}");
        crash_points += cases.iter().filter_map(|case| case["crash_points"].as_u64()).sum::<u64>();
    }
    assert!(crash_points >= 10_000, "only {crash_points} crash points");
}

/// All scenarios take minutes: `tidegate certify offset --config '{"window": 4}'`.
#[test]
fn windows_of_requests_lose_nothing() {
    let cases = [("offset", "rows move"), ("offset", "deep offsets"), ("step-size", "gap"), ("step-size", "cut")];
    for (strategy, scenarios) in cases {
        let arguments = [strategy, "--config", r#"{"window": 4}"#, "--scenario", scenarios];
        let (code, certificate) = certify(&arguments);
        let cases = certificate["cases"].as_array().expect("cases");
        assert!(
            code == 0 && cases.iter().all(|case| case["counterexample"].is_null()),
            "{arguments:?}: {certificate:#}"
        );
        assert!(cases.iter().any(|case| case["crash_points"].as_u64() > Some(100)), "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_gives_the_same_trace() {
    let engine = engine().simulating().build().expect("an engine");
    let strategy = engine.load(&StrategyRef::BuiltIn("keyset".into())).await.expect("a strategy");
    let manifest = strategy.describe().await.expect("a manifest");
    let plan = |seed| Plan {
        strategy: Arc::clone(&strategy),
        manifest: manifest.clone(),
        config: Map::new(),
        api: Api::Keyset,
        own: None,
        seed,
        most_trials: None,
        scenario: Some("the length of pages varies".into()),
        is_strict: false,
        trial: Some("each/atomic/crash@0.17".into()),
    };
    let trace = |seed| {
        let plan = plan(seed);
        std::thread::spawn(move || certify::certify(&plan, &|_| ()).cases[0].trace.clone()).join().expect("a trace")
    };
    let all = ["keyset", "--scenario", "the length of pages varies", "--seed", "7"];
    assert_eq!(certify(&all).1, certify(&all).1, "another process");
    let first = trace(7);
    assert_ne!(first, trace(8), "the seed makes no difference");
    for run in 0..1_000 {
        assert_eq!(trace(7), first, "run {run}");
    }
}

#[test]
fn a_strategy_is_certified_against_its_own_source() {
    let source = crate::support::Source::start(60, 20);
    let workspace = Workspace::new();
    workspace.connection("own", "keyset", &source.url(), &[]);
    let arguments = ["certify", "keyset", "--connection", "own.yaml", "--recording", "own.json", "--output", "json"];
    let outcome = workspace.run(&arguments);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    drop(source);
    let again = workspace.run(&arguments);
    assert_eq!((again.code, again.stdout), (0, outcome.stdout), "from the recording alone");
    let component = textbook().display().to_string();
    let flaw = "config: {form: careful, flaw: skip-record}\n";
    let own = std::fs::read_to_string(workspace.path("own.yaml")).expect("the connection");
    workspace.file("flawed.yaml", own + flaw);
    let flawed = ["certify", &component, "--connection", "flawed.yaml", "--recording", "own.json"];
    let refused = workspace.run(&flawed);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stdout.contains("NOT certified"), "{refused:?}");
}
