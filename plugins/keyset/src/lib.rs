//! Keyset: ask for what changed since an update time, then follow the scroll tokens until there is none.
//!
//! Two things are kept apart: the scroll, which is where the reading stands, and the cursor, below which everything has
//! been read. The cursor moves only when a scroll has come to its end.

mod config;
mod ties;
mod token;
mod trail;

use serde::{Deserialize, Serialize};
use tidegate_sdk::{
    Batch, Cursor, Error, Filter, Page, Result, Stamp, Strategy, Table, checkpoint, clock, log, upsert,
};

pub use config::{BoundaryCheck, Config};
use ties::Ties;
use trail::Trail;

/// The strategy.
#[derive(Debug)]
pub struct Keyset;

/// What a later run needs to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The cursor: everything up to here has been read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_updated_at: Option<String>,
    /// The cursor's instant, in nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<String>,
    /// The scroll that was under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scroll: Option<Scroll>,
}

/// A scroll under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scroll {
    /// The token of the next page.
    token: String,
    /// What the cursor will be when the scroll is at its end, unless later pages show a greater one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    greatest: Option<String>,
    /// When the run that began the scroll began, in milliseconds since 1970. What was changed later may stand on a page
    /// that was read before, so the cursor must not pass it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    began: Option<i64>,
}

tidegate_sdk::export!(Keyset);

impl Strategy for Keyset {
    const NAME: &'static str = "keyset";
    const SUMMARY: &'static str = "Reads APIs that take an update time first and a scroll token for each further page.";
    const NEEDS: &'static [&'static str] = &["forward:integer:/order"];

    type Config = Config;
    type State = State;

    fn tables(config: &Config) -> Result<Vec<Table>> {
        Ok(config.table.declare(config.is_default_path()))
    }

    fn sync(config: &Config, state: Option<State>) -> Result<()> {
        let State { last_updated_at, order, scroll } = state.unwrap_or_default();
        let mut reader = Reader::new(config, last_updated_at, order.as_deref())?;
        if let Some(scroll) = scroll {
            reader.finish(scroll)?;
        }
        // A scroll of an earlier run may show the source as it was then: what changed since is read in any case.
        reader.scroll()?;
        reader.seal(None)?;
        reader.cursor.report();
        Ok(())
    }
}

struct Reader<'a> {
    config: &'a Config,
    /// The text of the durable cursor.
    durable: Option<String>,
    /// The greatest instant seen, within a scroll ahead of the durable cursor.
    cursor: Cursor,
    /// What the tokens have shown of records that share an instant.
    ties: Ties,
}

/// A page and the request that it answers.
struct Answer {
    page: Page,
    /// The scroll token of the request; none for the first page of a scroll.
    token: Option<String>,
    /// The update time that the scroll was begun with.
    since: Option<Stamp>,
    /// When the run that began the scroll began.
    began: i64,
}

impl<'a> Reader<'a> {
    fn new(config: &'a Config, durable: Option<String>, order: Option<&str>) -> Result<Self> {
        let cursor = Cursor::resume(&config.cursor, durable.as_deref())?.ordered(order);
        Ok(Reader { config, durable, cursor, ties: Ties::default() })
    }

    /// Goes on with the scroll of an earlier run. A token that is no longer known costs only the time to read again.
    fn finish(&mut self, scroll: Scroll) -> Result<()> {
        let Some(began) = scroll.began else { return Ok(()) };
        let since = self.cursor.since();
        let page = match self.config.next(&scroll.token, since.as_ref())?.fetch() {
            Err(error) if matches!(error.status(), Some(400 | 404 | 410 | 422)) => return self.forget_scroll(),
            page => page?,
        };
        // Some sources answer an unknown token as if nothing were left.
        if page.records(&self.config.source.record_pointer)?.is_empty() {
            return self.forget_scroll();
        }
        self.cursor.follow(scroll.greatest.as_deref())?;
        self.cursor.end_at(began);
        self.read(Answer { page, token: Some(scroll.token), since, began })?;
        self.cursor.end_at(clock::started());
        Ok(())
    }

    fn forget_scroll(&self) -> Result<()> {
        log::info("the source no longer knows the saved scroll token; reading on from the last cursor");
        Ok(())
    }

    /// Reads what changed since the cursor.
    fn scroll(&mut self) -> Result<()> {
        let since = self.cursor.since();
        let page = self.config.first(since.as_ref())?.fetch()?;
        self.read(Answer { page, token: None, since, began: clock::started() })
    }

    /// Reads a scroll to its end, from its first page or from a later one. The last page is left to the next checkpoint:
    /// a scroll that brought no later instant would seal the very state from which the next one begins.
    fn read(&mut self, first: Answer) -> Result<()> {
        let Answer { mut page, token, since, began } = first;
        let mut trail = Trail::from(token.as_deref());
        while let Some(token) = self.take(&page, &mut trail)? {
            if !self.ties.are_in_doubt() {
                let scroll = Scroll { token: token.clone(), greatest: self.cursor.text(), began: Some(began) };
                self.seal(Some(scroll))?;
            }
            page = self.config.next(&token, since.as_ref())?.fetch()?;
        }
        self.durable = self.cursor.text();
        Ok(())
    }

    fn seal(&self, scroll: Option<Scroll>) -> Result<()> {
        let order = self.cursor.order_of(self.durable.as_deref());
        checkpoint(&State { last_updated_at: self.durable.clone(), order, scroll })
    }

    /// Stages a page, and what its token would skip. Returns the token.
    fn take(&mut self, page: &Page, trail: &mut Trail) -> Result<Option<String>> {
        let rows = page.records(&self.config.source.record_pointer)?;
        let token = trail.follow(page.text(&self.config.scroll_pointer)?, rows.len(), || self.print(&rows))?;
        let skipped = match &token {
            Some(token) => self.skipped_ties(token, &rows)?,
            None => None,
        };
        self.ties.settle(|| Ok(self.cursor.span(&rows, false)?.least.and_then(|text| self.cursor.read(&text))))?;
        self.stage(rows)?;
        if let Some(instant) = skipped {
            self.read_ties(&instant)?;
        }
        Ok(token)
    }

    /// A fingerprint of which records these are, and of when they were changed.
    fn print(&self, rows: &Batch) -> u64 {
        let mut fields: Vec<&str> = self.config.table.primary_key.iter().map(String::as_str).collect();
        if !fields.is_empty() {
            fields.push(&self.config.cursor.cursor_field);
        }
        rows.fingerprint(&fields)
    }

    fn stage(&mut self, rows: Batch) -> Result<()> {
        let rows = self.cursor.admit(rows)?;
        if rows.is_empty() { Ok(()) } else { upsert(&self.config.table.table, &rows) }
    }

    /// The instant of a page's last record, where the next page may leave out others of it.
    fn skipped_ties(&mut self, token: &str, rows: &Batch) -> Result<Option<Stamp>> {
        match self.config.boundary_check {
            BoundaryCheck::Never => Ok(None),
            BoundaryCheck::Always => self.greatest_of(rows),
            BoundaryCheck::Auto => {
                let texts = token::readings(token);
                let named: Vec<Stamp> = texts.iter().filter_map(|text| self.cursor.read(text)).collect();
                let last = if named.is_empty() { None } else { self.greatest_of(rows)? };
                let last = last.filter(|last| named.contains(last));
                self.ties.see(last.is_some() && token::names(&texts, &self.last_key(rows)));
                Ok(last.filter(|_| !self.ties.are_safe()))
            }
        }
    }

    /// The parts of the last record's key.
    fn last_key(&self, rows: &Batch) -> Vec<Option<String>> {
        let last = rows.slice(rows.len().saturating_sub(1), rows.len());
        self.config.table.primary_key.iter().flat_map(|field| last.column(field)).collect()
    }

    /// Reads the records at the instant `last`, by the filter instead of the token.
    fn read_ties(&mut self, last: &Stamp) -> Result<()> {
        // With an unknown filter its own value comes first: where the answer has it, the filter is inclusive.
        let is_worth_trying = self.config.cursor.filter != Filter::Exclusive;
        if is_worth_trying && self.read_from(last, last)? {
            return Ok(());
        }
        self.read_from(&self.cursor.reaching(last), last).map(|_| ())
    }

    /// Reads one page from `since` on. Returns whether it reaches back to the instant `last`.
    fn read_from(&mut self, since: &Stamp, last: &Stamp) -> Result<bool> {
        let page = self.config.first(Some(since))?.fetch()?;
        let rows = page.records(&self.config.source.record_pointer)?;
        let span = self.cursor.span(&rows, false)?;
        let read = |text: &Option<String>| text.as_deref().and_then(|text| self.cursor.read(text));
        let (least, greatest) = (read(&span.least), read(&span.greatest));
        let count = rows.len();
        self.stage(rows)?;
        let goes_beyond = greatest.is_some_and(|greatest| greatest > *last);
        let is_cut = count > 0 && page.text(&self.config.scroll_pointer)?.is_some();
        if !goes_beyond && is_cut {
            let error = Error::unsupported(format!(
                "more records share the `{}` {} than a page holds ({count}), and the scroll token of this source skips \
                 those that do not fit; ask for larger pages (`page_size`), or use another strategy",
                self.config.cursor.cursor_field,
                last.text()
            ));
            self.ties.overflow(last, error)?;
        }
        Ok(least.is_some_and(|least| least <= *last))
    }

    /// The greatest instant of a page, even beyond the beginning of the run.
    fn greatest_of(&self, rows: &Batch) -> Result<Option<Stamp>> {
        let span = self.cursor.span(rows, false)?;
        Ok(span.greatest.and_then(|text| self.cursor.read(&text)))
    }
}
