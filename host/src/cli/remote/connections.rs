//! `tidegate connections`: what a tenant has run, when, and how it does.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::show::{self, Column, text, time};
use super::{AskedFor, Session, follow, put};
use crate::cli::exit;
use crate::cli::logging::Screen;
use crate::error::Result;

pub(in crate::cli) type Arguments = AskedFor<Action>;

#[derive(Subcommand)]
pub(in crate::cli) enum Action {
    /// List connections and how they do
    List,
    /// Make a connection of a connection file, or replace the one of that name
    Put(put::Arguments),
    /// Show a connection
    Show {
        /// Its name
        name: String,
    },
    /// Let a connection run only when asked to
    Pause {
        /// Its name
        name: String,
    },
    /// Let a connection run on its schedule again
    Resume {
        /// Its name
        name: String,
    },
    /// Remove a connection and its history; its rows stay where they are
    Delete {
        /// Its name
        name: String,
    },
    /// Ask for a run as soon as there is room
    Run {
        /// The connection's name
        name: String,
        /// Read all anew; the old rows stay until the new ones are complete
        #[arg(long)]
        full_refresh: bool,
        /// Show how far the run is, and end as it ends
        #[arg(long)]
        follow: bool,
    },
}

const COLUMNS: [Column; 7] = [
    ("connection", |connection| text(&connection["name"])),
    ("strategy", |connection| text(&connection["connection"]["strategy"])),
    ("schedule", schedule),
    ("state", state),
    ("next run", |connection| time(&connection["health"]["due_at"])),
    ("last run", |connection| text(&connection["health"]["last_status"])),
    ("ended at", |connection| time(&connection["health"]["last_ended_at"])),
];

const FACTS: [Column; 5] = [
    ("failing since", |connection| time(&connection["health"]["failing_since"])),
    ("complete at", |connection| time(&connection["health"]["last_done_at"])),
    ("running", |connection| text(&connection["health"]["running"])),
    ("revision", |connection| text(&connection["revision"])),
    ("changed at", |connection| time(&connection["updated_at"])),
];

pub(in crate::cli) async fn execute(arguments: Arguments, screen: Screen) -> Result<u8> {
    let session = arguments.connect.open(screen)?;
    let tenant = arguments.scope.tenant(&session).await?;
    let client = &session.client;
    let of = |name: &str| ["tenants".to_owned(), tenant.clone(), "connections".to_owned(), name.to_owned()];
    match arguments.action {
        Action::List => {
            let connections = client.list(&["tenants", &tenant, "connections"], &[], None).await?;
            session.show(&connections, |connections| show::table(connections, &COLUMNS));
        }
        Action::Put(arguments) => put::execute(&arguments, &session, &tenant).await?,
        Action::Show { name } => {
            let connection = client.get(&of(&name).each_ref().map(String::as_str)).await?;
            session.show(&connection, shown);
            session.tell_failure(&text(&connection["name"]), &connection["health"]["last_error"]);
        }
        Action::Pause { name } => act(&session, &tenant, &name, "pause", "runs only when asked to now").await?,
        Action::Resume { name } => act(&session, &tenant, &name, "resume", "runs on its schedule again").await?,
        Action::Delete { name } => {
            let path = of(&name);
            let answer = client.call(Method::DELETE, &path.each_ref().map(String::as_str))?.answer().await?;
            session.tell(&answer, &format!("the connection {name} was removed"));
        }
        Action::Run { name, full_refresh, follow: false } => {
            let path = ["tenants", &tenant, "connections", &name, "runs"];
            let body = json!({ "full_refresh": full_refresh });
            let answer = client.call(Method::POST, &path)?.json(&body).answer().await?;
            session.tell(&answer, &format!("{name}: a run was asked for; `tidegate runs list` shows it"));
        }
        Action::Run { name, full_refresh, follow: true } => {
            return follow::ask_and_follow(&session, &tenant, &name, full_refresh).await;
        }
    }
    Ok(exit::DONE)
}

async fn act(session: &Session, tenant: &str, name: &str, action: &str, sentence: &str) -> Result<()> {
    let path = ["tenants", tenant, "connections", name, action];
    let answer = session.client.call(Method::POST, &path)?.answer().await?;
    session.tell(&answer, &format!("{name} {sentence}"));
    Ok(())
}

fn shown(connection: &Value) -> String {
    let document = format!("{:#}", connection["connection"]);
    format!("{}\n\n{document}", show::facts(connection, &[&COLUMNS[..], &FACTS].concat()))
}

fn schedule(connection: &Value) -> String {
    let schedule = &connection["schedule"];
    match (schedule["every"].as_str(), schedule["cron"].as_str()) {
        (Some(every), _) => format!("every {}", text(&every.into())),
        (_, Some(cron)) => format!("{} {}", text(&cron.into()), text(&schedule["zone"])).trim_end().to_owned(),
        _ => String::new(),
    }
}

/// What somebody wants to know first.
fn state(connection: &Value) -> String {
    let health = &connection["health"];
    let failures = health["failures"].as_u64().unwrap_or(0);
    let state = match (health["running"].is_string(), connection["paused"] == true) {
        (true, _) => "running",
        (false, true) => "paused",
        (false, false) if failures == 0 => "well",
        (false, false) => return format!("failing ({failures})"),
    };
    match failures {
        0 => state.to_owned(),
        _ => format!("{state}, failing ({failures})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_connection_is_a_word_or_two() {
        let cases = [
            (json!({ "health": { "failures": 0 } }), "well"),
            (json!({ "paused": true, "health": { "failures": 0 } }), "paused"),
            (json!({ "health": { "failures": 3 } }), "failing (3)"),
            (json!({ "paused": true, "health": { "failures": 3 } }), "paused, failing (3)"),
            (json!({ "health": { "failures": 1, "running": "an id" } }), "running, failing (1)"),
        ];
        for (connection, expected) in cases {
            assert_eq!(state(&connection), expected, "{connection}");
        }
    }

    #[test]
    fn a_schedule_is_shown_as_it_is_written() {
        let cases = [
            (json!({ "every": "15m" }), "every 15m"),
            (json!({ "cron": "30 6 * * *", "zone": "Europe/Berlin" }), "30 6 * * * Europe/Berlin"),
            (json!({ "cron": "30 6 * * *" }), "30 6 * * *"),
            (Value::Null, ""),
        ];
        for (written, expected) in cases {
            assert_eq!(schedule(&json!({ "schedule": written })), expected);
        }
    }
}
