//! Connection files, as the subcommands take them.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::{self, Connection, Input, Override, Places, StrategyRef};
use crate::error::{Error, Result};
use crate::model::Owner;
use crate::plugin;
use crate::suggest;

/// What changes a connection from the command line.
#[derive(Args, Clone, Default)]
pub(super) struct Changes {
    /// Set a key of the connection, in place of what the file says. May be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    // Parsed by us: clap would show a malformed one, which may hold a secret.
    overrides: Vec<String>,
}

/// A connection file that was read and found to be right, as far as that can be told without its strategy.
pub(super) struct Loaded {
    pub(super) file: PathBuf,
    pub(super) connection: Connection,
    pub(super) places: Places,
    /// Whose it is: what its state and its tokens are kept by.
    pub(super) owner: Owner,
}

impl Changes {
    /// Reads one connection file.
    pub(super) fn load(&self, file: &Path) -> Result<Loaded> {
        let text = fs::read_to_string(file).map_err(|error| unreadable(file, &error))?;
        let overrides: Vec<Override> = self.overrides.iter().map(|text| text.parse()).collect::<Result<_>>()?;
        let strategies: Vec<&str> = plugin::built_in_names().collect();
        let input = Input {
            file,
            text: &text,
            overrides: &overrides,
            environment: &|name| std::env::var(name).ok(),
            strategies: &strategies,
            hosting: None,
        };
        let (connection, places) = config::parse(&input)?;
        let owner = Owner::local(&connection.name);
        Ok(Loaded { file: file.to_owned(), connection, places, owner })
    }
}

fn unreadable(file: &Path, error: &std::io::Error) -> Error {
    let reason = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        _ => error.to_string(),
    };
    let error = Error::configuration(format!("{}: {reason}", file.display()));
    match file.exists() {
        true => error,
        false => error.help("`tidegate init` writes a connection file"),
    }
}

/// The strategy that an argument means: a built-in one, or a component in a file.
pub(super) fn strategy(argument: &str) -> Result<StrategyRef> {
    if plugin::built_in_names().any(|name| name == argument) {
        return Ok(StrategyRef::BuiltIn(argument.to_owned()));
    }
    let path = Path::new(argument);
    if path.extension().is_some_and(|extension| extension == "wasm") || path.exists() {
        return Ok(StrategyRef::File(path.to_owned()));
    }
    Err(Error::configuration(format!("`{argument}` is neither a built-in strategy nor a component in a file"))
        .help(suggest::help(argument, plugin::built_in_names())))
}
