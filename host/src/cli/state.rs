//! `tidegate state`: show, replace or remove the saved state of a connection.

use std::borrow::Cow;
use std::io::Read;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::connection::{Changes, Loaded};
use super::output::{self, Stream};
use super::run::LoadedStrategy;
use super::{Format, run, summary};
use crate::error::{Error, Result};
use crate::model::{Owner, State};
use crate::plain::{plain, plain_json};
use crate::plugin::Limits;
use crate::sink::{self, StateStore};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Print the saved state
    Show {
        #[command(flatten)]
        target: Target,
        /// How the answer looks; `json` has the version and the digest of the strategy that wrote it, too
        #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
        output: Format,
    },
    /// Put another state in place of the saved one; the next run goes on from it
    Set {
        #[command(flatten)]
        target: Target,
        /// The state (JSON), or `-` to read it from standard input
        state: String,
    },
    /// Remove the saved state; the next run begins at the beginning and finds the rows that are there already
    Reset {
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Args)]
struct Target {
    /// Connection file (YAML or JSON)
    file: PathBuf,
    #[command(flatten)]
    changes: Changes,
}

impl Target {
    fn open(&self) -> Result<(Loaded, Box<dyn StateStore>)> {
        let loaded = self.changes.load(&self.file)?;
        let store = sink::open_state(&loaded.connection.destination, &Owner::local(&loaded.connection.name))?;
        Ok((loaded, store))
    }
}

pub(super) async fn execute(arguments: Arguments, limits: &Limits) -> Result<u8> {
    match arguments.action {
        Action::Show { target, output } => show(&target, output)?,
        Action::Set { target, state } => set(&target, &state, limits).await?,
        Action::Reset { target } => {
            let (loaded, mut store) = target.open()?;
            store.replace(None)?;
            Stream::Stderr.print(&format!("{}: the state was removed", loaded.connection.name));
        }
    }
    Ok(super::exit::DONE)
}

fn show(target: &Target, output: Format) -> Result<()> {
    let (loaded, mut store) = target.open()?;
    let state = store.show()?;
    match (output, &state) {
        (Format::Json, state) => output::print_json(state.as_ref().map_or(Value::Null, to_json)),
        (Format::Text, Some(state)) => output::print(&shown(&state.text)),
        (Format::Text, None) => Stream::Stderr.print(&format!("{}: no state is saved", loaded.connection.name)),
    }
    Ok(())
}

/// The text of a state, in which a strategy may have written anything. JSON stays what `state set` takes.
fn shown(text: &str) -> Cow<'_, str> {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => plain_json(text),
        Err(_) => plain(text),
    }
}

fn to_json(state: &State) -> Value {
    json!({
        "state": summary::state_json(state),
        "version": state.version,
        "plugin_digest": state.plugin_digest,
    })
}

async fn set(target: &Target, text: &str, limits: &Limits) -> Result<()> {
    let text = if text == "-" { read_stdin()? } else { text.to_owned() };
    let text = text.trim();
    serde_json::from_str::<Value>(text).map_err(|error| {
        Error::configuration(format!("the state is not JSON: {error}"))
            .help("`tidegate state show` prints a state in the form that is wanted here")
    })?;
    let (loaded, mut store) = target.open()?;
    let state = match store.show()? {
        Some(saved) => State { text: text.to_owned(), ..saved },
        None => first(&loaded, text, limits).await?,
    };
    store.replace(Some(&state))?;
    Stream::Stderr.print(&format!("{}: the state was replaced", loaded.connection.name));
    Ok(())
}

/// A state where none is saved yet: in the form that the strategy reads at present.
async fn first(loaded: &Loaded, text: &str, limits: &Limits) -> Result<State> {
    let LoadedStrategy { strategy, manifest, .. } =
        run::load_strategy(&run::engine(limits)?, &loaded.connection, &loaded.places).await?;
    let plugin_digest = strategy.digest().to_owned();
    Ok(State { text: text.to_owned(), version: manifest.state_version, plugin_digest })
}

fn read_stdin() -> Result<String> {
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.map_err(|error| Error::configuration(format!("standard input cannot be read: {error}")))?;
    Ok(text)
}
