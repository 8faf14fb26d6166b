//! `tidegate secrets`: what a tenant's connections prove themselves with. Values are put, and never told.

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

use super::AskedFor;
use super::show::{self, Column, text, time};
use crate::cli::exit;
use crate::cli::logging::Screen;
use crate::error::{Error, Result};

pub(in crate::cli) type Arguments = AskedFor<Action>;

#[derive(Subcommand)]
pub(in crate::cli) enum Action {
    /// List the names of the secrets
    List,
    /// Keep a secret, in place of the one of that name; its value is read from standard input
    Put {
        /// Its name, as `${NAME}` in a connection
        name: String,
        /// Read the value from a file; here as there, the end of its last line is no part of it
        #[arg(long, value_name = "FILE")]
        from_file: Option<PathBuf>,
    },
    /// Remove a secret
    Delete {
        /// Its name
        name: String,
    },
}

const COLUMNS: [Column; 2] =
    [("secret", |secret| text(&secret["name"])), ("put at", |secret| time(&secret["updated_at"]))];

pub(in crate::cli) async fn execute(arguments: Arguments, screen: Screen) -> Result<u8> {
    let session = arguments.connect.open(screen)?;
    let tenant = arguments.scope.tenant(&session).await?;
    let client = &session.client;
    match arguments.action {
        Action::List => {
            let secrets = client.list(&["tenants", &tenant, "secrets"], &[], None).await?;
            session.show(&secrets, |secrets| show::table(secrets, &COLUMNS));
        }
        Action::Put { name, from_file } => {
            let value = read(from_file.as_deref())?;
            let call = client.call(Method::PUT, &["tenants", &tenant, "secrets", &name])?;
            let answer = call.json(&json!({ "value": without_end_of_line(&value) })).answer().await?;
            session.tell(&answer, &format!("the secret {name} was put"));
        }
        Action::Delete { name } => {
            let answer = client.call(Method::DELETE, &["tenants", &tenant, "secrets", &name])?.answer().await?;
            session.tell(&answer, &format!("the secret {name} was removed"));
        }
    }
    Ok(exit::DONE)
}

fn read(file: Option<&Path>) -> Result<String> {
    let Some(file) = file else { return read_stdin() };
    fs::read_to_string(file).map_err(|error| Error::configuration(format!("{}: {error}", file.display())))
}

fn read_stdin() -> Result<String> {
    if io::stdin().is_terminal() {
        return Err(Error::configuration("the value would be seen while it is typed").help(
            "put it through a pipe, as in `pass show api | tidegate secrets put NAME`, or use `--from-file FILE`",
        ));
    }
    let mut text = String::new();
    let read = io::stdin().read_to_string(&mut text);
    read.map_err(|error| Error::configuration(format!("standard input cannot be read: {error}")))?;
    Ok(text)
}

/// Programs and editors end the last line; secrets do not.
fn without_end_of_line(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_last_line_is_no_part_of_a_secret() {
        let cases = [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a "), ("a\nb\n", "a\nb")];
        for (text, expected) in cases {
            assert_eq!(without_end_of_line(text), expected, "{text:?}");
        }
    }
}
