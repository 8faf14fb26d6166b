//! How far a source was read: the greatest instant that its records showed.
//!
//! It moves forward only, compares instants and never text, and never passes the beginning of the run, so that a record
//! dated in the future hides nothing.

use crate::config::MissingCursor;
use crate::{Batch, CursorOptions, Error, Filter, Format, Period, Result, Span, Stamp, clock, log};

/// The greatest instant seen so far.
#[derive(Clone, Debug)]
pub struct Cursor {
    options: CursorOptions,
    format: Format,
    order: String,
    /// Whether states have an order, beside the text.
    has_order: bool,
    until: Stamp,
    greatest: Option<Stamp>,
    absent: u64,
    unreadable: u64,
    beyond: u64,
}

impl Cursor {
    /// Where a saved text left off; at the beginning without one.
    pub fn resume(options: &CursorOptions, saved: Option<&str>) -> Result<Cursor> {
        Cursor::started_at(options, saved, clock::started())
    }

    fn started_at(options: &CursorOptions, saved: Option<&str>, started: i64) -> Result<Cursor> {
        let format = options.format()?;
        let greatest = saved.map(|text| read_saved(&format, text)).transpose()?;
        let until = format.at_millis(started).earlier(options.future_margin);
        let order = format.order();
        let options = options.clone();
        let (has_order, absent, unreadable, beyond) = (true, 0, 0, 0);
        Ok(Cursor { options, format, order, has_order, until, greatest, absent, unreadable, beyond })
    }

    /// Call it right after [`Cursor::resume`], with the order that was saved beside the text. If the text no longer says
    /// that instant, the options were changed: then the states of this run have no order, since the host would take
    /// the first one for a step backward.
    #[must_use]
    pub fn ordered(mut self, saved: Option<&str>) -> Cursor {
        self.has_order = saved.is_none() || saved == self.order_of(self.text().as_deref()).as_deref();
        self
    }

    /// Moves forward to a saved text; one that is before the cursor changes nothing.
    pub fn follow(&mut self, saved: Option<&str>) -> Result<()> {
        if let Some(text) = saved {
            self.advance(read_saved(&self.format, text)?);
        }
        Ok(())
    }

    /// Never passes this moment, in milliseconds since 1970, less the margin. Without it, the beginning of the run: a
    /// reading that goes on in a later run must keep to the run in which it began.
    pub fn end_at(&mut self, millis: i64) {
        self.until = self.format.at_millis(millis).earlier(self.options.future_margin);
    }

    /// Takes a page's records into account and returns those to deliver.
    pub fn admit(&mut self, rows: Batch) -> Result<Batch> {
        let span = self.span(&rows, true)?;
        self.refuse(&span)?;
        if let Some(seen) = span.greatest.as_deref().and_then(|text| self.format.read(text)) {
            self.advance(seen);
        }
        self.absent += u64::from(span.absent);
        self.unreadable += u64::from(span.unreadable);
        self.beyond += u64::from(span.beyond);
        let is_skipping = self.options.missing_cursor == MissingCursor::Skip && span.absent > 0;
        Ok(if is_skipping { rows.having(&self.options.cursor_field) } else { rows })
    }

    /// Where the cursor field of these records lies; `is_capped` leaves what is beyond the run's beginning out.
    pub fn span(&self, rows: &Batch, is_capped: bool) -> Result<Span> {
        let until = is_capped.then(|| self.until.text());
        rows.span(&self.options.cursor_field, &self.order, until)
    }

    /// Moves forward to an instant; a lesser one changes nothing.
    pub fn advance(&mut self, seen: Stamp) {
        if self.greatest.as_ref().is_none_or(|greatest| *greatest < seen) {
            self.greatest = Some(seen);
        }
    }

    /// The greatest instant seen.
    pub fn greatest(&self) -> Option<&Stamp> {
        self.greatest.as_ref()
    }

    /// Its text, as the source wrote it: what a state keeps.
    pub fn text(&self) -> Option<String> {
        self.greatest.as_ref().map(|stamp| stamp.text().to_owned())
    }

    /// What a state keeps beside a text of the source, for the host to see that it goes forward: nanoseconds since 1970.
    /// The text alone does not say its format, nor its zone.
    pub fn order_of(&self, text: Option<&str>) -> Option<String> {
        let stamp = text.filter(|_| self.has_order).and_then(|text| self.format.read(text))?;
        Some(stamp.nanos().to_string())
    }

    /// The value that a request must carry so that no record at the cursor or after it is missed.
    pub fn since(&self) -> Option<Stamp> {
        self.greatest.as_ref().map(|stamp| self.reaching(stamp))
    }

    /// The value that a request must carry so that records at `stamp` come along.
    pub fn reaching(&self, stamp: &Stamp) -> Stamp {
        match self.options.filter {
            Filter::Inclusive => stamp.clone(),
            Filter::Exclusive | Filter::Unknown => stamp.earlier(self.granularity(stamp)),
        }
    }

    /// The smallest step between two values of the field.
    pub fn granularity(&self, stamp: &Stamp) -> Period {
        self.options.step(stamp)
    }

    /// Reads a value in the format of the cursor field.
    pub fn read(&self, text: &str) -> Option<Stamp> {
        self.format.read(text)
    }

    /// Tells the user of records whose cursor could not be used. Call it at the end of a run.
    pub fn report(&self) {
        let field = &self.options.cursor_field;
        let what = if self.options.missing_cursor == MissingCursor::Skip { "skipped" } else { "delivered" };
        if self.absent > 0 {
            log::warn(&format!("{} records without `{field}` were {what}", self.absent));
        }
        if self.unreadable > 0 {
            log::warn(&format!(
                "{} records with a `{field}` that is no timestamp of the configured `cursor_format` were delivered",
                self.unreadable
            ));
        }
        if self.beyond > 0 {
            log::info(&format!(
                "{} records are dated after the beginning of the run; they were delivered, and will be read again",
                self.beyond
            ));
        }
    }

    fn refuse(&self, span: &Span) -> Result<()> {
        let field = &self.options.cursor_field;
        if self.options.missing_cursor == MissingCursor::Fail && span.absent + span.unreadable > 0 {
            let count = span.absent + span.unreadable;
            return Err(Error::unsupported(format!(
                "{count} records of a page have no usable `{field}`, and `missing_cursor` is `fail`"
            )));
        }
        let is_nothing_readable = span.least.is_none() && self.greatest.is_none();
        if span.unreadable > 0 && is_nothing_readable {
            return Err(Error::config(format!(
                "no value of `{field}` can be read as a timestamp of the configured `cursor_format`; look at one \
                 record and set `cursor_field` and `cursor_format` to match"
            )));
        }
        Ok(())
    }
}

fn read_saved(format: &Format, text: &str) -> Result<Stamp> {
    format.read(text).ok_or_else(|| {
        Error::state(format!("the saved cursor `{text}` is no timestamp of the configured `cursor_format`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn cursor(options: &str, saved: Option<&str>) -> Cursor {
        let options: CursorOptions = json::from_str(options).expect(options);
        Cursor::started_at(&options, saved, 1_800_000_000_000).expect("a cursor")
    }

    #[test]
    fn the_order_of_a_step_forward_is_greater_whatever_the_texts_look_like() {
        let check = |options: &str, earlier: &str, later: &str| {
            let cursor = cursor(options, None);
            let [earlier, later] = [earlier, later].map(|text| {
                let order = cursor.order_of(Some(text)).expect(text);
                order.parse::<i128>().expect("a whole number")
            });
            assert!(earlier < later, "{options}: {earlier} {later}");
        };
        check("{}", "2024-01-31T10:20:30+02:00", "2024-01-31T09:20:30Z");
        check(r#"{"cursor_zone": "+05:30"}"#, "2024-01-31T10:20:30", "2024-01-31T05:00:00Z");
        check(r#"{"cursor_format": "epoch_milliseconds"}"#, "99999999999", "100000000000");
        check(r#"{"cursor_format": "%d.%m.%Y"}"#, "31.01.2024", "01.02.2024");
        assert_eq!(cursor("{}", None).order_of(None), None);
    }

    #[test]
    fn a_text_that_now_means_another_instant_has_no_order() {
        let check = |options: &str, order: Option<&str>, expected: Option<&str>| {
            let cursor = cursor(options, Some("1970-01-01T06:00:00")).ordered(order);
            assert_eq!(cursor.order_of(cursor.text().as_deref()).as_deref(), expected, "{options} after {order:?}");
        };
        check("{}", None, Some("21600000000000"));
        check("{}", Some("21600000000000"), Some("21600000000000"));
        check(r#"{"cursor_zone": "+05:00"}"#, Some("21600000000000"), None);
        check(r#"{"cursor_zone": "+05:00"}"#, None, Some("3600000000000"));
    }
}
