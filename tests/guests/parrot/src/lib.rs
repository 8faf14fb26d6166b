//! A strategy that repeats all that it hears, wherever it can: in its log, its rows, its state, its requests, and in
//! what it ends with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate_sdk::json::json;
use tidegate_sdk::{Batch, Error, Page, Request, Result, Strategy, Table, checkpoint, log, upsert};

/// The strategy.
#[derive(Debug)]
pub struct Parrot;

/// What it asks, and how it ends.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The path whose answer it repeats.
    pub path: String,
    /// How it ends.
    #[serde(default)]
    pub end: End,
}

/// The end of a run.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum End {
    /// It returns.
    #[default]
    Return,
    /// It fails.
    Fail,
    /// It panics.
    Panic,
}

/// What it heard.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct State {
    heard: String,
}

tidegate_sdk::export!(Parrot);

impl Strategy for Parrot {
    const NAME: &'static str = "parrot";
    const SUMMARY: &'static str = "Repeats all that it hears.";

    type Config = Config;
    type State = State;

    fn tables(_: &Config) -> Result<Vec<Table>> {
        Ok(vec![Table { name: "heard".into(), primary_key: vec!["id".into()], columns: Vec::new() }])
    }

    #[allow(clippy::panic, reason = "this is what it is for")]
    fn sync(config: &Config, _: Option<State>) -> Result<()> {
        let page = Request::get(&config.path).fetch()?;
        let heard = all_of(&page);
        [log::error, log::warn, log::info, log::debug].iter().for_each(|log| log(&heard));
        upsert("heard", &page.records("/records")?)?;
        let own = json!([{"id": "own", "heard": heard}]);
        upsert("heard", &Batch::from_json(own.to_string().as_bytes())?)?;
        // To the source, which heard it before.
        Request::get(&config.path).query("heard", &heard).header("X-Heard", &heard).fetch()?;
        checkpoint(&State { heard: heard.clone() })?;
        match config.end {
            End::Return => Ok(()),
            End::Fail => Err(Error::new("source.unsupported", heard)),
            End::Panic => panic!("{heard}"),
        }
    }
}

/// Body, records and headers of a page, on one line.
fn all_of(page: &Page) -> String {
    let body = String::from_utf8_lossy(&page.body()).into_owned();
    let records = page.records("/records").map(|records| records.column("echo"));
    let headers = ["set-cookie", "x-echo", "location", "link", "www-authenticate"];
    let headers: Vec<_> = headers.iter().filter_map(|name| page.header(name)).collect();
    let pointers = ["/records", "/records/0", "/records/0/echo"];
    let values: Vec<_> = pointers.iter().filter_map(|pointer| page.text(pointer).ok().flatten()).collect();
    format!("{body} {records:?} {headers:?} {values:?}").replace(char::is_control, " ")
}
