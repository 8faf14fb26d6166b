//! The commands that ask a server (`tidegate serve`) over its API: one file a resource.
//!
//! `client` sends requests and makes errors of problems, `address` decides to whom a token may be told, `show` makes
//! tables, `events` and `follow` are a run as it goes on. What the API answers is read as JSON: this folder must not
//! know the server's own types, since the server may be of another version.

mod address;
pub(super) mod client;
pub(super) mod connections;
mod events;
mod follow;
pub(super) mod plugins;
mod put;
mod rollout;
pub(super) mod runs;
pub(super) mod secrets;
mod show;
pub(super) mod tenants;
mod tokens;

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use secrecy::SecretString;
use serde_json::Value;

use super::Format;
use super::logging::Screen;
use super::output::{self, Stream};
use crate::error::{Error, Origin, Result};
use client::Client;

/// Holds the token. A value on the command line would be seen by every user of the machine.
const TOKEN: &str = "TIDEGATE_TOKEN";

/// Which server is asked, by whom, and how its answer looks.
#[derive(Args)]
struct Connect {
    /// The server
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "TIDEGATE_SERVER",
        hide_env_values = true,
        default_value = "http://127.0.0.1:7464"
    )]
    server: String,
    /// File with the token, in place of the variable TIDEGATE_TOKEN
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Send the token over plain HTTP to another machine, where others may read it on its way
    #[arg(long, global = true)]
    insecure: bool,
    /// How the answer looks; `json` is what the API says
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
}

impl Connect {
    fn open(&self, screen: Screen) -> Result<Session> {
        let server = address::check(&self.server, self.insecure)?;
        let client = Client::new(server, &token(self.token_file.as_deref())?)?;
        Ok(Session { client, output: self.output, screen })
    }
}

/// What is asked of a server.
#[derive(Args)]
pub(in crate::cli) struct Asked<A: Subcommand> {
    #[command(flatten)]
    connect: Connect,
    #[command(subcommand)]
    action: A,
}

/// What is asked of a server for one tenant.
#[derive(Args)]
pub(in crate::cli) struct AskedFor<A: Subcommand> {
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    scope: Scope,
    #[command(subcommand)]
    action: A,
}

/// Whose things are meant.
#[derive(Args)]
struct Scope {
    /// The tenant; by default the one of the token
    #[arg(long, global = true, value_name = "NAME", env = "TIDEGATE_TENANT", hide_env_values = true)]
    tenant: Option<String>,
}

impl Scope {
    async fn tenant(&self, session: &Session) -> Result<String> {
        if let Some(tenant) = self.tenant.as_ref().filter(|tenant| !tenant.is_empty()) {
            return Ok(tenant.clone());
        }
        let me = session.client.get(&["me"]).await?;
        me["tenant"].as_str().map(str::to_owned).ok_or_else(|| {
            Error::configuration("an operator's token belongs to no tenant")
                .help("say which is meant by `--tenant NAME` or the variable TIDEGATE_TENANT")
        })
    }
}

/// A server that is asked, and the one who asks.
struct Session {
    client: Client,
    output: Format,
    screen: Screen,
}

impl Session {
    /// Shows an answer: as it is to programs, as a text to people.
    fn show(&self, answer: &Value, text: impl FnOnce(&Value) -> String) {
        match self.output {
            Format::Json => output::print_json(answer),
            Format::Text => output::print(&text(answer)),
        }
    }

    /// Shows a change that was made: the answer to programs, a sentence to people.
    fn tell(&self, answer: &Value, sentence: &str) {
        match self.output {
            Format::Json if answer.is_null() => {}
            Format::Json => output::print_json(answer),
            Format::Text => self.say(sentence),
        }
    }

    /// Shows people why a run failed, if it did. Programs see it in the answer.
    fn tell_failure(&self, connection: &str, error: &Value) {
        if let Some(error) = follow::failure(error)
            && self.output == Format::Text
        {
            output::error_of(connection, &error);
        }
    }

    /// Says something that is not what was asked for.
    fn say(&self, sentence: &str) {
        if self.screen.is_quiet {
            return;
        }
        let print = || Stream::Stderr.print(sentence);
        match &self.screen.progress {
            Some(progress) => progress.suspend(print),
            None => print(),
        }
    }
}

fn token(file: Option<&Path>) -> Result<SecretString> {
    let text = match file {
        Some(file) => fs::read_to_string(file)
            .map_err(|error| Error::configuration(format!("{}: it cannot be read: {error}", file.display())))?,
        None => std::env::var(TOKEN).unwrap_or_default(),
    };
    if text.trim().is_empty() {
        return Err(Error::new(Origin::Credentials, "server.credentials", "there is no token")
            .help("put it into the variable TIDEGATE_TOKEN, or into a file that `--token-file` names"));
    }
    Ok(text.trim().into())
}
