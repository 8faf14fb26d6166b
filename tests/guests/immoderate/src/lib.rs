//! A strategy that uses as much of something as its configuration says: each of its deeds meets one limit.

use std::hint::black_box;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate_sdk::{Batch, Request, Result, Strategy, Table, checkpoint, clock, log, upsert};

/// The strategy.
#[derive(Debug)]
pub struct Immoderate;

/// What it does, and how much of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The deed.
    #[serde(default)]
    pub deed: Deed,
    /// How often, or how large.
    #[serde(default)]
    pub amount: usize,
}

/// What it does.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Deed {
    /// Nothing.
    #[default]
    Nothing,
    /// Declares tables.
    Declare,
    /// Computes while it declares tables.
    Ponder,
    /// Hands a record of its own to the host.
    CarryOut,
    /// Asks for a body.
    CarryIn,
    /// Asks for a column.
    Column,
    /// Fetches pages and keeps them.
    Hold,
    /// Selects from a batch and keeps what it selected.
    Select,
    /// Begins requests and waits for none.
    Begin,
    /// Begins requests and lets their pages wait.
    Leave,
    /// Writes to the log.
    Log,
    /// Computes, and stages now and then.
    Toil,
    /// Computes and never asks for anything.
    Spin,
    /// Calls itself, deep, and again and again.
    Recurse,
    /// Asks for the time and writes to the log, without end.
    Flood,
}

/// Nothing is kept.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct State {}

tidegate_sdk::export!(Immoderate);

impl Strategy for Immoderate {
    const NAME: &'static str = "immoderate";
    const SUMMARY: &'static str = "Uses more than it may.";

    type Config = Config;
    type State = State;

    fn tables(config: &Config) -> Result<Vec<Table>> {
        let table = |name: String| Table { name, primary_key: vec!["id".into()], columns: Vec::new() };
        match config.deed {
            Deed::Declare => Ok((0..config.amount).map(|at| table(format!("{at:0>100}"))).collect()),
            Deed::Ponder => spin(),
            _ => Ok(vec![table("user".into())]),
        }
    }

    fn sync(config: &Config, _: Option<State>) -> Result<()> {
        perform(config.deed, config.amount)?;
        checkpoint(&State {})
    }
}

fn perform(deed: Deed, amount: usize) -> Result<()> {
    let get = |at: usize| Request::get("/page").query("at", at);
    match deed {
        Deed::Nothing | Deed::Declare | Deed::Ponder => Ok(()),
        Deed::CarryOut => Batch::from_json(format!(r#"[{{"id":"{:0>amount$}"}}]"#, 1).as_bytes()).map(drop),
        Deed::CarryIn => get(0).fetch().map(|page| drop(page.body())),
        Deed::Column => get(0).fetch()?.records("").map(|rows| drop(rows.column("id"))),
        Deed::Hold => (0..amount).map(|at| get(at).fetch()).collect::<Result<Vec<_>>>().map(drop),
        Deed::Select => {
            let rows = get(0).fetch()?.records("")?;
            drop((0..amount).map(|_| rows.having("id")).collect::<Vec<_>>());
            Ok(())
        }
        Deed::Begin => (0..amount).map(|at| get(at).begin()).collect::<Result<Vec<_>>>().map(drop),
        Deed::Leave => {
            let begun = (0..amount).map(|at| get(at).begin()).collect::<Result<Vec<_>>>()?;
            get(amount).fetch()?;
            begun.into_iter().try_for_each(|pending| pending.wait().map(drop))
        }
        Deed::Log => {
            (0..amount).for_each(|at| log::info(&format!("line {at}\u{1b}[2J\r\nforged")));
            Ok(())
        }
        Deed::Toil => loop {
            for at in 0..1_000_000u32 {
                black_box(at);
            }
            upsert("user", &Batch::from_json(b"[]")?)?;
        },
        Deed::Spin => spin(),
        Deed::Recurse => loop {
            black_box(depth(1_000));
        },
        Deed::Flood => loop {
            log::debug(if clock::now() % 2 == 0 { "even" } else { "odd" });
        },
    }
}

#[inline(never)]
fn depth(left: u64) -> u64 {
    if black_box(left) == 0 { 0 } else { black_box(depth(left - 1)) + 1 }
}

fn spin() -> ! {
    loop {
        black_box(());
    }
}
