//! `tidegate tenants tokens`: who acts for a tenant, or for the operators.

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use super::show::{self, Column, text, time};
use super::{Scope, Session};
use crate::cli::{Format, output};
use crate::error::Result;

#[derive(Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    scope: Scope,
    /// The operators' own tokens, in place of a tenant's
    #[arg(long, global = true)]
    operators: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List tokens, without what proves them
    List,
    /// Make a token; it is printed this once, and nobody can show it again
    Create {
        /// What it is to allow
        #[arg(long, value_enum, value_name = "ROLE", default_value_t = Role::Administrator)]
        role: Role,
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        label: String,
    },
    /// Make a token worthless
    Revoke {
        /// Its identifier, as `list` has it
        id: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Role {
    /// Everything of the tenant but its quotas
    Administrator,
    /// To look at what is the tenant's
    Reader,
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
            Role::Reader => "reader",
        }
    }
}

const COLUMNS: [Column; 5] = [
    ("id", |token| text(&token["id"])),
    ("tenant", |token| text(&token["tenant"])),
    ("role", |token| text(&token["role"])),
    ("label", |token| text(&token["label"])),
    ("since", |token| time(&token["created_at"])),
];

pub(super) async fn execute(arguments: Arguments, session: &Session) -> Result<()> {
    let tenant = match arguments.operators {
        true => None,
        false => Some(arguments.scope.tenant(session).await?),
    };
    let mut path = match &tenant {
        Some(tenant) => vec!["tenants", tenant, "tokens"],
        None => vec!["tokens"],
    };
    match &arguments.action {
        Action::List => {
            let tokens = session.client.list(&path, &[], None).await?;
            session.show(&tokens, |tokens| show::table(tokens, &COLUMNS));
        }
        Action::Create { role, label } => {
            let mut token = json!({ "label": label });
            if tenant.is_some() {
                token["role"] = role.as_str().into();
            }
            show_once(session, &session.client.call(Method::POST, &path)?.json(&token).answer().await?);
        }
        Action::Revoke { id } => {
            path.push(id);
            let answer = session.client.call(Method::DELETE, &path)?.answer().await?;
            session.tell(&answer, &format!("the token {id} was revoked"));
        }
    }
    Ok(())
}

/// The token stands alone on standard output, so that a script can keep it.
fn show_once(session: &Session, made: &Value) {
    match session.output {
        Format::Json => output::print_json(made),
        Format::Text => {
            session.say(&format!("the token {} was made; it is shown this once:", text(&made["id"])));
            output::print(&text(&made["token"]));
        }
    }
}
