//! What to ask next, and when all has been read.
//!
//! A source may cut its answers off without a word. So an answer counts as whole only where a longer one was seen, or
//! where the user has said how long answers can be. Any other must be in ascending order, and is read on from its end;
//! or it must show that it is whole, by having nothing to fill the room when it is asked for without its first instant.
//! The first of those is put to the test: asked for once more without its first records, it must come again as it was,
//! with further records only behind. What stays uncertain is an error, never a loss.

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

/// The source, as the walk needs it.
pub(super) trait Source {
    /// Asks for everything since an instant, and stages what was not in the answer before.
    fn ask(&mut self, since: Option<&Stamp>) -> Result<Answer>;
    /// Nothing before the cursor is left out: it may be kept.
    fn settle(&mut self, longest_answer: u32) -> Result<()>;
    /// Tells the user that the source does not filter.
    fn warn_of_filter(&self);
}

/// What the walk needs to know of an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) count: u32,
    pub(super) least: Option<Stamp>,
    pub(super) greatest: Option<Stamp>,
    pub(super) is_ascending: bool,
    /// Whether it is newest first.
    pub(super) is_descending: bool,
    /// The least instant of its last [`SAMPLE`] records.
    pub(super) sample: Option<Stamp>,
    /// The least instant of its last [`overlap`] records.
    pub(super) overlap: Option<Stamp>,
    /// How many of its records the answer before does not have, and the least instant of those.
    pub(super) fresh: u32,
    pub(super) fresh_least: Option<Stamp>,
    /// Whether the cursor has moved on.
    pub(super) has_moved: bool,
    /// Whether it has no instant before the cursor and its one step of reach.
    pub(super) begins_at_cursor: bool,
}

pub(super) struct Walk<'a, S> {
    source: &'a mut S,
    options: &'a CursorOptions,
    page_cap: Option<PageCap>,
    longest: u32,
    /// What is known of the source's filter by now.
    filter: Filter,
    /// The instant that the last answer was asked from.
    since: Option<Stamp>,
}

impl<'a, S: Source> Walk<'a, S> {
    pub(super) fn new(source: &'a mut S, options: &'a CursorOptions, page_cap: Option<PageCap>, longest: u32) -> Self {
        Walk { source, options, page_cap, longest, filter: options.filter, since: None }
    }

    /// Reads from `start` on, until nothing is left.
    pub(super) fn run(&mut self, start: Option<Stamp>) -> Result<()> {
        let first = self.ask(start.as_ref())?;
        self.prove_whole(&first)?;
        let mut page = if self.is_whole(&first) { first } else { self.prove(first)? };
        self.settle(&page)?;
        while !self.is_last(&page) {
            page = self.follow(&page)?;
            self.prove_whole(&page)?;
            self.settle(&page)?;
        }
        Ok(())
    }

    /// Puts an answer out of order to the test, since it cannot be read on from its end: had the source cut it off, it
    /// would fill the room of the first instant with records that it left out. Only what is newest first hides those.
    fn prove_whole(&mut self, page: &Answer) -> Result<()> {
        if self.page_cap.is_some() || self.is_whole(page) || page.is_ascending || page.is_descending {
            return Ok(());
        }
        let Some(least) = &page.least else { return Ok(()) };
        let later = least.later(self.options.step(least));
        if self.source.ask(Some(&later))?.fresh > 0 {
            return Err(self.out_of_order(page.count));
        }
        self.longest = self.longest.max(page.count.saturating_add(1));
        Ok(())
    }

    /// The cursor stands at the end of `page`: it may be kept only if nothing before that end was cut off.
    fn settle(&mut self, page: &Answer) -> Result<()> {
        if !self.is_whole(page) {
            self.bounds(page)?;
        }
        self.source.settle(self.longest)
    }

    fn ask(&mut self, since: Option<&Stamp>) -> Result<Answer> {
        let answer = self.source.ask(since)?;
        self.longest = self.longest.max(answer.count);
        self.since = since.cloned();
        Ok(answer)
    }

    /// Whether the source has certainly not cut this answer off.
    fn is_whole(&self, page: &Answer) -> bool {
        match self.page_cap {
            _ if page.count == 0 => true,
            Some(PageCap::Never(Never::None)) => true,
            Some(PageCap::Records(cap)) => page.count < cap.get(),
            None => page.count < self.longest,
        }
    }

    /// A length that was only learned may have changed since: an answer that brings news is asked for more, and so is
    /// one from before the cursor, which may have been cut off before it brought any.
    fn is_last(&self, page: &Answer) -> bool {
        let is_at_end = !page.has_moved && (page.begins_at_cursor || page.fresh == 0);
        self.is_whole(page) && (self.page_cap.is_some() || is_at_end)
    }

    /// Makes sure that the first answer, which may have been cut off, is the beginning of what there is.
    fn prove(&mut self, first: Answer) -> Result<Answer> {
        let (_, greatest) = self.bounds(&first)?;
        let least = first.least.as_ref();
        match &first.sample {
            _ if least == Some(greatest) => self.prove_ties(&first, greatest),
            Some(sample) if sample < greatest => self.beyond(sample, &first),
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
            return match &page.greatest {
                Some(greatest) => self.reach(greatest),
                None => Ok(Answer::default()),
            };
        }
        let (overlap, greatest) = self.bounds(page)?;
        let makes_progress = overlap < greatest && self.since.as_ref().is_none_or(|since| since < overlap);
        if makes_progress {
            let next = self.ask(Some(overlap))?;
            self.expect_sequel(&next, page)?;
            return Ok(next);
        }
        let next = self.reach(greatest)?;
        let is_stuck = !self.is_whole(&next) && next.greatest.as_ref() <= Some(greatest);
        match is_stuck {
            true if self.ignores_filter(&next, greatest) => Ok(Answer { count: 0, ..next }),
            true => Err(self.too_many_ties(next.count, greatest)),
            false => Ok(next),
        }
    }

    /// Whether the source answers the same whatever it is asked for: then there is nothing to read on from, and what
    /// it answers is all that can be had.
    fn ignores_filter(&mut self, page: &Answer, greatest: &Stamp) -> bool {
        let long_after = greatest.later(LONG_AFTER);
        match self.source.ask(Some(&long_after)) {
            Ok(answer) if answer.count > 0 && answer.fresh == 0 && answer.least == page.least => {
                self.source.warn_of_filter();
                true
            }
            _ => false,
        }
    }

    /// Asks for the records at an instant and after it.
    fn reach(&mut self, instant: &Stamp) -> Result<Answer> {
        let earlier = instant.earlier(self.options.step(instant));
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

    /// The overlap and the greatest instant of an answer that must be in order.
    fn bounds<'p>(&self, page: &'p Answer) -> Result<(&'p Stamp, &'p Stamp)> {
        if !page.is_ascending {
            return Err(self.out_of_order(page.count));
        }
        let Some(greatest) = &page.greatest else { return Err(self.without_instants(page.count)) };
        Ok((page.overlap.as_ref().unwrap_or(greatest), greatest))
    }

    fn out_of_order(&self, count: u32) -> Error {
        Error::unsupported(format!(
            "an answer of {count} records is not in ascending order of `{}`, and the source may have cut it off: what \
             it left out could never be asked for. Ask the source for that order (`parameters`); or set `page_cap` to \
             `none` if it never cuts its answers off, or to the number of records after which it does",
            self.options.cursor_field
        ))
    }

    fn without_instants(&self, count: u32) -> Error {
        Error::unsupported(format!(
            "none of the {count} records of an answer has a `{}` to read on from. Set `cursor_field` to the field that \
             says when a record was changed; or set `page_cap` to `none` if the source never cuts its answers off",
            self.options.cursor_field
        ))
    }

    fn too_many_ties(&self, count: u32, instant: &Stamp) -> Error {
        let text = instant.text();
        Error::unsupported(format!(
            "more records share the `{}` {text} than an answer of this source holds ({count}), or just as many, and \
             the API gives no second key to ask for the others. Ask for longer answers (`parameters`), or use another \
             strategy",
            self.options.cursor_field
        ))
    }

    fn uncertain_ties(&self, count: u32, instant: &Stamp) -> Error {
        let text = instant.text();
        Error::unsupported(format!(
            "all {count} records of the first answer share the `{}` {text}; if the source has cut it off, there is no \
             way to ask for the others. Set `page_cap` to `none` if the source never cuts its answers off, or to the \
             number of records after which it does",
            self.options.cursor_field
        ))
    }
}

fn starts_by(answer: &Answer, instant: &Stamp) -> bool {
    answer.least.as_ref().is_some_and(|least| least <= instant)
}
