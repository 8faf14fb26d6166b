//! `tidegate tenants`: those whose connections a server runs, what they may use, and who acts for them.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::show::{self, Column, size, text, time};
use super::{Asked, Session, tokens};
use crate::cli::exit;
use crate::cli::logging::Screen;
use crate::error::Result;

pub(in crate::cli) type Arguments = Asked<Action>;

#[derive(Subcommand)]
pub(in crate::cli) enum Action {
    /// List all tenants
    List,
    /// Make a tenant
    Create {
        /// Its name
        name: String,
        #[command(flatten)]
        quotas: Bounds,
    },
    /// Show a tenant
    Show {
        /// Its name
        name: String,
    },
    /// Change what a tenant may use; what is not named stays as it is
    Quotas {
        /// Its name
        name: String,
        #[command(flatten)]
        quotas: Bounds,
    },
    /// Remove a tenant and all that is its; rows that its connections wrote stay where they are
    Delete {
        /// Its name
        name: String,
    },
    /// List, make and revoke tokens
    Tokens(tokens::Arguments),
}

/// What a tenant may use: each a number, or `none` for no bound but the host's.
#[derive(Args)]
pub(in crate::cli) struct Bounds {
    /// Connections, paused ones included
    #[arg(long, value_name = "N", value_parser = bound)]
    connections: Option<Bound>,
    /// Runs at once
    #[arg(long, value_name = "N", value_parser = bound)]
    concurrent_runs: Option<Bound>,
    /// Requests a day (UTC), retries included
    #[arg(long, value_name = "N", value_parser = bound)]
    requests_per_day: Option<Bound>,
    /// Bytes received a day (UTC), decompressed
    #[arg(long, value_name = "N", value_parser = bound)]
    bytes_per_day: Option<Bound>,
    /// Bytes of a strategy's memory
    #[arg(long, value_name = "N", value_parser = bound)]
    memory_bytes: Option<Bound>,
    /// Seconds of a strategy's computing, a run
    #[arg(long, value_name = "N", value_parser = bound)]
    cpu_seconds: Option<Bound>,
}

/// A bound, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    None,
    Most(u64),
}

fn bound(text: &str) -> Result<Bound, String> {
    match text {
        "none" => Ok(Bound::None),
        text => text.parse().map(Bound::Most).map_err(|_| "write a whole number, or `none`".to_owned()),
    }
}

impl Bounds {
    /// These quotas over those that there are.
    fn over(&self, present: &Value) -> Value {
        let mut quotas: Map<String, Value> = present.as_object().cloned().unwrap_or_default();
        let said = [
            ("connections", self.connections),
            ("concurrent_runs", self.concurrent_runs),
            ("requests_per_day", self.requests_per_day),
            ("bytes_per_day", self.bytes_per_day),
            ("memory_bytes", self.memory_bytes),
            ("cpu_seconds", self.cpu_seconds),
        ];
        for (name, bound) in said.into_iter().filter_map(|(name, bound)| Some((name, bound?))) {
            let value = match bound {
                Bound::None => Value::Null,
                Bound::Most(most) => most.into(),
            };
            quotas.insert(name.to_owned(), value);
        }
        Value::Object(quotas)
    }
}

const COLUMNS: [Column; 8] = [
    ("tenant", |tenant| text(&tenant["name"])),
    ("connections", |tenant| text(&tenant["quotas"]["connections"])),
    ("runs at once", |tenant| text(&tenant["quotas"]["concurrent_runs"])),
    ("requests a day", |tenant| text(&tenant["quotas"]["requests_per_day"])),
    ("received a day", |tenant| size(&tenant["quotas"]["bytes_per_day"])),
    ("memory", |tenant| size(&tenant["quotas"]["memory_bytes"])),
    ("CPU seconds", |tenant| text(&tenant["quotas"]["cpu_seconds"])),
    ("since", |tenant| time(&tenant["created_at"])),
];

pub(in crate::cli) async fn execute(arguments: Arguments, screen: Screen) -> Result<u8> {
    let session = arguments.connect.open(screen)?;
    let client = &session.client;
    match arguments.action {
        Action::List => {
            let tenants = client.list(&["tenants"], &[], None).await?;
            session.show(&tenants, |tenants| show::table(tenants, &COLUMNS));
        }
        Action::Create { name, quotas } => {
            let tenant = json!({ "name": name, "quotas": quotas.over(&Value::Null) });
            let made = client.call(Method::POST, &["tenants"])?.json(&tenant).answer().await?;
            session.tell(&made, &format!("the tenant {name} was made"));
        }
        Action::Show { name } => show_tenant(&session, &client.get(&["tenants", &name]).await?),
        Action::Quotas { name, quotas } => {
            let path = ["tenants", name.as_str()];
            let (present, tag) = client.call(Method::GET, &path)?.answer_with_tag().await?;
            let change = json!({ "quotas": quotas.over(&present["quotas"]) });
            let call = client.call(Method::PATCH, &path)?.json(&change);
            // Whoever changes it meanwhile is not overruled.
            let call = call.header("if-match", tag.as_deref().unwrap_or("*"));
            show_tenant(&session, &call.answer().await?);
        }
        Action::Delete { name } => {
            let answer = client.call(Method::DELETE, &["tenants", &name])?.answer().await?;
            session.tell(&answer, &format!("the tenant {name} was removed"));
        }
        Action::Tokens(arguments) => tokens::execute(arguments, &session).await?,
    }
    Ok(exit::DONE)
}

fn show_tenant(session: &Session, tenant: &Value) {
    session.show(tenant, |tenant| show::facts(tenant, &COLUMNS));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_change_where_they_are_named() {
        let quotas = Bounds {
            connections: Some(Bound::Most(5)),
            concurrent_runs: Some(Bound::None),
            requests_per_day: None,
            bytes_per_day: None,
            memory_bytes: None,
            cpu_seconds: None,
        };
        let present = json!({ "connections": 1, "concurrent_runs": 2, "requests_per_day": 3, "cpu_seconds": null });
        let expected = json!({ "connections": 5, "concurrent_runs": null, "requests_per_day": 3, "cpu_seconds": null });
        assert_eq!(quotas.over(&present), expected);
        assert_eq!(quotas.over(&Value::Null), json!({ "connections": 5, "concurrent_runs": null }));
    }

    #[test]
    fn a_bound_is_a_number_or_none() {
        let cases = [("0", Ok(Bound::Most(0))), ("none", Ok(Bound::None)), ("-1", Err(())), ("5k", Err(()))];
        for (text, expected) in cases {
            assert_eq!(bound(text).map_err(drop), expected, "{text}");
        }
    }
}
