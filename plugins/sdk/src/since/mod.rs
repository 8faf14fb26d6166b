//! Reading everything since an instant, from a source that has no pages: asked again from where its answer ended.
//!
//! [`walk`] decides what to ask; here it is asked, and what was not seen before is staged.

#[cfg(test)]
mod tests;
mod walk;

use serde::{Deserialize, Serialize};

use crate::{
    Batch, Cursor, CursorOptions, Result, SinceOptions, SourceOptions, Stamp, TableOptions, checkpoint, log, upsert,
};
use walk::{Answer, Source, Walk};

/// What a later run needs to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinceState {
    /// The cursor: the greatest instant seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_timestamp: Option<String>,
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
    /// Stages everything from `start` on, the beginning without one, and moves the cursor along. Checkpoints wherever
    /// nothing before the cursor is left out.
    pub fn read(&self, start: Option<Stamp>, cursor: Cursor, longest_answer: u32) -> Result<()> {
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
        let Since { endpoint, source, table, .. } = self.plan;
        let request = source.request(&endpoint.path).query_some(&endpoint.since_parameter, since.map(Stamp::text));
        let rows = request.fetch()?.records(&source.record_pointer)?;
        let fresh = match &self.last {
            Some(last) => rows.unseen(last),
            None => rows.slice(0, rows.len()),
        };
        let answer = self.describe(&rows, &fresh)?;
        let greatest = self.cursor.greatest().cloned();
        let fresh = self.cursor.admit(fresh)?;
        if !fresh.is_empty() {
            upsert(&table.table, &fresh)?;
        }
        self.last = Some(rows);
        let has_moved = self.cursor.greatest() != greatest.as_ref();
        Ok(Answer { has_moved, begins_at_cursor: answer.least >= self.cursor.since(), ..answer })
    }

    fn settle(&mut self, longest_answer: u32) -> Result<()> {
        checkpoint(&SinceState { last_timestamp: self.cursor.text(), longest_answer })
    }

    fn warn_of_filter(&self) {
        let parameter = &self.plan.endpoint.since_parameter;
        log::warn(&format!(
            "the source ignores `{parameter}`: it answers the same whatever it is asked for. Each run reads that answer; \
             if the source has more than it shows, it cannot be read in this way"
        ));
    }
}

impl Reader<'_> {
    fn describe(&self, rows: &Batch, fresh: &Batch) -> Result<Answer> {
        let read = |text: Option<String>| text.and_then(|text| self.cursor.read(&text));
        let span = self.cursor.span(rows, false)?;
        let least_of_last = |count: u32| -> Result<Option<Stamp>> {
            let part = rows.slice(rows.len().saturating_sub(count), rows.len());
            Ok(read(self.cursor.span(&part, false)?.least))
        };
        Ok(Answer {
            count: rows.len(),
            least: read(span.least),
            greatest: read(span.greatest),
            is_ascending: span.ascending,
            is_descending: !span.ascending && self.is_descending(rows),
            sample: least_of_last(walk::SAMPLE)?,
            overlap: least_of_last(walk::overlap(rows.len()))?,
            fresh: fresh.len(),
            fresh_least: read(self.cursor.span(fresh, false)?.least),
            has_moved: false,
            begins_at_cursor: false,
        })
    }

    /// Looks at every value, which only an answer out of order makes necessary.
    fn is_descending(&self, rows: &Batch) -> bool {
        let values = rows.column(&self.plan.cursor.cursor_field);
        values
            .iter()
            .flatten()
            .filter_map(|text| self.cursor.read(text))
            .is_sorted_by(|earlier, later| earlier >= later)
    }
}
