//! A rollout that is watched over the API, until its version is in use, refused, or waits for somebody.

use std::time::Duration;

use serde_json::Value;

use super::Session;
use super::show::{self, Column, digest, text, time};
use crate::cli::exit;
use crate::error::Result;

/// How often a rollout is looked at.
const OFTEN: Duration = Duration::from_millis(200);

const COLUMNS: [Column; 8] = [
    ("rollout", |rollout| text(&rollout["id"])),
    ("strategy", |rollout| text(&rollout["plugin"])),
    ("from", |rollout| version(&rollout["from"])),
    ("to", |rollout| version(&rollout["to"])),
    ("stage", stage),
    ("share", |rollout| format!("{} %", text(&rollout["share"]))),
    ("began at", |rollout| time(&rollout["started_at"])),
    ("last step", |rollout| rollout["steps"].as_array().and_then(|steps| steps.last()).map(step).unwrap_or_default()),
];

/// The rollouts of a listing, one a line.
pub(super) fn table(rollouts: &Value) -> String {
    show::table(rollouts, &COLUMNS)
}

/// Says each step of a rollout until its checks have ended. It has failed where it is refused or rolled back.
pub(super) async fn follow(session: &Session, mut rollout: Value) -> Result<u8> {
    let id = text(&rollout["id"]);
    let mut told = 0;
    loop {
        let steps = rollout["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
        for step in steps.iter().skip(told) {
            session.say(&format!("{}: {}", text(&rollout["plugin"]), self::step(step)));
        }
        told = told.max(steps.len());
        if rollout["stage"] != "checking" {
            break;
        }
        tokio::time::sleep(OFTEN).await;
        rollout = session.client.get(&["rollouts", &id]).await?;
    }
    session.tell(&rollout, &format!("{}: {}{}", text(&rollout["plugin"]), stage(&rollout), next(&rollout)));
    Ok(code(&rollout))
}

fn code(rollout: &Value) -> u8 {
    match rollout["stage"].as_str() {
        Some("refused" | "rolled_back") => exit::FAILED,
        _ => exit::DONE,
    }
}

/// What somebody can do about a rollout that has come to rest.
fn next(rollout: &Value) -> String {
    let id = text(&rollout["id"]);
    match rollout["stage"].as_str() {
        Some("awaiting_approval") => format!("; `tidegate plugins approve {id}` lets it go on"),
        Some("canary") => format!(
            "; `tidegate plugins promote {id}` makes it active for all connections before their runs do, and \
             `tidegate plugins rollback {id}` ends it"
        ),
        Some("watching") => format!("; its first runs are watched, and `tidegate plugins rollback {id}` ends it"),
        _ => String::new(),
    }
}

/// Its stage, in words.
pub(super) fn stage(rollout: &Value) -> String {
    text(&rollout["stage"]).replace('_', " ")
}

fn step(step: &Value) -> String {
    text(&step["what"])
}

/// The API has no digest for what is part of the server.
fn version(value: &Value) -> String {
    if value.is_null() { "built in".to_owned() } else { digest(value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_version_that_is_not_taken_is_a_failure() {
        let cases =
            [("done", 0), ("canary", 0), ("watching", 0), ("awaiting_approval", 0), ("refused", 1), ("rolled_back", 1)];
        for (stage, expected) in cases {
            assert_eq!(code(&json!({ "stage": stage })), expected, "{stage}");
        }
    }
}
