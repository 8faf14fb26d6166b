//! What a strategy is, and the way from the contract's texts to its types and back.

use std::sync::Once;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::Manifest;
use crate::{Error, Result, Table, log};

/// A sync strategy: how an API is read.
pub trait Strategy {
    /// Its name, as users write it: lower case words joined by `-`.
    const NAME: &'static str;
    /// One sentence for people: what kind of API it reads.
    const SUMMARY: &'static str;
    /// The version of [`Strategy::State`]. Raise it whenever the meaning of the state changes.
    const STATE_VERSION: u32 = 1;
    /// What it needs of the host, as open codes of `wit/world.wit`.
    const NEEDS: &'static [&'static str] = &[];

    /// The configuration. Doc comments of its fields are what users read; use `serde(deny_unknown_fields)`.
    type Config: DeserializeOwned + JsonSchema;
    /// What a later run needs to go on.
    type State: Serialize + DeserializeOwned;

    /// The tables that [`Strategy::sync`] will write.
    fn tables(config: &Self::Config) -> Result<Vec<Table>>;

    /// Reads the source from `state` on, until nothing new is left.
    fn sync(config: &Self::Config, state: Option<Self::State>) -> Result<()>;

    /// Turns a state of an older version into a present one.
    fn migrate(from: u32, _state: crate::json::Value) -> Result<Self::State> {
        let (name, known) = (Self::NAME, Self::STATE_VERSION);
        Err(Error::state(format!(
            "{name} reads states of version {known} and knows no way from version {from}; reset the state to read \
             everything again"
        )))
    }
}

/// `describe` of the contract.
pub fn describe<S: Strategy>(version: &str) -> Manifest {
    report_panics();
    let mut schema = SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(RecursiveTransform(unwrap_lines))
        .into_generator()
        .into_root_schema_for::<S::Config>();
    schema.insert("title".into(), S::NAME.into());
    Manifest {
        name: S::NAME.into(),
        version: version.into(),
        summary: S::SUMMARY.into(),
        config_schema: schema.as_value().to_string(),
        state_version: S::STATE_VERSION,
        needs: S::NEEDS.iter().map(|need| (*need).to_owned()).collect(),
    }
}

/// Doc comments are broken into lines for the width of a file; descriptions are for any width.
fn unwrap_lines(schema: &mut Schema) {
    if let Some(crate::json::Value::String(description)) = schema.get_mut("description") {
        let paragraphs: Vec<_> = description.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
        *description = paragraphs.join("\n\n");
    }
}

/// `schema` of the contract.
pub fn tables<S: Strategy>(config: &str) -> Result<Vec<Table>> {
    report_panics();
    S::tables(&read_config::<S>(config)?)
}

/// `sync` of the contract.
pub fn sync<S: Strategy>(config: &str, state: Option<&str>) -> Result<()> {
    report_panics();
    let config = read_config::<S>(config)?;
    let state = state.map(read_state::<S::State>).transpose()?;
    S::sync(&config, state)
}

/// `migrate-state` of the contract.
pub fn migrate<S: Strategy>(from: u32, state: &str) -> Result<String> {
    report_panics();
    let state = S::migrate(from, read_state(state)?)?;
    crate::json::to_string(&state).map_err(|error| Error::state(format!("the new state cannot be written: {error}")))
}

fn read_config<S: Strategy>(text: &str) -> Result<S::Config> {
    crate::json::from_str(text)
        .map_err(|error| Error::config(format!("the configuration of {} is not valid: {error}", S::NAME)))
}

fn read_state<T: DeserializeOwned>(text: &str) -> Result<T> {
    crate::json::from_str(text).map_err(|error| {
        Error::state(format!("the saved state cannot be read: {error}; set a valid one, or reset it to start over"))
    })
}

/// A panic ends in a trap, and a trap has no words: they go to the log, where the host finds them.
fn report_panics() {
    static ONCE: Once = Once::new();
    if cfg!(target_family = "wasm") {
        ONCE.call_once(|| std::panic::set_hook(Box::new(|info| log::error(&info.to_string()))));
    }
}
