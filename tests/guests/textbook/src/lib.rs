//! The five strategies as textbooks have them, and one careful strategy into which a flaw can be planted.
//!
//! They exist to be caught: none of this is how a strategy should be written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate_sdk::{Batch, Format, Period, Request, Result, Strategy, Table, checkpoint, clock, upsert};

/// The strategy.
#[derive(Debug)]
pub struct Textbook;

/// Which one it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The textbook's chapter.
    pub form: Form,
    /// What is wrong with it, where it is careful.
    #[serde(default)]
    pub flaw: Flaw,
}

/// A chapter.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Form {
    /// Update time, then tokens, the last record's time saved after each page.
    Keyset,
    /// The offset grows by the limit; a short page is the end.
    Offset,
    /// Ask again from the last record's time until nothing comes.
    Timestamp,
    /// Ask for one range after the other; an empty one is the end.
    StepSize,
    /// Ask once from the last record's time less two hours.
    Replay,
    /// Keyset as it should be, for plain sources.
    Careful,
}

/// A planted flaw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Flaw {
    /// None.
    #[default]
    None,
    /// The checkpoint comes before the records that it covers.
    CheckpointFirst,
    /// The cursor moves at each page, although the scroll has not come to its end and its token is not kept.
    ForgetToken,
    /// The first record of each page is left out.
    SkipRecord,
    /// Each record gets a new key each time.
    NewKeys,
    /// Each record gets the time at which it was read.
    StampRecords,
    /// The name of each record is changed.
    AlterRecords,
    /// The last page is asked for again and again.
    AskAgain,
    /// A run that finds nothing new saves a cursor of a day before.
    MoveBack,
    /// Every third run begins anew.
    BeginAnew,
    /// A request that fails is taken for the end.
    Swallow,
    /// Each run adds something to the state.
    Grow,
    /// It seals the same again and again, without asking for anything.
    SealOn,
    /// Records are staged and never sealed.
    NeverSeal,
    /// It breaks off at the second page.
    Panic,
}

/// Where a strategy left off.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct State {
    cursor: Option<String>,
    token: Option<String>,
    greatest: Option<String>,
    position: u64,
    #[serde(default)]
    notes: Vec<String>,
}

tidegate_sdk::export!(Textbook);

impl Strategy for Textbook {
    const NAME: &'static str = "textbook";
    const SUMMARY: &'static str = "The strategies of the textbooks.";

    type Config = Config;
    type State = State;

    fn tables(_: &Config) -> Result<Vec<Table>> {
        Ok(vec![Table { name: "user".into(), primary_key: vec!["id".into()], columns: Vec::new() }])
    }

    fn sync(config: &Config, state: Option<State>) -> Result<()> {
        let state = state.unwrap_or_default();
        match config.form {
            Form::Keyset => keyset(state),
            Form::Offset => offset(state),
            Form::Timestamp => timestamp(state),
            Form::StepSize => step_size(state),
            Form::Replay => replay(state),
            Form::Careful => careful(state, config.flaw),
        }
    }
}

fn keyset(mut state: State) -> Result<()> {
    loop {
        let request = Request::get("/pagination/keyset");
        let request = match &state.token {
            Some(token) => request.query("scroll_param", token),
            None => request.query_some("updated_since", state.cursor.clone()),
        };
        let page = request.fetch()?;
        let rows = page.records("/data")?;
        upsert("user", &rows)?;
        state.token = page.text("/scroll_param")?;
        state.cursor = last(&rows).or(state.cursor);
        checkpoint(&state)?;
        if state.token.is_none() {
            return Ok(());
        }
    }
}

fn offset(mut state: State) -> Result<()> {
    const LIMIT: u32 = 10;
    let since = state.cursor.clone();
    loop {
        let request = Request::get("/pagination/offset").query("order_by", "updatedAt").query("order_type", "asc");
        let request = request.query_some("updated_since", since.clone());
        let rows = request.query("limit", LIMIT).query("offset", state.position).fetch()?.records("/data")?;
        upsert("user", &rows)?;
        state.cursor = last(&rows).or(state.cursor);
        state.position += u64::from(LIMIT);
        if rows.len() < LIMIT {
            state.position = 0;
            return checkpoint(&state);
        }
    }
}

fn timestamp(mut state: State) -> Result<()> {
    loop {
        let request = Request::get("/incremental/timestamp").query_some("since", state.cursor.clone());
        let rows = request.fetch()?.records("/data")?;
        if rows.is_empty() {
            return Ok(());
        }
        upsert("user", &rows)?;
        state.cursor = last(&rows).or(state.cursor);
        checkpoint(&state)?;
    }
}

fn step_size(mut state: State) -> Result<()> {
    const STEP: u64 = 10;
    state.position = state.position.max(1);
    loop {
        let request = Request::get("/incremental/step").query("start_id", state.position);
        let rows = request.query("end_id", state.position + STEP - 1).fetch()?.records("/data")?;
        if rows.is_empty() {
            return Ok(());
        }
        upsert("user", &rows)?;
        state.position += STEP;
        checkpoint(&state)?;
    }
}

fn replay(mut state: State) -> Result<()> {
    let since = state.cursor.as_deref().and_then(|cursor| before(cursor, Period::from_hours(2)));
    let rows = Request::get("/incremental/replay").query_some("since", since).fetch()?.records("/data")?;
    upsert("user", &rows)?;
    state.cursor = last(&rows).or(state.cursor);
    checkpoint(&state)
}

/// Keeps token and cursor apart, and lets the cursor move at the end of a scroll only.
fn careful(mut state: State, flaw: Flaw) -> Result<()> {
    let mut pages = 0;
    let mut is_new = false;
    let runs = state.position + 1;
    let mut notes = state.notes.clone();
    match flaw {
        Flaw::BeginAnew if runs.is_multiple_of(3) => state = State::default(),
        Flaw::Grow => notes.push(format!("run {runs} went well")),
        _ => {}
    }
    loop {
        let request = Request::get("/pagination/keyset");
        let request = match &state.token {
            Some(token) => request.query("scroll_param", token),
            None => request.query_some("updated_since", state.cursor.clone()),
        };
        let page = match request.fetch() {
            Err(_) if flaw == Flaw::Swallow => return Ok(()),
            page => page?,
        };
        pages += 1;
        assert!(flaw != Flaw::Panic || pages < 2, "the second page is too much");
        let rows = page.records("/data")?;
        let token = page.text("/scroll_param")?;
        let staged = spoil(&rows, flaw)?;
        if flaw == Flaw::NeverSeal {
            upsert("user", &staged)?;
            return Ok(());
        }
        let greatest = rows.span("updatedAt", "instant", None)?.greatest.or(state.greatest.take());
        is_new |= greatest != state.cursor;
        state = match &token {
            Some(_) if flaw == Flaw::ForgetToken => State { cursor: greatest.clone(), ..State::default() },
            Some(_) => State { greatest: greatest.clone(), token: token.clone(), ..state },
            None => {
                State { cursor: greatest.or(state.cursor), position: runs, notes: notes.clone(), ..State::default() }
            }
        };
        if flaw == Flaw::MoveBack && token.is_none() && !is_new {
            state.cursor = state.cursor.as_deref().and_then(|cursor| before(cursor, Period::from_hours(24)));
        }
        if flaw == Flaw::CheckpointFirst {
            checkpoint(&state)?;
        }
        upsert("user", &staged)?;
        checkpoint(&state)?;
        if flaw == Flaw::SealOn {
            loop {
                state.position += 1;
                checkpoint(&state)?;
            }
        }
        if token.is_none() && flaw != Flaw::AskAgain {
            return Ok(());
        }
        if flaw == Flaw::ForgetToken {
            state.token = token;
        }
    }
}

/// The records as a flaw leaves them.
fn spoil(rows: &Batch, flaw: Flaw) -> Result<Batch> {
    let json = String::from_utf8_lossy(&rows.json()).into_owned();
    let spoiled = match flaw {
        Flaw::SkipRecord => return Ok(rows.slice(1, rows.len())),
        Flaw::NewKeys => json.replace(r#"{"id":""#, &format!(r#"{{"id":"{}"#, "0".repeat(tick()))),
        Flaw::StampRecords => json.replace(r#"{"id""#, &format!(r#"{{"readAt":{},"id""#, clock::started())),
        Flaw::AlterRecords => json.replace("record", "row"),
        _ => return Ok(rows.slice(0, rows.len())),
    };
    Batch::from_json(spoiled.as_bytes())
}

/// Another small number at each run.
fn tick() -> usize {
    usize::try_from(clock::started() / 1_000 % 50).unwrap_or(1) + 1
}

fn last(rows: &Batch) -> Option<String> {
    rows.column("updatedAt").pop().flatten()
}

fn before(text: &str, period: Period) -> Option<String> {
    let format = Format::parse("auto", "+00:00").ok()?;
    Some(format.read(text)?.earlier(period).text().to_owned())
}
