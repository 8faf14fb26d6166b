//! What to ask next, and when all has been read.
//!
//! A source may cut its answers off without a word. So an answer counts as whole only where a longer one was seen, or
//! where the user has said how long answers can be. Any other must be in ascending order, and is read on from its end.
//! The first of those is put to the test: asked for once more without its first records, it must come again as it was,
//! with further records only behind. An answer out of order must show that it is whole ([`disorder`]).
//!
//! Where an answer that counted as whole turns out to have been cut, lengths prove nothing in this source: the reading
//! ends only where the source has nothing behind the last instant. What stays uncertain is an error, never a loss.
//!
//! [`disorder`]: super::disorder

use crate::config::{Never, PageCap};
use crate::{CursorOptions, Error, Filter, Period, Result, Stamp};

/// So long after the last record no filter lets that record pass, however coarse it is.
const LONG_AFTER: Period = Period::from_hours(366 * 24);

/// At most so many of an answer's last records are asked for again to prove that it was in order.
pub(super) const SAMPLE: u32 = 1_000;

/// So many of an answer's last records are asked for again on the way.
pub(super) fn overlap(count: u32) -> u32 {
    count / 8 + 1
}

/// How many times in a row the records of one instant must come without another one, where answers are cut after so
/// many records once and after fewer another time.
const ENOUGH: u32 = 32;

/// The same, where answers seem to be cut after one number of records.
const FEW: u32 = 2;

/// The source, as the walk needs it.
pub(super) trait Source {
    /// Asks for everything since an instant, and stages what was not in the answer before.
    fn ask(&mut self, since: Option<&Stamp>) -> Result<Answer>;
    /// Asks, and stages nothing.
    fn peek(&mut self, since: Option<&Stamp>) -> Result<Answer>;
    /// Nothing before the cursor is left out: it may be kept.
    fn settle(&mut self, longest_answer: u32) -> Result<()>;
    /// What is said of a source that does not filter.
    fn without_filter(&self) -> Error;
}

/// What the walk needs to know of an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) count: u32,
    /// How many of its records have a readable instant.
    pub(super) readable: u32,
    pub(super) least: Option<Stamp>,
    pub(super) greatest: Option<Stamp>,
    pub(super) at_greatest: u32,
    pub(super) is_ascending: bool,
    /// The instants one after the other, of an answer out of order.
    pub(super) instants: Vec<Stamp>,
    /// The least instant of its last [`SAMPLE`] records.
    pub(super) sample: Option<Stamp>,
    /// The least instant of its last [`overlap`] records.
    pub(super) overlap: Option<Stamp>,
    /// How many of its records the answer before does not have, and the least instant of those.
    pub(super) fresh: u32,
    pub(super) fresh_least: Option<Stamp>,
    /// Whether the cursor has moved on.
    pub(super) has_moved: bool,
    /// Whether there was no cursor before it, or only one that its least instant is beyond.
    pub(super) is_new: bool,
    /// Whether it has no instant before the cursor and its one step of reach.
    pub(super) begins_at_cursor: bool,
    /// Whether it ends at the cursor, too.
    pub(super) is_at_cursor: bool,
}

pub(super) struct Walk<'a, S> {
    pub(super) source: &'a mut S,
    pub(super) options: &'a CursorOptions,
    page_cap: Option<PageCap>,
    /// The longest answer of earlier runs.
    known: u32,
    /// The longest answer of this run.
    longest: u32,
    /// The least number of records after which an answer was cut, although a longer one was seen in this run.
    shortest_cut: Option<u32>,
    /// What is known of the source's filter by now.
    filter: Filter,
    /// The instant that the last answer was asked from.
    pub(super) since: Option<Stamp>,
    /// The instant whose records were asked for last.
    reached: Option<Stamp>,
    has_followed: bool,
}

impl<'a, S: Source> Walk<'a, S> {
    pub(super) fn new(source: &'a mut S, options: &'a CursorOptions, page_cap: Option<PageCap>, known: u32) -> Self {
        let filter = options.filter;
        let (since, reached) = (None, None);
        let (longest, shortest_cut, has_followed) = (0, None, false);
        Walk { source, options, page_cap, known, longest, shortest_cut, filter, since, reached, has_followed }
    }

    /// Reads from `start` on, until nothing is left.
    pub(super) fn run(&mut self, start: Option<Stamp>) -> Result<()> {
        let mut page = self.ask(start.as_ref())?;
        let was_proven = self.page_cap.is_none() && page.count <= self.known && page.least < page.greatest;
        let is_proven = self.is_whole(&page) || was_proven;
        if self.is_in_order(&page) && !is_proven {
            page = self.prove(page)?;
        }
        loop {
            if !self.is_in_order(&page) {
                self.prove_whole(page)?;
                return self.source.settle(self.longest_known());
            }
            self.settle(&page)?;
            match self.go_on(&page)? {
                Some(next) => page = next,
                None => return Ok(()),
            }
        }
    }

    /// Whether an answer can be read on from its end, or need not be.
    fn is_in_order(&self, page: &Answer) -> bool {
        self.page_cap.is_some() || page.is_ascending
    }

    /// The cursor stands at the end of `page`: it may be kept only if nothing before that end was cut off.
    fn settle(&mut self, page: &Answer) -> Result<()> {
        if !self.is_whole(page) {
            self.end_of(page)?;
        }
        self.source.settle(self.longest_known())
    }

    pub(super) fn ask(&mut self, since: Option<&Stamp>) -> Result<Answer> {
        let answer = self.source.ask(since)?;
        self.longest = self.longest.max(answer.count);
        self.since = since.cloned();
        Ok(answer)
    }

    fn longest_known(&self) -> u32 {
        self.longest.max(self.known)
    }

    /// Whether an answer of so many records was already the longest of an earlier run.
    pub(super) fn is_known_length(&self, count: u32) -> bool {
        count == self.known
    }

    /// Whether the source has not cut this answer off, by its length.
    fn is_whole(&self, page: &Answer) -> bool {
        match self.page_cap {
            _ if page.count == 0 => true,
            Some(PageCap::Never(Never::None)) => true,
            Some(PageCap::Records(cap)) => page.count < cap.get(),
            None => page.count < self.longest_known(),
        }
    }

    /// Whether a longer answer came in this very run, and nothing has shown that this proves nothing.
    fn is_certainly_whole(&self, page: &Answer) -> bool {
        self.shortest_cut.is_none() && page.count < self.longest
    }

    /// Takes note of an answer that does not reach as far as the one before, though it was asked from a later instant.
    fn compare(&mut self, next: &Answer, page: &Answer) {
        if (&next.greatest, next.at_greatest) < (&page.greatest, page.at_greatest) {
            self.has_cut(next.count);
        }
    }

    fn has_cut(&mut self, count: u32) {
        self.shortest_cut = Some(self.shortest_cut.map_or(count, |shortest| shortest.min(count)));
    }

    /// The answer that comes next; none where nothing is left.
    fn go_on(&mut self, page: &Answer) -> Result<Option<Answer>> {
        let Some(greatest) = &page.greatest else { return Ok(None) };
        let is_whole = self.is_whole(page);
        if is_whole && self.page_cap.is_some() {
            return Ok(None);
        }
        if is_whole && !page.has_moved {
            if self.is_end(page) {
                return Ok(None);
            }
            let is_all_at_cursor = page.is_at_cursor && page.least == page.greatest;
            if is_all_at_cursor || self.reached.as_ref() == Some(greatest) {
                return self.look_behind(page, greatest);
            }
        }
        let was_certain = self.is_certainly_whole(page);
        self.has_followed = true;
        let next = self.follow(page)?;
        if was_certain && next.fresh > 0 && next.greatest > page.greatest {
            self.has_cut(page.count);
        }
        Ok(Some(next))
    }

    /// Whether a whole answer, which has not moved the cursor, is the last. A length that was only learned may have
    /// changed since: what brings news is asked for more, and so is an answer from before the cursor, which may have
    /// been cut off before it brought any.
    fn is_end(&self, page: &Answer) -> bool {
        let is_at_end = page.begins_at_cursor || page.fresh == 0;
        // An answer much shorter than others was hardly cut, even where that proves nothing.
        let is_short = page.count == 1 || page.count.saturating_mul(4) <= self.longest;
        let is_single = page.count == 1 && page.is_at_cursor && self.shortest_cut.is_none();
        is_single || is_at_end && is_short && self.has_followed && self.is_certainly_whole(page)
    }

    /// Looks for records behind an answer that ends with all that the source shows of its last instant.
    fn look_behind(&mut self, page: &Answer, greatest: &Stamp) -> Result<Option<Answer>> {
        let is_more = self.is_more_behind(greatest)?;
        if !is_more && self.shortest_cut.is_none_or(|shortest| page.count < shortest) {
            return Ok(None);
        }
        // Records of this instant may be missing: another answer may have more of them.
        let patience = if self.shortest_cut.is_some() { ENOUGH } else { FEW };
        let (mut most, mut left) = (page.count, patience);
        while left > 0 {
            let again = self.reach(greatest)?;
            if again.greatest.as_ref() > Some(greatest) {
                return Ok(Some(again));
            }
            left = if again.count > most { patience } else { left - 1 };
            most = most.max(again.count);
        }
        if is_more || most >= self.longest_known() {
            return Err(self.too_many_ties(most, greatest));
        }
        Ok(None)
    }

    /// Whether the source has records later than this instant.
    fn is_more_behind(&mut self, instant: &Stamp) -> Result<bool> {
        let later = instant.later(self.options.step(instant));
        let is_behind = |answer: &Answer| answer.greatest.as_ref() > Some(instant);
        if self.filter == Filter::Exclusive {
            return Ok(is_behind(&self.source.peek(Some(instant))?));
        }
        if is_behind(&self.source.peek(Some(&later))?) {
            return Ok(true);
        }
        // With an exclusive filter the very next instant is missing in that.
        let is_doubtful = self.filter == Filter::Unknown && self.shortest_cut.is_some();
        Ok(is_doubtful && is_behind(&self.source.peek(Some(instant))?))
    }

    /// Makes sure that the first answer, which may have been cut off, is the beginning of what there is.
    fn prove(&mut self, first: Answer) -> Result<Answer> {
        let greatest = self.end_of(&first)?;
        let least = first.least.as_ref();
        match &first.sample {
            _ if least == Some(greatest) => self.prove_ties(&first, greatest),
            Some(sample) if sample < greatest => {
                let next = self.beyond(sample, &first)?;
                self.compare(&next, &first);
                Ok(next)
            }
            // The sample is of one instant; following reads that once more in any case.
            _ => Ok(first),
        }
    }

    /// An answer of a single instant: there must be no more records of it than it has.
    fn prove_ties(&mut self, first: &Answer, instant: &Stamp) -> Result<Answer> {
        let next = self.beyond(instant, first)?;
        if self.page_cap.is_some() || next.fresh > 0 {
            return Err(self.too_many_ties(first.count, instant));
        }
        // A source of one record is common; one that answers one record at a time shows itself by its second instant.
        if first.count > 1 {
            return Err(self.uncertain_ties(first.count, instant));
        }
        Ok(next)
    }

    /// Reads on from an answer.
    fn follow(&mut self, page: &Answer) -> Result<Answer> {
        if self.is_whole(page) {
            let Some(greatest) = &page.greatest else { return Ok(Answer::default()) };
            let next = self.reach(greatest)?;
            self.compare(&next, page);
            return Ok(next);
        }
        let greatest = self.end_of(page)?;
        let is_behind = |stamp: &Stamp| self.since.as_ref().is_none_or(|since| since < stamp);
        if let Some(overlap) = page.overlap.as_ref().filter(|overlap| *overlap < greatest && is_behind(overlap)) {
            let next = self.ask(Some(overlap))?;
            self.expect_sequel(&next, page)?;
            self.compare(&next, page);
            return Ok(next);
        }
        let next = self.reach(greatest)?;
        let is_stuck = !self.is_whole(&next) && next.greatest.as_ref() <= Some(greatest);
        if is_stuck {
            self.expect_filter(&next, greatest)?;
            return Err(self.too_many_ties(next.count, greatest));
        }
        self.compare(&next, page);
        Ok(next)
    }

    /// Refuses a source that answers the same whatever it is asked for: there is nothing to read on from.
    pub(super) fn expect_filter(&mut self, page: &Answer, greatest: &Stamp) -> Result<()> {
        let long_after = greatest.later(LONG_AFTER);
        match self.source.peek(Some(&long_after)) {
            Ok(answer) if answer.count > 0 && answer.fresh == 0 && answer.least == page.least => {
                Err(self.source.without_filter())
            }
            _ => Ok(()),
        }
    }

    /// Asks for the records at an instant and after it.
    fn reach(&mut self, instant: &Stamp) -> Result<Answer> {
        let earlier = instant.earlier(self.options.step(instant));
        self.reached = Some(instant.clone());
        match self.filter {
            Filter::Inclusive => return self.ask(Some(instant)),
            Filter::Exclusive => return self.ask(Some(&earlier)),
            Filter::Unknown => {}
        }
        let exact = self.ask(Some(instant))?;
        if starts_by(&exact, instant) {
            self.filter = Filter::Inclusive;
            return Ok(exact);
        }
        let next = self.ask(Some(&earlier))?;
        if starts_by(&next, instant) {
            self.filter = Filter::Exclusive;
        }
        Ok(Answer { has_moved: exact.has_moved || next.has_moved, ..next })
    }

    /// Asks for the records of `page` after an instant, and for what comes behind them.
    fn beyond(&mut self, instant: &Stamp, page: &Answer) -> Result<Answer> {
        let later = instant.later(self.options.step(instant));
        let is_before_end = Some(&later) < page.greatest.as_ref();
        // Before the end of the page, either filter's answer has that end in it: it need not be known.
        let is_settled = self.filter == Filter::Inclusive || self.filter == Filter::Unknown && is_before_end;
        let mut exact = Answer::default();
        if !is_settled {
            exact = self.ask(Some(instant))?;
            self.expect_sequel(&exact, page)?;
            if self.filter == Filter::Exclusive || !starts_by(&exact, instant) {
                return Ok(exact);
            }
            self.filter = Filter::Inclusive;
        }
        let later = match &page.greatest {
            // A step longer than the distances between the records must not lead past the last.
            Some(greatest) if instant < greatest => later.min(greatest.clone()),
            _ => later,
        };
        let next = self.ask(Some(&later))?;
        self.expect_sequel(&next, page)?;
        Ok(Answer { fresh: exact.fresh + next.fresh, has_moved: exact.has_moved || next.has_moved, ..next })
    }

    /// What an answer has that the one before it, in ascending order, has not must lie behind it.
    fn expect_sequel(&self, next: &Answer, page: &Answer) -> Result<()> {
        let is_between = next.fresh_least >= page.least && next.fresh_least < page.greatest;
        if next.fresh_least.is_some() && is_between { Err(self.out_of_order(page.count)) } else { Ok(()) }
    }

    /// The greatest instant of an answer that must be in order.
    fn end_of<'p>(&self, page: &'p Answer) -> Result<&'p Stamp> {
        if !page.is_ascending {
            return Err(self.out_of_order(page.count));
        }
        page.greatest.as_ref().ok_or_else(|| self.without_instants(page.count))
    }
}

fn starts_by(answer: &Answer, instant: &Stamp) -> bool {
    answer.least.as_ref().is_some_and(|least| least <= instant)
}
