//! Step-size: ask for one range of IDs after the other, until there are no more.
//!
//! The durable position is one past the greatest ID that was seen, and never beyond, however many empty ranges were
//! asked for behind it: IDs that appear there later are found by the next run.

mod config;
mod course;
mod lengths;

use serde::{Deserialize, Serialize};
use tidegate_sdk::{
    Batch, Error, Format, Page, Period, Result, Strategy, Table, checkpoint, clock, log, truncate, upsert,
};

pub use config::Config;
use course::{Course, Range};
use lengths::Lengths;

/// The strategy.
#[derive(Debug)]
pub struct StepSize;

/// What a later run needs to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// One past the greatest ID that was seen.
    current_id: u64,
    /// When the last pass began that has read every ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_full_scan: Option<String>,
    /// What is known of how the source cuts its answers.
    #[serde(default)]
    answers: Lengths,
}

tidegate_sdk::export!(StepSize);

impl Strategy for StepSize {
    const NAME: &'static str = "step-size";
    const SUMMARY: &'static str = "Reads APIs that take a range of whole-numbered IDs.";

    type Config = Config;
    type State = State;

    fn tables(config: &Config) -> Result<Vec<Table>> {
        Ok(config.table.declare(config.is_default_path()))
    }

    fn sync(config: &Config, state: Option<State>) -> Result<()> {
        let started = Format::parse("auto", "+00:00").map_err(Error::config)?.at_millis(clock::started());
        let Some(state) = state else {
            let full_scan = Some(started.text().to_owned());
            return Reader::new(config, None, full_scan, Lengths::default()).go_on();
        };
        let is_due = config.rescan_every.is_some_and(|every| is_due(every, &state.last_full_scan, started.nanos()));
        let last_full_scan = if is_due { Some(started.text().to_owned()) } else { state.last_full_scan };
        let greatest = state.current_id.checked_sub(1).filter(|greatest| *greatest >= config.first_id);
        let reader = Reader::new(config, greatest, last_full_scan, state.answers);
        if is_due { reader.scan() } else { reader.go_on() }
    }
}

/// Whether the last full pass is too long ago, unknown, or in the future, which is no time at all.
fn is_due(every: Period, last: &Option<String>, now: i128) -> bool {
    let format = Format::parse("auto", "+00:00").ok();
    let last = format.zip(last.as_ref()).and_then(|(format, text)| format.read(text));
    last.is_none_or(|last| last.nanos() > now || now - last.nanos() >= every.nanos())
}

struct Reader<'a> {
    config: &'a Config,
    /// The greatest ID seen, in this run and before.
    greatest: Option<u64>,
    last_full_scan: Option<String>,
    lengths: Lengths,
    /// How many IDs a request asks for: fewer than configured, where the source cuts its answers.
    step: u64,
    /// The greatest ID of the source, as it says.
    told: Option<u64>,
}

/// How far a range was read.
struct Part {
    last: u64,
    count: u64,
}

/// What an answer shows.
#[derive(Clone, Copy, Debug)]
struct Answer {
    count: u64,
    greatest: Option<u64>,
    is_ascending: bool,
}

impl<'a> Reader<'a> {
    fn new(config: &'a Config, greatest: Option<u64>, last_full_scan: Option<String>, lengths: Lengths) -> Self {
        Reader { config, greatest, last_full_scan, lengths, step: config.step.get(), told: None }
    }

    /// Reads what lies behind the position, and a little before it.
    fn go_on(mut self) -> Result<()> {
        let next = self.greatest.map_or(self.config.first_id, |greatest| greatest.saturating_add(1));
        let start = next.saturating_sub(self.config.look_back).max(self.config.first_id);
        self.read(start, |reader| reader.seal())?;
        self.seal()
    }

    /// Reads everything. What does not come along is gone, and that is true only once all has been read: the pass has
    /// a single checkpoint, at its end.
    fn scan(mut self) -> Result<()> {
        log::info("reading every ID again, as `rescan_every` asks for");
        truncate(&self.config.table.table)?;
        let count = self.read(self.config.first_id, |_| Ok(()))?;
        if let (0, Some(greatest)) = (count, self.greatest) {
            return Err(Error::unsupported(format!(
                "the source has not one record, though earlier runs have seen IDs up to {greatest}; no row was marked \
                 as deleted. If the source is empty indeed, run a full refresh"
            )));
        }
        self.seal()
    }

    /// Reads all ranges from `start` on. Returns how many records there were.
    fn read(&mut self, start: u64, seal: impl Fn(&Self) -> Result<()>) -> Result<u64> {
        let patience = u64::from(self.config.empty_ranges.get());
        let mut course = Course::new(start, self.greatest, self.step, patience);
        course.end = self.config.max_id;
        let mut count = 0;
        while let Some(range) = course.next() {
            let part = match self.part(range) {
                Err(error) if range.size() > self.step && is_too_wide(&error) => {
                    log::info("the source refuses wide ranges; looking for the end step by step");
                    course.may_widen = false;
                    continue;
                }
                part => part?,
            };
            count += part.count;
            course.advance(range, part.last, part.count);
            course.step = self.step;
            course.end = self.end();
            if part.count > 0 {
                seal(self)?;
            }
        }
        if course.end.is_none() {
            let last = self.greatest.map_or("none".into(), |greatest| greatest.to_string());
            let empty = course.empty_steps();
            log::info(&format!("the last ID is {last}: {empty} steps of {} IDs behind it are empty", self.step));
        }
        Ok(count)
    }

    /// Reads a range, or its beginning where a sorted answer ends early.
    fn part(&mut self, range: Range) -> Result<Part> {
        let answer = self.fetch(range)?;
        let cap = self.config.page_cap.map(|cap| u64::from(cap.get()));
        let is_doubtful = self.lengths.doubt(range, &answer, cap);
        self.lengths.see(answer.count);
        match range.halves() {
            Some(halves) if is_doubtful => self.test(halves, answer.count, range.end),
            _ => Ok(Part {
                last: answer.greatest.filter(|_| answer.is_ascending).unwrap_or(range.end),
                count: answer.count,
            }),
        }
    }

    /// Reads a range, whose answer may have been cut after `count` records, in two halves.
    fn test(&mut self, halves: [Range; 2], count: u64, last: u64) -> Result<Part> {
        let mut parts = 0;
        for half in halves {
            parts += self.whole(half)?;
        }
        if self.lengths.judge(count, parts) && count < self.step {
            log::info(&format!("the source cuts answers after {count} records; asking for {count} IDs at a time"));
            self.step = count;
        }
        Ok(Part { last, count: parts })
    }

    fn whole(&mut self, range: Range) -> Result<u64> {
        let Part { mut last, mut count } = self.part(range)?;
        while last < range.end {
            let part = self.part(Range { start: last + 1, end: range.end })?;
            (last, count) = (part.last, count + part.count);
        }
        Ok(count)
    }

    /// Fetches and stages the records of a range.
    fn fetch(&mut self, range: Range) -> Result<Answer> {
        let page = self.config.request(range).fetch()?;
        self.told = self.told.max(self.told_by(&page)?);
        let rows = page.records(&self.config.source.record_pointer)?;
        let span = rows.span(&self.config.id_field, "integer", None)?;
        if span.absent + span.unreadable > 0 {
            return Err(self.unusable(&rows));
        }
        let [least, greatest] = [span.least, span.greatest].map(|id| id.as_deref().map(read_id).transpose());
        let (least, greatest) = (least?, greatest?);
        if let Some(stray) = least.filter(|id| *id < range.start).or(greatest.filter(|id| *id > range.end)) {
            return Err(Error::unsupported(format!(
                "asked for IDs {} to {}, the source returned {stray}; look at `start_parameter`, `end_parameter` and \
                 `id_field`",
                range.start, range.end
            )));
        }
        if !rows.is_empty() {
            upsert(&self.config.table.table, &rows)?;
        }
        self.greatest = self.greatest.max(greatest);
        Ok(Answer { count: u64::from(rows.len()), greatest, is_ascending: span.ascending })
    }

    fn told_by(&self, page: &Page) -> Result<Option<u64>> {
        let Some(pointer) = self.config.max_id_pointer.as_deref() else { return Ok(None) };
        page.text(pointer)?.as_deref().map(read_id).transpose()
    }

    /// The greatest ID to read, where it is known.
    fn end(&self) -> Option<u64> {
        self.told.into_iter().chain(self.config.max_id).min()
    }

    fn unusable(&self, rows: &Batch) -> Error {
        let field = &self.config.id_field;
        let ids = rows.column(field).into_iter().map(|id| id.unwrap_or_default());
        match ids.map(|id| read_id(&id).map_err(|error| (id, error))).find_map(Result::err) {
            Some((id, error)) if !id.is_empty() => error,
            _ => Error::unsupported(format!("a record has no `{field}`; look at one record and set `id_field`")),
        }
    }

    fn seal(&self) -> Result<()> {
        let current_id = self.greatest.map_or(self.config.first_id, |greatest| greatest.saturating_add(1));
        let last_full_scan = self.last_full_scan.clone();
        checkpoint(&State { current_id, last_full_scan, answers: self.lengths })
    }
}

/// Reads an ID exactly. The host has found it to be a whole number, of any size and sign.
fn read_id(text: &str) -> Result<u64> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(60).collect();
        Error::unsupported(format!(
            "the ID `{shown}` is no whole number from 0 to {}; ranges of such IDs cannot be asked for",
            u64::MAX
        ))
    })
}

/// Whether the source refuses a request for what it asks, not for who asks or when.
fn is_too_wide(error: &Error) -> bool {
    matches!(error.status(), Some(400 | 413 | 414 | 416 | 422))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_exact_and_other_values_are_named() {
        assert_eq!(read_id("9007199254740993").ok(), Some(9_007_199_254_740_993));
        assert_eq!(read_id("18446744073709551615").ok(), Some(u64::MAX));
        for text in ["-5", "18446744073709551616", "a7", "1.5", ""] {
            let error = read_id(text).expect_err(text);
            assert_eq!(error.code, "source.unsupported");
            assert!(error.message.contains(&format!("`{text}`")), "{}", error.message);
        }
    }

    #[test]
    fn a_full_pass_is_due_when_its_period_is_over() {
        let at = |text: &str| Format::parse("auto", "+00:00").expect("a format").read(text).expect("a stamp").nanos();
        let now = at("2024-03-10T00:00:00Z");
        let due = |last: Option<&str>| is_due("7d".parse().expect("a period"), &last.map(str::to_owned), now);
        assert!(due(None) && due(Some("2024-03-03T00:00:00Z")) && due(Some("yesterday")));
        assert!(due(Some("2024-03-11T00:00:00Z")), "a pass in the future was none");
        assert!(!due(Some("2024-03-03T00:00:00.001Z")));
    }

    #[test]
    fn the_textbook_state_is_enough() {
        let state: State = tidegate_sdk::json::from_str(r#"{"current_id": 201}"#).expect("a state");
        assert_eq!(state, State { current_id: 201, last_full_scan: None, answers: Lengths::default() });
    }
}
