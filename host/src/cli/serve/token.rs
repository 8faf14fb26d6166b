//! `tidegate serve token`: an operator's token for whoever may write the server's data folder.
//!
//! It is made in the store itself, so that it needs no token, and no server that runs.

use std::path::Path;

use clap::Args;
use secrecy::ExposeSecret;

use crate::cli::exit;
use crate::cli::logging::Screen;
use crate::cli::output::{self, Stream};
use crate::error::Result;
use crate::serve::store::SqliteStore;
use crate::serve::tenant::Role;
use crate::serve::{Clock, Refusal, token};

#[derive(Args)]
pub(super) struct Arguments {
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "made on the data folder")]
    label: String,
    /// Make all other tokens of operators worthless
    #[arg(long)]
    revoke_others: bool,
}

/// Makes a token. It stands alone on standard output, so that a script can keep it.
pub(super) fn execute(data: &Path, arguments: Arguments, screen: &Screen) -> Result<u8> {
    let Arguments { label, revoke_others } = arguments;
    let made = token::make(None, Role::Operator, label, Clock::System.now());
    let (token, secret) = made.map_err(Refusal::into_error)?;
    let revoked = SqliteStore::add_operator_token(data, &token, token::hash(secret.expose_secret()), revoke_others)?;
    if !screen.is_quiet {
        if revoke_others {
            Stream::Stderr.print(&format!("{revoked} other tokens of operators are worthless now"));
        }
        Stream::Stderr.print(&format!("the operator's token {} was made; it is shown this once:", token.id));
    }
    output::print(secret.expose_secret());
    Ok(exit::DONE)
}
