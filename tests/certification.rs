//! The conformance kit: it tells strategies that lose rows from those that do not, and names what is wrong.

use serde_json::Value;

use crate::support::{Workspace, textbook};

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
        (r#"{"form": "offset"}"#, "deep offsets are refused", "broke-off"),
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
        ("never-seal", plain, Some("broke-off")),
        ("panic", plain, Some("broke-off")),
    ];
    for (flaw, scenario, fault) in cases {
        check(&format!(r#"{{"form": "careful", "flaw": "{flaw}"}}"#), scenario, fault);
    }
}
