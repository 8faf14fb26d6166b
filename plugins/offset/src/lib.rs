//! Offset: ask for what changed since an update time, sorted, and go from page to page by moving that time.
//!
//! Where the source does not sort or filter, nothing can be anchored: everything is read, again and again until two
//! passes agree.

mod config;
#[cfg(test)]
mod tests;
mod walk;

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};
use tidegate_sdk::json::{self, Value};
use tidegate_sdk::{Ahead, Batch, Cursor, Error, Request, Result, Span, Strategy, Table, checkpoint, log, upsert};

pub use config::Config;
use walk::{Verdict, View, Walk};

/// The strategy.
#[derive(Debug)]
pub struct Offset;

/// What a later run needs to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The cursor: everything up to here has been read. It moves when a reading has come to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_updated_at: Option<String>,
    /// The cursor's instant, in nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<String>,
    /// The reading that was under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    under_way: Option<UnderWay>,
}

/// A reading that has not come to its end. It begins at the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnderWay {
    /// Everything up to here has been read, if the source sorts as it should.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    anchor: Option<String>,
    /// Whether the source was found not to sort, so that everything behind the cursor is read in plain passes.
    #[serde(default, skip_serializing_if = "is_false")]
    plain: bool,
}

/// The first form of the state: its cursor moved along with the pages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StateOfPages {
    last_updated_at: Option<String>,
    under_way: Option<Began>,
}

/// Where the reading under way began, in the first form of the state.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Began {
    began_at: Option<String>,
}

impl From<StateOfPages> for State {
    fn from(StateOfPages { last_updated_at, under_way }: StateOfPages) -> State {
        match under_way {
            None => State { last_updated_at, ..State::default() },
            Some(Began { began_at }) => {
                let under_way = Some(UnderWay { anchor: last_updated_at, plain: false });
                State { last_updated_at: began_at, under_way, ..State::default() }
            }
        }
    }
}

tidegate_sdk::export!(Offset);

impl Strategy for Offset {
    const NAME: &'static str = "offset";
    const SUMMARY: &'static str = "Reads APIs that take a limit and an offset, and sort and filter by an update time.";
    const STATE_VERSION: u32 = 2;
    const NEEDS: &'static [&'static str] = &["forward:integer:/order"];

    type Config = Config;
    type State = State;

    fn tables(config: &Config) -> Result<Vec<Table>> {
        Ok(config.table.declare(config.is_default_path()))
    }

    fn sync(config: &Config, state: Option<State>) -> Result<()> {
        let mut reader = Reader::new(config, state.unwrap_or_default())?;
        match reader.under_way.plain {
            false => reader.read()?,
            true => reader.read_plainly()?,
        }
        reader.seal(reader.cursor.text(), None)?;
        reader.cursor.report();
        Ok(())
    }

    fn migrate(from: u32, state: Value) -> Result<State> {
        match from {
            1 => json::from_value::<StateOfPages>(state)
                .map(State::from)
                .map_err(|error| Error::state(error.to_string())),
            _ => Err(Error::state(format!("the state is of version {from}, which offset never wrote"))),
        }
    }
}

struct Reader<'a> {
    config: &'a Config,
    /// The cursor when this reading began, perhaps in an earlier run.
    began_at: Option<String>,
    /// What was saved beside it.
    order: Option<String>,
    under_way: UnderWay,
    /// The greatest instant taken.
    cursor: Cursor,
    ahead: Ahead,
}

impl<'a> Reader<'a> {
    fn new(config: &'a Config, State { last_updated_at: began_at, order, under_way }: State) -> Result<Self> {
        let UnderWay { anchor, plain } = under_way.unwrap_or_default();
        let mut cursor = Cursor::resume(&config.cursor, began_at.as_deref())?.ordered(order.as_deref());
        cursor.follow(anchor.as_deref())?;
        let under_way = UnderWay { anchor, plain: plain || !config.can_anchor() };
        let ahead = Ahead::new(config.flight);
        Ok(Reader { config, began_at, order, under_way, cursor, ahead })
    }

    /// Reads from anchor to anchor.
    fn read(&mut self) -> Result<()> {
        let (config, anchor) = (self.config, self.cursor.greatest().cloned());
        let mut walk = Walk::new(anchor, config.page_size.get()).in_windows_of(config.flight.window.get());
        loop {
            let since = walk.anchor().map(|anchor| self.cursor.reaching(anchor));
            let offset = walk.offset();
            let following = walk.following().map(|offset| config.page(since.as_ref(), offset));
            let rows = match self.fetch_ahead(&config.page(since.as_ref(), offset), following) {
                Err(error) if is_refusal(&error) && walk.leaves_window() => {
                    self.under_way.anchor = self.cursor.text();
                    continue;
                }
                rows => rows.map_err(|error| self.explain(offset, error))?,
            };
            let mut page = self.view(&rows)?;
            if walk.counts_each(&page) {
                page.each = self.each(&rows)?;
            }
            match walk.judge(&page, since.as_ref())? {
                Verdict::Take => {}
                Verdict::Prove => {
                    let proof = self.fetch(&self.config.page(since.as_ref(), walk.proof_offset()))?;
                    if !walk.proves(&self.view(&proof)?)? {
                        continue;
                    }
                }
                Verdict::Leap => {
                    self.under_way.anchor = self.cursor.text();
                    continue;
                }
                Verdict::Again => {
                    log::info("rows have moved while they were read; reading them again");
                    continue;
                }
                Verdict::End => break,
                Verdict::Plain(reason) => {
                    log::warn(&format!(
                        "the source cannot be read by its update time: {reason}; reading everything since the last \
                         run again and again, until two passes agree"
                    ));
                    return self.read_plainly();
                }
            }
            self.stage(rows)?;
            if walk.advance(&page) {
                self.under_way.anchor = self.cursor.text();
            }
            self.seal_under_way()?;
        }
        self.under_way.anchor = self.cursor.text();
        let was_all_asked_for = walk.anchor().is_none();
        if self.began_at.is_none() && !was_all_asked_for { self.read_without_cursor() } else { Ok(()) }
    }

    /// Reads by growing offsets, from where the reading began: what was taken so far says nothing of the records before.
    fn read_plainly(&mut self) -> Result<()> {
        self.under_way = UnderWay { anchor: None, plain: true };
        let cursor = Cursor::resume(&self.config.cursor, self.began_at.as_deref())?.ordered(self.order.as_deref());
        let since = cursor.since();
        self.repeat(|reader| {
            reader.cursor = cursor.clone();
            reader.pass(|config, offset| Some(config.page(since.as_ref(), offset)), |_| false)
        })
    }

    /// Reads the records without the cursor field, which a filter keeps back: they stand first in descending order if
    /// they stand last in ascending order.
    fn read_without_cursor(&mut self) -> Result<()> {
        let Some(request) = self.config.reverse_page(0) else { return Ok(()) };
        let rows = match self.fetch(&request) {
            Err(error) if matches!(error.status(), Some(400 | 404 | 422)) => {
                log::info("the source refuses `reverse_order_type`; records without the cursor field may be missing");
                return Ok(());
            }
            rows => rows?,
        };
        if self.cursor.span(&rows, false)?.absent == 0 {
            return Ok(());
        }
        let cursor = self.cursor.clone();
        self.repeat(|reader| {
            reader.cursor = cursor.clone();
            reader.pass(Config::reverse_page, |span| span.absent == 0)
        })?;
        // Later records came along, but not all of them: the cursor must not follow.
        self.cursor = cursor;
        Ok(())
    }

    /// Repeats a pass until two in a row have seen the same records in the same order.
    fn repeat(&mut self, mut pass: impl FnMut(&mut Self) -> Result<Vec<u64>>) -> Result<()> {
        let mut before = None;
        for _ in 0..self.config.passes.get() {
            let seen = Some(pass(self)?);
            if seen == before {
                return Ok(());
            }
            before = seen;
        }
        Err(Error::unsupported(format!(
            "rows keep moving while they are read: {} passes, and no two in a row have seen the same records. Run at a \
             quieter time, or let the source sort and filter by an update time",
            self.config.passes
        )))
    }

    /// Stages every page up to the first that is over or empty. Returns what was seen.
    fn pass(
        &mut self,
        request: impl Fn(&Config, u64) -> Option<Request>,
        is_over: impl Fn(&Span) -> bool,
    ) -> Result<Vec<u64>> {
        let (config, mut offset, mut seen) = (self.config, 0, Vec::new());
        let mut stride = u64::from(config.page_size.get());
        while let Some(next) = request(config, offset) {
            let following = (1..).map_while(|page| request(config, offset + page * stride));
            let rows = self.fetch_ahead(&next, following).map_err(|error| self.explain(offset, error))?;
            if rows.is_empty() || is_over(&self.cursor.span(&rows, false)?) {
                break;
            }
            let print = self.print(&rows);
            if seen.last() == Some(&print) {
                return Err(Error::endless(format!(
                    "the page at offset {offset} has the same records as the page before; the source seems to ignore \
                     `offset_parameter`"
                )));
            }
            seen.push(print);
            stride = u64::from(rows.len());
            offset += stride;
            self.stage(rows)?;
            self.seal_under_way()?;
        }
        Ok(seen)
    }

    fn fetch(&self, request: &Request) -> Result<Batch> {
        request.fetch()?.records(&self.config.source.record_pointer)
    }

    /// Fetches a page, and begins the next ones.
    fn fetch_ahead(&mut self, request: &Request, following: impl Iterator<Item = Request>) -> Result<Batch> {
        self.ahead.fetch(request, following)?.records(&self.config.source.record_pointer)
    }

    /// What it means that the source refuses to count as far as an offset.
    fn explain(&self, offset: u64, error: Error) -> Error {
        match error.status() {
            Some(status) if offset > 0 && is_refusal(&error) => Error::unsupported(format!(
                "the source refuses the offset {offset} with the status {status}, and the records up to there have one \
                 `{}`, or are not sorted by it, so that no smaller offset leads behind them. Ask for larger pages \
                 (`page_size`), or use another strategy",
                self.config.cursor.cursor_field
            )),
            _ => error,
        }
    }

    fn stage(&mut self, rows: Batch) -> Result<()> {
        let rows = self.cursor.admit(rows)?;
        if rows.is_empty() { Ok(()) } else { upsert(&self.config.table.table, &rows) }
    }

    fn seal_under_way(&self) -> Result<()> {
        self.seal(self.began_at.clone(), Some(self.under_way.clone()))
    }

    fn seal(&self, last_updated_at: Option<String>, under_way: Option<UnderWay>) -> Result<()> {
        let order = self.cursor.order_of(last_updated_at.as_deref());
        checkpoint(&State { last_updated_at, order, under_way })
    }

    fn view(&self, rows: &Batch) -> Result<View> {
        let span = self.cursor.span(rows, false)?;
        let (count, key) = (rows.len(), self.config.key());
        let read = |text: Option<String>| text.and_then(|text| self.cursor.read(&text));
        Ok(View {
            count,
            first: rows.slice(0, 1).fingerprint(&key),
            last: rows.slice(count.saturating_sub(1), count).fingerprint(&key),
            keys: rows.fingerprint(&key),
            is_ascending: span.ascending,
            least: read(span.least),
            greatest: read(span.greatest),
            each: Vec::new(),
        })
    }

    /// A fingerprint of each record's key, or of its content where it has none.
    fn each(&self, rows: &Batch) -> Result<Vec<u64>> {
        let key = self.config.key();
        if key.is_empty() {
            let records: Vec<Value> = json::from_slice(&rows.json())
                .map_err(|error| Error::new("source.body", format!("a page is no list of records: {error}")))?;
            return Ok(prints_of(&[records.iter().map(Value::to_string).collect()]));
        }
        Ok(prints_of(&key.iter().map(|field| rows.column(field)).collect::<Vec<_>>()))
    }

    /// A fingerprint of which records these are, and of when they were changed.
    fn print(&self, rows: &Batch) -> u64 {
        let mut fields = self.config.key();
        if !fields.is_empty() {
            fields.push(&self.config.cursor.cursor_field);
        }
        rows.fingerprint(&fields)
    }
}

/// Whether the source does not answer what it is asked for.
fn is_refusal(error: &Error) -> bool {
    matches!(error.status(), Some(400 | 404 | 413 | 414 | 416 | 422))
}

/// A fingerprint of each record, from the columns of its key.
fn prints_of<T: Hash>(columns: &[Vec<T>]) -> Vec<u64> {
    let count = columns.first().map_or(0, Vec::len);
    let print = |place: usize| {
        let mut hasher = DefaultHasher::new();
        columns.iter().for_each(|column| column.get(place).hash(&mut hasher));
        hasher.finish()
    };
    (0..count).map(print).collect()
}

fn is_false(value: &bool) -> bool {
    !value
}
