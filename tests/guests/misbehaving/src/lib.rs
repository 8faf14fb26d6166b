//! A strategy that does what a strategy must not do, as its configuration says: once when it is asked for its schema,
//! or in the middle of a sync.

use std::hint::black_box;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate_sdk::{Batch, Request, Result, Strategy, Table, checkpoint, upsert};

/// The strategy.
#[derive(Debug)]
pub struct Misbehaving;

/// What it does.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// In `schema`.
    #[serde(default)]
    pub in_schema: Deed,
    /// In `sync`, after two rows were staged and sealed.
    #[serde(default)]
    pub in_sync: Deed,
}

/// A misdeed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Deed {
    /// None.
    #[default]
    Nothing,
    /// Panics.
    Panic,
    /// Never returns.
    Spin,
    /// Calls itself without end.
    Recurse,
    /// Takes all the memory that there is.
    Grow,
    /// Makes handles and keeps them.
    Hoard,
    /// Calls the source while nothing runs.
    Fetch,
    /// Sends a credential of its own.
    Authorize,
}

/// Nothing is kept.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct State {}

tidegate_sdk::export!(Misbehaving);

impl Strategy for Misbehaving {
    const NAME: &'static str = "misbehaving";
    const SUMMARY: &'static str = "Does what a strategy must not do.";

    type Config = Config;
    type State = State;

    fn tables(config: &Config) -> Result<Vec<Table>> {
        config.in_schema.perform()?;
        Ok(vec![Table { name: "user".into(), primary_key: vec!["id".into()], columns: Vec::new() }])
    }

    fn sync(config: &Config, _: Option<State>) -> Result<()> {
        upsert("user", &Batch::from_json(br#"[{"id":1},{"id":2}]"#)?)?;
        checkpoint(&State {})?;
        config.in_sync.perform()
    }
}

impl Deed {
    #[allow(clippy::panic, reason = "this is what it is for")]
    fn perform(self) -> Result<()> {
        match self {
            Deed::Nothing => Ok(()),
            Deed::Panic => panic!("the answer is 42"),
            Deed::Spin => loop {
                black_box(());
            },
            Deed::Recurse => {
                recurse(0);
                Ok(())
            }
            Deed::Grow => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(black_box(vec![1u8; 1 << 20]));
                }
            }
            Deed::Hoard => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(Batch::from_json(b"[]")?);
                }
            }
            Deed::Fetch => Request::get("/").fetch().map(|_| ()),
            Deed::Authorize => Request::get("/").header("Authorization", "Bearer mine").fetch().map(|_| ()),
        }
    }
}

#[inline(never)]
fn recurse(depth: u64) -> u64 {
    if black_box(depth) == u64::MAX { depth } else { black_box(recurse(depth + 1)) + 1 }
}
