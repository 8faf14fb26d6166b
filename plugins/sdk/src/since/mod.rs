//! Reading everything since an instant, from a source that has no pages: asked again from where its answer ended.
//!
//! [`walk`] decides what to ask; here it is asked, and what was not seen before is staged.

mod disorder;
mod refusal;
#[cfg(test)]
mod tests;
mod walk;

use serde::{Deserialize, Serialize};

use crate::{
    Batch, Cursor, CursorOptions, Error, Period, Result, SinceOptions, SourceOptions, Stamp, Table, TableOptions,
    checkpoint, upsert,
};
use walk::{Answer, Source, Walk};

/// What a later run needs to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinceState {
    /// The cursor: the greatest instant seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_timestamp: Option<String>,
    /// The cursor's instant, in nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// How many records the longest answer had. The source does not cut off shorter ones.
    #[serde(default)]
    pub longest_answer: u32,
}

/// A source that is asked for everything since an instant.
#[derive(Clone, Copy, Debug)]
pub struct Since<'a> {
    /// The endpoint.
    pub endpoint: &'a SinceOptions,
    /// How requests are made.
    pub source: &'a SourceOptions,
    /// The cursor field.
    pub cursor: &'a CursorOptions,
    /// The table.
    pub table: &'a TableOptions,
}

impl Since<'_> {
    /// The tables that will be written.
    pub fn tables(&self) -> Vec<Table> {
        self.table.declare(self.endpoint.is_default_path())
    }

    /// Reads everything from `look_back` before the cursor on, and moves the cursor along. Checkpoints wherever nothing
    /// before the cursor is left out.
    pub fn read(&self, state: Option<SinceState>, look_back: Period) -> Result<()> {
        let SinceState { last_timestamp, order, longest_answer } = state.unwrap_or_default();
        let cursor = Cursor::resume(self.cursor, last_timestamp.as_deref())?.ordered(order.as_deref());
        let start = cursor.greatest().map(|greatest| cursor.reaching(&greatest.earlier(look_back)));
        let mut reader = Reader { plan: self, cursor, last: None };
        Walk::new(&mut reader, self.cursor, self.endpoint.page_cap, longest_answer).run(start)?;
        reader.cursor.report();
        Ok(())
    }
}

struct Reader<'a> {
    plan: &'a Since<'a>,
    cursor: Cursor,
    /// The records of the answer before.
    last: Option<Batch>,
}

impl Source for Reader<'_> {
    fn ask(&mut self, since: Option<&Stamp>) -> Result<Answer> {
        let (rows, fresh) = self.fetch(since)?;
        let answer = self.describe(&rows, &fresh)?;
        let before = self.cursor.greatest().cloned();
        let fresh = self.cursor.admit(fresh)?;
        if !fresh.is_empty() {
            upsert(&self.plan.table.table, &fresh)?;
        }
        self.last = Some(rows);
        let cursor = self.cursor.greatest();
        let begins_at_cursor = answer.least >= self.cursor.since();
        Ok(Answer {
            has_moved: cursor != before.as_ref(),
            is_new: before.is_none() || answer.least > before,
            begins_at_cursor,
            is_at_cursor: begins_at_cursor && answer.greatest.as_ref() == cursor,
            ..answer
        })
    }

    fn peek(&mut self, since: Option<&Stamp>) -> Result<Answer> {
        let (rows, fresh) = self.fetch(since)?;
        self.describe(&rows, &fresh)
    }

    fn settle(&mut self, longest_answer: u32) -> Result<()> {
        let last_timestamp = self.cursor.text();
        let order = self.cursor.order_of(last_timestamp.as_deref());
        checkpoint(&SinceState { last_timestamp, order, longest_answer })
    }

    fn without_filter(&self) -> Error {
        let parameter = &self.plan.endpoint.since_parameter;
        Error::unsupported(format!(
            "the source ignores `{parameter}`: it answers the same whatever it is asked for, and if it has more than it \
             shows, there is no way to ask for that. Correct `since_parameter`; or set `page_cap` to `none` if each \
             answer has all records"
        ))
    }
}

impl Reader<'_> {
    /// An answer, and those of its records that the answer before does not have.
    fn fetch(&self, since: Option<&Stamp>) -> Result<(Batch, Batch)> {
        let Since { endpoint, source, .. } = self.plan;
        let request = source.request(&endpoint.path).query_some(&endpoint.since_parameter, since.map(Stamp::text));
        let rows = request.fetch()?.records(&source.record_pointer)?;
        let fresh = match &self.last {
            Some(last) => rows.unseen(last),
            None => rows.slice(0, rows.len()),
        };
        Ok((rows, fresh))
    }

    fn describe(&self, rows: &Batch, fresh: &Batch) -> Result<Answer> {
        let span = self.cursor.span(rows, false)?;
        let count = rows.len();
        Ok(Answer {
            count,
            readable: count - span.absent - span.unreadable,
            least: self.read(span.least),
            greatest: self.read(span.greatest),
            at_greatest: span.at_greatest,
            is_ascending: span.ascending,
            instants: if span.ascending { Vec::new() } else { self.instants(rows) },
            sample: self.least_of_last(rows, walk::SAMPLE)?,
            overlap: self.least_of_last(rows, walk::overlap(count))?,
            fresh: fresh.len(),
            fresh_least: self.read(self.cursor.span(fresh, false)?.least),
            ..Answer::default()
        })
    }

    /// The least instant of the last records.
    fn least_of_last(&self, rows: &Batch, count: u32) -> Result<Option<Stamp>> {
        let part = rows.slice(rows.len().saturating_sub(count), rows.len());
        Ok(self.read(self.cursor.span(&part, false)?.least))
    }

    /// Looks at every value, which only an answer out of order makes necessary.
    fn instants(&self, rows: &Batch) -> Vec<Stamp> {
        let values = rows.column(&self.plan.cursor.cursor_field);
        values.iter().flatten().filter_map(|text| self.cursor.read(text)).collect()
    }

    fn read(&self, text: Option<String>) -> Option<Stamp> {
        text.and_then(|text| self.cursor.read(&text))
    }
}
