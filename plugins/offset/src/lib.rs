//! Offset: ask for what changed since an update time, sorted, and go from page to page by moving that time.
//!
//! Where the source does not sort or filter, nothing can be anchored: everything is read, again and again until two
//! passes agree.

mod config;
#[cfg(test)]
mod tests;
mod walk;

use serde::{Deserialize, Serialize};
use tidegate_sdk::{Batch, Cursor, Error, Request, Result, Span, Strategy, Table, checkpoint, log, upsert};

pub use config::Config;
use walk::{Verdict, View, Walk};

/// The strategy.
#[derive(Debug)]
pub struct Offset;

/// What a later run needs to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The cursor: everything up to here has been read, if the source sorts as it should.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_updated_at: Option<String>,
    /// The reading that was under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    under_way: Option<UnderWay>,
}

/// A reading that has not come to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnderWay {
    /// The cursor when it began. A later page may show that the source does not sort; then this is where to go back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    began_at: Option<String>,
}

tidegate_sdk::export!(Offset);

impl Strategy for Offset {
    const NAME: &'static str = "offset";
    const SUMMARY: &'static str = "Reads APIs that take a limit and an offset, and sort and filter by an update time.";

    type Config = Config;
    type State = State;

    fn tables(config: &Config) -> Result<Vec<Table>> {
        Ok(config.table.declare(config.is_default_path()))
    }

    fn sync(config: &Config, state: Option<State>) -> Result<()> {
        let mut reader = Reader::new(config, state.unwrap_or_default())?;
        match config.can_anchor() {
            true => reader.read()?,
            false => reader.read_plainly()?,
        }
        reader.seal(None)?;
        reader.cursor.report();
        Ok(())
    }
}

struct Reader<'a> {
    config: &'a Config,
    /// The cursor when this reading began, perhaps in an earlier run.
    began_at: Option<String>,
    /// The text of the durable cursor.
    durable: Option<String>,
    /// The greatest instant taken.
    cursor: Cursor,
}

impl<'a> Reader<'a> {
    fn new(config: &'a Config, state: State) -> Result<Self> {
        let durable = state.last_updated_at;
        let cursor = Cursor::resume(&config.cursor, durable.as_deref())?;
        let began_at = state.under_way.map_or_else(|| durable.clone(), |reading| reading.began_at);
        Ok(Reader { config, began_at, durable, cursor })
    }

    /// Reads from anchor to anchor.
    fn read(&mut self) -> Result<()> {
        let mut walk = Walk::new(self.cursor.greatest().cloned(), self.config.page_size.get());
        loop {
            let since = walk.anchor().map(|anchor| self.cursor.reaching(anchor));
            let rows = self.fetch(&self.config.page(since.as_ref(), walk.offset()))?;
            let page = self.view(&rows)?;
            match walk.judge(&page, since.as_ref())? {
                Verdict::Take => {}
                Verdict::Prove => {
                    let proof = self.fetch(&self.config.page(since.as_ref(), walk.proof_offset()))?;
                    if !walk.proves(&self.view(&proof)?)? {
                        continue;
                    }
                }
                Verdict::Leap => {
                    self.durable = self.cursor.text();
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
                self.durable = self.cursor.text();
            }
            self.seal(Some(UnderWay { began_at: self.began_at.clone() }))?;
        }
        self.durable = self.cursor.text();
        let was_all_asked_for = walk.anchor().is_none();
        if self.began_at.is_none() && !was_all_asked_for { self.read_without_cursor() } else { Ok(()) }
    }

    /// Reads by growing offsets.
    fn read_plainly(&mut self) -> Result<()> {
        // What was taken so far says nothing of the records before it.
        self.durable = self.began_at.clone();
        let cursor = Cursor::resume(&self.config.cursor, self.began_at.as_deref())?;
        let since = cursor.since();
        self.repeat(|reader| {
            reader.cursor = cursor.clone();
            reader.pass(|config, offset| Some(config.page(since.as_ref(), offset)), |_| false)
        })?;
        self.durable = self.cursor.text();
        Ok(())
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
        self.cursor.reset(self.durable.as_deref())
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
        let (mut offset, mut seen) = (0, Vec::new());
        while let Some(request) = request(self.config, offset) {
            let rows = self.fetch(&request)?;
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
            offset += u64::from(rows.len());
            self.stage(rows)?;
            self.seal(Some(UnderWay { began_at: self.began_at.clone() }))?;
        }
        Ok(seen)
    }

    fn fetch(&self, request: &Request) -> Result<Batch> {
        request.fetch()?.records(&self.config.source.record_pointer)
    }

    fn stage(&mut self, rows: Batch) -> Result<()> {
        let rows = self.cursor.admit(rows)?;
        if rows.is_empty() { Ok(()) } else { upsert(&self.config.table.table, &rows) }
    }

    fn seal(&self, under_way: Option<UnderWay>) -> Result<()> {
        checkpoint(&State { last_updated_at: self.durable.clone(), under_way })
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
        })
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
