//! Reading one range of IDs after the other, until there are no more.

use tidegate_sdk::{Ahead, Batch, Error, Page, Result, checkpoint, log, truncate, upsert};

use crate::answer::{Answer, read_id};
use crate::course::{Course, Part, Range};
use crate::lengths::{Lengths, View};
use crate::sight::{Sight, refusal};
use crate::{Config, State};

pub(crate) struct Reader<'a> {
    config: &'a Config,
    /// The greatest ID up to which everything was read, in this run and before.
    greatest: Option<u64>,
    /// The greatest ID seen in this run.
    seen: Option<u64>,
    last_full_scan: Option<String>,
    answers: Lengths,
    sight: Sight,
    /// Whether everything is read.
    is_complete: bool,
    /// How many IDs a request asks for: fewer than configured, where the source cuts its answers out of order.
    step: u64,
    /// The greatest ID of the source, as it says.
    told: Option<u64>,
    ahead: Ahead,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(config: &'a Config, state: State) -> Reader<'a> {
        let State { current_id, last_full_scan, answers, sight } = state;
        let greatest = current_id.checked_sub(1).filter(|greatest| *greatest >= config.first_id());
        let step = answers.step(config.step.get());
        let (seen, told, is_complete, ahead) = (None, None, false, Ahead::new(config.flight));
        Reader { config, greatest, seen, last_full_scan, answers, sight, is_complete, step, told, ahead }
    }

    /// Reads everything for the first time.
    pub(crate) fn begin(mut self) -> Result<()> {
        self.is_complete = true;
        self.look_below()?;
        self.read(self.config.first_id(), Self::seal)?;
        self.seal()
    }

    /// Reads what lies behind the position, and a little before it. Returns the state that was sealed.
    pub(crate) fn go_on(mut self) -> Result<State> {
        let first = self.config.first_id();
        let next = self.greatest.map_or(first, |greatest| greatest.saturating_add(1));
        self.read(next.saturating_sub(self.config.look_back).max(first), Self::seal)?;
        self.seal()?;
        Ok(self.state())
    }

    /// Reads everything. What does not come along is gone, and that is true only once all has been read: the pass has
    /// a single checkpoint, at its end.
    pub(crate) fn scan(mut self) -> Result<()> {
        log::info("reading every ID again, as `rescan_every` asks for");
        truncate(&self.config.table.table)?;
        self.is_complete = true;
        self.look_below()?;
        self.read(self.config.first_id(), |_| Ok(()))?;
        if let (None, Some(greatest)) = (self.seen, self.greatest) {
            return Err(Error::unsupported(format!(
                "the source has not one record, though earlier runs have seen IDs up to {greatest}; no row was marked \
                 as deleted. If the source is empty indeed, run a full refresh"
            )));
        }
        self.seal()
    }

    /// Reads all ranges from `start` on.
    fn read(&mut self, start: u64, seal: impl Fn(&Self) -> Result<()>) -> Result<()> {
        let mut course = Course::new(start, self.greatest, self.step, self.patience());
        course.end = self.config.max_id;
        course.is_hasty = !self.answers.may_be_cut();
        while let Some(range) = course.next(|start| self.widest(start)) {
            let is_wide = range.size() > self.step;
            let part = match self.part(range) {
                Ok(part) => part,
                Err(error) => {
                    let Some(refusal) = refusal(&error).filter(|_| is_wide) else { return Err(error) };
                    self.sight.narrow(refusal, range.start, self.config.step.get(), self.patience());
                    continue;
                }
            };
            // Now it is known that the source refuses wide ranges, and not every request.
            if self.sight.take_news() {
                seal(self)?;
            }
            course.end = self.end();
            course.step = self.step;
            course.is_hasty = !self.answers.may_be_cut();
            if part.count == 0 && is_wide && !self.looks_at_all()? {
                course.walk();
                continue;
            }
            // A wide range may have been looked at in part: what lies behind its records is asked for once more.
            let last = self.seen.filter(|_| is_wide && part.count > 0).map_or(part.last, |seen| seen.min(part.last));
            course.advance(range, Part { last, ..part });
            // Records behind `last` may have been seen, but not all of them.
            self.greatest = self.greatest.max(self.seen.map(|seen| seen.min(last)));
            if part.count > 0 {
                seal(self)?;
            }
        }
        self.report(start, &course);
        Ok(())
    }

    /// Looks for records below the first ID that is read.
    fn look_below(&mut self) -> Result<()> {
        let Some(end) = self.config.first_id().checked_sub(1) else { return Ok(()) };
        let range = Range { start: 0, end };
        let rows = match self.config.request(range).fetch() {
            Err(error) if refusal(&error).is_some() => return Ok(()),
            page => page?.records(&self.config.source.record_pointer)?,
        };
        // Some sources take the end 0 as no end at all.
        let Ok(Answer { view, rows }) = Answer::read(rows, range, self.config) else { return Ok(()) };
        match view.greatest {
            Some(_) if self.config.first_id.is_none() => self.take(&rows, view.greatest),
            Some(greatest) => {
                log::warn(&format!("the source has IDs below `first_id`, such as {greatest}; they are not read"));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Reads a range, or its beginning where a sorted answer ends early.
    fn part(&mut self, range: Range) -> Result<Part> {
        let answer = self.fetch(range);
        match (answer, range.halves()) {
            (Ok(answer), _) => self.judge(range, &answer),
            // There is more than the host takes at once.
            (Err(error), Some(halves)) if error.code == "source.body" && range.size() > self.step => {
                log::debug(&format!("IDs {} to {} are too much for one answer", range.start, range.end));
                let mut count = 0;
                for half in halves {
                    count += self.whole(half)?;
                }
                Ok(Part { last: range.end, count, is_cut: true })
            }
            (Err(error), _) => Err(error),
        }
    }

    fn judge(&mut self, range: Range, answer: &Answer) -> Result<Part> {
        let Answer { view, .. } = answer;
        let cap = self.config.page_cap.map(|cap| u64::from(cap.get()));
        let is_doubtful = self.answers.doubt(range, view, cap);
        self.answers.see(view);
        if is_doubtful {
            return self.test(range, answer);
        }
        Ok(self.all_of(range, view))
    }

    /// How far a range was read by an answer that leaves out nothing before its greatest ID, if it is in order, and
    /// nothing at all otherwise.
    fn all_of(&self, range: Range, view: &View) -> Part {
        let last = view.greatest.filter(|_| self.answers.is_sorted(view)).unwrap_or(range.end);
        Part { last, count: view.count, is_cut: false }
    }

    /// Asks for a range, whose answer may have been cut, in two parts, each with half of its records. If they bring the
    /// same records and no other, it was whole. Else its lower part is read.
    fn test(&mut self, range: Range, whole: &Answer) -> Result<Part> {
        let ids = whole.ids(self.config);
        let Some([lower, upper]) = range.halves_of(&ids) else { return Ok(self.all_of(range, &whole.view)) };
        let answer = self.fetch(lower)?;
        if !answer.ids(self.config).iter().eq(ids.range(..=lower.end)) {
            self.has_cut(range, whole);
            let part = self.judge(lower, &answer)?;
            let count = part.count + self.rest(lower, part.last)?;
            return Ok(Part { last: lower.end, count, is_cut: true });
        }
        let further = self.fetch(upper)?.ids(self.config);
        let is_behind = |id: &u64| Some(*id) > whole.view.greatest;
        let is_continued = self.answers.is_sorted(&whole.view) && further.difference(&ids).all(is_behind);
        if is_continued || further.iter().eq(ids.range(upper.start..)) {
            self.answers.judge(false);
            return Ok(self.all_of(range, &whole.view));
        }
        self.has_cut(range, whole);
        Ok(Part { last: lower.end, count: answer.view.count, is_cut: true })
    }

    /// Takes note of a cut answer. A range of no more IDs than an answer has records cannot be cut.
    fn has_cut(&mut self, range: Range, whole: &Answer) {
        self.answers.judge(true);
        let count = whole.view.count;
        if !whole.view.is_ascending && range.size() <= self.step && count < self.step {
            log::info(&format!("the source cuts answers after {count} records; asking for {count} IDs at a time"));
            self.answers.step = count;
            self.step = count;
        }
    }

    fn whole(&mut self, range: Range) -> Result<u64> {
        let part = self.part(range)?;
        Ok(part.count + self.rest(range, part.last)?)
    }

    /// Reads what lies behind `last` in a range.
    fn rest(&mut self, range: Range, mut last: u64) -> Result<u64> {
        let mut count = 0;
        while last < range.end {
            let part = self.part(Range { start: last + 1, end: range.end })?;
            (last, count) = (part.last, count + part.count);
        }
        Ok(count)
    }

    /// Whether the source looks at all of a wide range, not at its beginning only: then it finds the greatest ID of this
    /// run at the end of one.
    fn looks_at_all(&mut self) -> Result<bool> {
        let Some(seen) = self.seen else { return Ok(false) };
        let ids = seen.saturating_sub(self.config.first_id()).saturating_add(1);
        let size = self.patience().min(ids);
        if self.sight.covers(size, self.patience()) {
            return Ok(true);
        }
        if self.sight.is_near() {
            return Ok(false);
        }
        let View { count, .. } = match self.fetch(Range { start: seen - (size - 1), end: seen }) {
            Err(error) if refusal(&error).is_some() => View { count: 1, greatest: None, is_ascending: true },
            answer => answer?.view,
        };
        let is_cut = self.config.page_cap.is_some_and(|cap| count >= u64::from(cap.get()));
        let is_proven = self.sight.covers(size, self.patience());
        if count > 0 && !is_proven && !is_cut {
            self.sight.has_missed();
        }
        Ok(is_proven || is_cut)
    }

    /// Fetches and stages the records of a range.
    fn fetch(&mut self, range: Range) -> Result<Answer> {
        let (config, is_step) = (self.config, range.size() == self.step);
        let following = range.following(self.end()).take_while(|_| is_step).map(|range| config.request(range));
        let page = self.ahead.fetch(&config.request(range), following)?;
        self.told = self.told.max(self.told_by(&page)?);
        let rows = page.records(&self.config.source.record_pointer)?;
        let answer = Answer::read(rows, range, self.config)?;
        self.take(&answer.rows, answer.view.greatest)?;
        if let Some(greatest) = answer.view.greatest {
            self.sight.see(Range { end: greatest, ..range });
        }
        Ok(answer)
    }

    fn take(&mut self, rows: &Batch, greatest: Option<u64>) -> Result<()> {
        if !rows.is_empty() {
            upsert(&self.config.table.table, rows)?;
        }
        self.seen = self.seen.max(greatest);
        Ok(())
    }

    fn told_by(&self, page: &Page) -> Result<Option<u64>> {
        let Some(pointer) = self.config.max_id_pointer.as_deref() else { return Ok(None) };
        page.text(pointer)?.as_deref().map(read_id).transpose()
    }

    /// The greatest ID to read, where it is known.
    fn end(&self) -> Option<u64> {
        self.told.into_iter().chain(self.config.max_id).min()
    }

    /// How many IDs in a row that are not there are the end, where the source does not answer wider ranges.
    fn patience(&self) -> u64 {
        self.config.step.get().saturating_mul(u64::from(self.config.empty_ranges.get()))
    }

    /// The end of the widest range from an ID on.
    fn widest(&self, start: u64) -> Option<u64> {
        self.sight.end(start, self.config.step.get(), self.patience())
    }

    /// Tells how the end was found, and warns where it may not be the end.
    fn report(&self, start: u64, course: &Course) {
        let found = match self.greatest {
            Some(greatest) => format!("the last ID is {greatest}"),
            None => format!("the source has no record with an ID from {start} on"),
        };
        if self.end().is_some() {
            return log::info(&found);
        }
        let (missing, patience) = (course.missing(), self.patience());
        let limit = format!(
            "{found}, and {missing} IDs behind it were looked for. The source does not answer for many more at once, so \
             those behind a gap of {patience} IDs are not found: set `max_id`, or raise `empty_ranges`"
        );
        match (course.has_walked(), self.is_complete && self.greatest.is_none()) {
            (true, _) if self.is_complete => log::warn(&limit),
            (true, _) => log::info(&limit),
            (false, true) => log::warn(&found),
            (false, false) => log::info(&found),
        }
    }

    fn seal(&self) -> Result<()> {
        checkpoint(&self.state())
    }

    fn state(&self) -> State {
        let current_id = self.greatest.map_or(self.config.first_id(), |greatest| greatest.saturating_add(1));
        let last_full_scan = self.last_full_scan.clone();
        State { current_id, last_full_scan, answers: self.answers, sight: self.sight }
    }
}
