//! How wide a range the source answers for, to see where its IDs go on behind a gap.
//!
//! A source may refuse wide ranges, or look at the beginning of one only. The second shows by what it finds.

use serde::{Deserialize, Serialize};
use tidegate_sdk::Error;

use crate::course::Range;

/// The greatest IDs of common number types, less one for sources that take the end of a range as exclusive.
const LIMITS: [u64; 3] = [i64::MAX as u64 - 1, (1 << 53) - 2, i32::MAX as u64 - 1];

/// Widths for sources that refuse all those.
const WIDTHS: [u64; 2] = [1 << 24, 1 << 16];

/// So many answers of 500 to wide ranges are enough for one run: the host has tried each of those requests several times.
const MOST_FAILURES: u32 = 2;

/// What is known of it from earlier runs and from this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sight {
    /// The widest range that the source has not refused, as its place in the list of what to try.
    refused: usize,
    /// The widest range at whose end a record was found.
    width: u64,
    /// Whether a record at the end of a wide range was not found, though it is there.
    missed: bool,
    /// How many wide ranges the source has failed at in this run.
    #[serde(skip)]
    failures: u32,
    /// Whether something of this is not in the state yet.
    #[serde(skip)]
    is_news: bool,
}

/// How a source refuses what it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It says that it does not answer that.
    Rejected,
    /// It fails (500), as at numbers that its database cannot hold.
    Failed,
}

impl Sight {
    /// The last ID of the widest range from `start` on, `patience` IDs at least where the source allows it. None: the
    /// source answers nothing wider than a step, or nothing wider is tried in this run.
    pub(crate) fn end(self, start: u64, step: u64, patience: u64) -> Option<u64> {
        self.find(start, step, patience).map(|(_, end)| end).filter(|_| self.failures < MOST_FAILURES)
    }

    /// The source has refused the widest range from `start` on: the next one is narrower, and far narrower after a
    /// failure.
    pub(crate) fn narrow(&mut self, refusal: Refusal, start: u64, step: u64, patience: u64) {
        let Some((place, _)) = self.find(start, step, patience) else { return };
        self.refused = match refusal {
            Refusal::Rejected => place + 1,
            Refusal::Failed if place + 1 < LIMITS.len() => LIMITS.len() - 1,
            Refusal::Failed => (place + 1).max(LIMITS.len() + WIDTHS.len()),
        };
        self.failures += u32::from(refusal == Refusal::Failed);
        self.is_news = true;
    }

    /// Whether the state lacks something of this. It is told once.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.is_news)
    }

    /// A record was found at the end of this range.
    pub(crate) fn see(&mut self, range: Range) {
        self.width = self.width.max(range.size());
    }

    /// A record was not found at the end of a wide range. Its answer may have been cut, but that cannot be told apart.
    pub(crate) fn has_missed(&mut self) {
        self.missed = true;
        self.is_news = true;
    }

    pub(crate) fn is_near(self) -> bool {
        self.missed
    }

    /// Whether the source looks at all of a range of `patience` IDs; where it has only `size` IDs yet, half of them show
    /// it well enough.
    pub(crate) fn covers(self, size: u64, patience: u64) -> bool {
        self.width >= patience || size < patience && self.width > size / 2
    }

    fn find(self, start: u64, step: u64, patience: u64) -> Option<(usize, u64)> {
        let limits = LIMITS.into_iter().map(|limit| (limit > start.saturating_add(patience)).then_some(limit));
        let widths = WIDTHS.into_iter().chain([patience]).map(|width| Some(start.saturating_add(width - 1)));
        let is_wider = |end: &u64| end.saturating_sub(start) >= step;
        let ends = limits.chain(widths).map(|end| end.filter(is_wider)).enumerate().skip(self.refused);
        ends.filter_map(|(place, end)| Some((place, end?))).next()
    }
}

/// Whether the source refuses a request for what it asks, not for who asks or when.
pub(crate) fn refusal(error: &Error) -> Option<Refusal> {
    match error.status()? {
        400 | 404 | 413 | 414 | 416 | 422 => Some(Refusal::Rejected),
        500 => Some(Refusal::Failed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ends of the ranges from `start` on, each tried after the one before was refused.
    fn ends(start: u64, step: u64, patience: u64) -> Vec<u64> {
        let mut sight = Sight::default();
        let mut ends = Vec::new();
        while let Some(end) = sight.end(start, step, patience) {
            ends.push(end);
            sight.narrow(Refusal::Rejected, start, step, patience);
        }
        ends
    }

    /// The ends of the ranges from 1 on that a source fails at, one run after the other.
    fn failures(greatest: u64) -> Vec<Vec<u64>> {
        let mut sight = Sight::default();
        let mut run = || {
            let mut ends = Vec::new();
            while let Some(end) = sight.end(1, 100, 1_000).filter(|end| *end > greatest) {
                ends.push(end);
                sight.narrow(Refusal::Failed, 1, 100, 1_000);
            }
            assert_eq!(sight.take_news(), !ends.is_empty());
            assert!(!sight.take_news(), "told once");
            let state = tidegate_sdk::json::to_string(&sight).expect("a state");
            sight = tidegate_sdk::json::from_str(&state).expect("a state");
            ends
        };
        vec![run(), run(), run()]
    }

    #[test]
    fn a_source_that_fails_at_wide_ranges_is_asked_for_few_of_them_in_a_run() {
        let [long, _, int] = LIMITS;
        assert_eq!(failures(int), [vec![long], vec![], vec![]], "the numbers of the source have 32 bits");
        assert_eq!(failures(1_000), [vec![long, int], vec![], vec![]]);
        assert_eq!(failures(100), [vec![long, int], vec![1_000], vec![]]);
    }

    #[test]
    fn what_is_refused_is_tried_narrower_until_it_is_no_wider_than_a_step() {
        let near = [16_777_216, 65_536, 1_000];
        assert_eq!(ends(1, 100, 1_000), [&LIMITS[..], &near].concat());
        assert_eq!(ends(1, 100, 100), [&LIMITS[..], &near[..2]].concat());
        assert_eq!(ends(1 << 40, 100, 1_000).len(), 5, "the least number type is too small");
        assert_eq!(ends(u64::MAX - 5, 100, 1_000), [0; 0]);
    }

    #[test]
    fn a_record_at_the_end_of_a_range_shows_that_it_was_looked_at() {
        let mut sight = Sight::default();
        assert!(!sight.covers(54, 1_000));
        sight.see(Range { start: 1, end: 53 });
        assert!(sight.covers(54, 1_000) && !sight.covers(200, 1_000) && !sight.covers(1_000, 1_000));
        sight.see(Range { start: 1_001, end: 2_000 });
        assert!(sight.covers(1_000, 1_000));
    }
}
