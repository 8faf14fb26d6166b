//! `tidegate runs`: what was run, and how it went.

use std::num::NonZeroUsize;

use clap::Subcommand;
use reqwest::Method;
use serde_json::Value;

use super::AskedFor;
use super::show::{self, Column, digest, duration, size, text, time};
use crate::cli::exit;
use crate::cli::logging::Screen;
use crate::error::Result;

pub(in crate::cli) type Arguments = AskedFor<Action>;

#[derive(Subcommand)]
pub(in crate::cli) enum Action {
    /// List runs, the latest first
    List {
        /// Those of this connection
        #[arg(long, value_name = "NAME")]
        connection: Option<String>,
        /// So many at most
        #[arg(long, value_name = "N", default_value = "50")]
        most: NonZeroUsize,
    },
    /// Show a run: what it read and wrote, why it failed and what to do
    Show {
        /// Its identifier
        id: String,
    },
    /// Stop a run at its last checkpoint; what it committed stays
    Cancel {
        /// Its identifier
        id: String,
    },
    /// Show the last lines of a run's log, once it ended
    Log {
        /// Its identifier
        id: String,
    },
}

const COLUMNS: [Column; 9] = [
    ("run", |run| text(&run["id"])),
    ("connection", |run| text(&run["connection"])),
    ("trigger", |run| text(&run["trigger"])),
    ("status", |run| text(&run["status"])),
    ("began at", |run| time(&run["started_at"])),
    ("ended at", |run| time(&run["ended_at"])),
    ("requests", |run| text(&run["progress"]["requests"])),
    ("read", |run| text(&run["progress"]["rows_read"])),
    ("inserted", |run| text(&run["progress"]["inserted"])),
];

const FACTS: [Column; 12] = [
    ("updated", |run| text(&run["progress"]["updated"])),
    ("unchanged", |run| text(&run["progress"]["unchanged"])),
    ("deleted", |run| text(&run["progress"]["deleted"])),
    ("checkpoints", |run| text(&run["progress"]["checkpoints"])),
    ("retries", |run| text(&run["progress"]["retries"])),
    ("received", |run| size(&run["progress"]["bytes_in"])),
    ("processor", |run| duration(&run["progress"]["cpu_seconds"])),
    ("memory", |run| size(&run["progress"]["memory_bytes"])),
    ("full refresh", |run| text(&run["full_refresh"])),
    ("planned for", |run| time(&run["scheduled_for"])),
    ("again at", |run| time(&run["retry_at"])),
    ("strategy", |run| digest(&run["plugin_digest"])),
];

pub(in crate::cli) async fn execute(arguments: Arguments, screen: Screen) -> Result<u8> {
    let session = arguments.connect.open(screen)?;
    let tenant = arguments.scope.tenant(&session).await?;
    let client = &session.client;
    match arguments.action {
        Action::List { connection, most } => {
            let query: Vec<_> = connection.iter().map(|name| ("connection", name.as_str())).collect();
            let runs = client.list(&["tenants", &tenant, "runs"], &query, Some(most.get())).await?;
            session.show(&runs, |runs| show::table(runs, &COLUMNS));
        }
        Action::Show { id } => {
            let run = client.get(&["tenants", &tenant, "runs", &id]).await?;
            session.show(&run, summary);
            session.tell_failure(&text(&run["connection"]), &run["error"]);
        }
        Action::Cancel { id } => {
            let answer = client.call(Method::POST, &["tenants", &tenant, "runs", &id, "cancel"])?.answer().await?;
            session.tell(&answer, &format!("the run {id} stops at its last checkpoint"));
        }
        Action::Log { id } => {
            let run = client.get(&["tenants", &tenant, "runs", &id]).await?;
            session.show(&run["log"], log);
        }
    }
    Ok(exit::DONE)
}

/// What a run is and did.
pub(super) fn summary(run: &Value) -> String {
    show::facts(run, &[&COLUMNS[..], &FACTS].concat())
}

/// A log, a line each.
fn log(lines: &Value) -> String {
    let line = |line: &Value| format!("{} {} {}", time(&line["at"]), text(&line["level"]), text(&line["message"]));
    lines.as_array().into_iter().flatten().map(line).collect::<Vec<_>>().join("\n")
}
