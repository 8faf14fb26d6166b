//! A strategy of which the tests make versions, by changing a few bytes of its component: its version and its form stand
//! in one place of its memory.
//!
//! It reads `/rows?after=<id>` until a page is empty, and seals each page.

use std::ptr::read_volatile;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate_sdk::{Error, Request, Result, Strategy, Table, checkpoint, json, upsert};

/// What tests look for and change: `<mark><version> <form>`, filled with spaces.
#[used]
static VARIANT: [u8; 64] = *b"tidegate-variant:1.0.0 plain                                    ";

/// The length of the mark.
const MARK: usize = 17;

fn variant() -> Vec<String> {
    // SAFETY: it reads a static of this crate. The compiler must not know what stands in it.
    let bytes = unsafe { read_volatile(&raw const VARIANT) };
    let text = String::from_utf8_lossy(&bytes[MARK..]).into_owned();
    text.split_whitespace().map(str::to_owned).collect()
}

fn is(form: &str) -> bool {
    variant().iter().skip(1).any(|word| word == form)
}

/// The strategy.
#[derive(Debug)]
pub struct Variant;

/// What a user can say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The table.
    #[serde(default = "table")]
    pub table: String,
}

fn table() -> String {
    "row".to_owned()
}

/// Where it left off, in the words of both forms.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct State {
    /// Of the first form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// Of the form `renamed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
}

impl State {
    fn at(id: u64) -> State {
        match is("renamed") {
            true => State { last: None, position: Some(id) },
            false => State { last: Some(id), position: None },
        }
    }

    fn id(&self) -> Result<u64> {
        let id = if is("renamed") { self.position } else { self.last };
        id.ok_or_else(|| Error::state("the state is of another form".to_owned()))
    }
}

impl Strategy for Variant {
    const NAME: &'static str = "variant";
    const SUMMARY: &'static str = "Reads rows by their numbers.";

    type Config = Config;
    type State = State;

    fn tables(config: &Config) -> Result<Vec<Table>> {
        if is("picky") {
            return Err(Error::config("this version wants a configuration that nobody has".to_owned()));
        }
        if is("narrow") && config.table != table() {
            return Err(Error::config("this version writes one table only".to_owned()));
        }
        Ok(vec![Table { name: config.table.clone(), primary_key: vec!["id".into()], columns: Vec::new() }])
    }

    #[allow(clippy::panic, reason = "this is what it is for")]
    fn sync(config: &Config, state: Option<State>) -> Result<()> {
        let mut after = state.map(|state| state.id()).transpose()?.unwrap_or(0);
        for page_number in 0.. {
            let page = Request::get("/rows").query("after", after).fetch()?;
            let rows = page.records("")?;
            if rows.is_empty() {
                break;
            }
            if is("panics") && page_number == 1 {
                panic!("this version is broken");
            }
            let ids = rows.column("id");
            let rows = if is("lossy") { rows.slice(1, rows.len()) } else { rows };
            after = ids.iter().flatten().filter_map(|id| id.parse().ok()).max().unwrap_or(after);
            upsert(&config.table, &rows)?;
            checkpoint(&State::at(after))?;
        }
        Ok(())
    }

    fn migrate(_: u32, state: json::Value) -> Result<State> {
        if is("forgetful") {
            return Err(Error::state("this version knows no way from there".to_owned()));
        }
        let last = state.get("last").and_then(json::Value::as_u64);
        last.map(State::at).ok_or_else(|| Error::state("the state is of another form".to_owned()))
    }
}

#[cfg(target_family = "wasm")]
const _: () = {
    use tidegate_sdk::private;

    struct Component;

    impl private::Guest for Component {
        fn describe() -> private::Manifest {
            let mut manifest = private::describe::<Variant>(&variant()[0]);
            if is("renamed") {
                manifest.state_version = 2;
            }
            if is("greedy") {
                manifest.needs.push("polling".to_owned());
            }
            manifest
        }

        fn schema(config: String) -> Result<Vec<Table>> {
            private::tables::<Variant>(&config)
        }

        fn sync(config: String, state: Option<String>) -> Result<()> {
            private::sync::<Variant>(&config, state.as_deref())
        }

        fn migrate_state(from: u32, state: String) -> Result<String> {
            private::migrate::<Variant>(from, &state)
        }
    }

    private::export!(Component with_types_in tidegate_sdk::bindings);
};
