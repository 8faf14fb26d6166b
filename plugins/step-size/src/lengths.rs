//! Whether an answer has all records of its range, or was cut by the source.
//!
//! A sorted answer is read on from its greatest ID, so that a cut costs nothing. Any other has to be put to the test, by
//! asking for its range in two halves: only if they bring the same records was it whole. How often this is necessary
//! depends on what was seen of the source.

use serde::{Deserialize, Serialize};

use crate::course::Range;

/// How many times the two halves must agree with the whole, until sorted answers are no longer put to the test.
const ENOUGH: u32 = 3;

/// How many records in order show that a source sorts; fewer could be in order by chance.
const ORDER: u64 = 10;

/// What an answer shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) count: u64,
    pub(crate) greatest: Option<u64>,
    pub(crate) is_ascending: bool,
}

/// What the answers of earlier runs and of this one have shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lengths {
    /// The longest answer.
    longest: u64,
    /// How many tests have found an answer to be whole.
    whole: u32,
    /// Whether a test has found one to be cut.
    #[serde(default)]
    cuts: bool,
    /// Whether one was out of order.
    #[serde(default)]
    unsorted: bool,
    /// How many records stood behind one with a lower ID, up to [`ORDER`].
    #[serde(default)]
    in_order: u64,
    /// How many IDs to ask for at a time, so that an answer out of order cannot be cut; 0 as long as none was.
    #[serde(default)]
    pub(crate) step: u64,
}

impl Lengths {
    /// How many IDs to ask for at a time, where `step` are configured.
    pub(crate) fn step(&self, step: u64) -> u64 {
        if self.step == 0 { step } else { self.step.min(step) }
    }

    /// Whether the source was seen to cut answers out of order.
    pub(crate) fn may_be_cut(&self) -> bool {
        self.step > 0
    }

    /// Whether records may be missing from an answer that a request behind its greatest ID would not bring.
    pub(crate) fn doubt(&self, range: Range, answer: &View, cap: Option<u64>) -> bool {
        let View { count, greatest, .. } = *answer;
        if count == 0 || count >= range.size() || cap.is_some_and(|cap| count < cap) {
            return false;
        }
        if !self.is_sorted(answer) {
            return true;
        }
        let goes_on = count >= ORDER && greatest.is_some_and(|greatest| greatest < range.end);
        let is_trusted = !self.cuts && self.whole >= ENOUGH;
        let may_be_cut = cap.is_some() || !is_trusted && (count >= self.longest || self.in_order < ORDER);
        may_be_cut && !goes_on
    }

    /// Whether an answer is in order, and not by chance.
    pub(crate) fn is_sorted(&self, answer: &View) -> bool {
        answer.is_ascending && (!self.unsorted || answer.count == 0)
    }

    /// Takes an answer into account.
    pub(crate) fn see(&mut self, answer: &View) {
        self.longest = self.longest.max(answer.count);
        match answer.is_ascending {
            true => self.in_order = (self.in_order + answer.count.saturating_sub(1)).min(ORDER),
            false => self.unsorted = true,
        }
    }

    /// Takes a test into account.
    pub(crate) fn judge(&mut self, is_cut: bool) {
        self.cuts |= is_cut;
        self.whole = self.whole.saturating_add(u32::from(!is_cut)).min(ENOUGH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(longest: u64, whole: u32, cuts: bool) -> Lengths {
        Lengths { longest, whole, cuts, unsorted: false, in_order: ORDER, step: 0 }
    }

    /// Whether an answer with the last `count` IDs of 1 to `size` is doubted, sorted and not.
    fn check(lengths: Lengths, (count, size): (u64, u64), cap: Option<u64>, expected: [bool; 2]) {
        let range = Range { start: 1, end: size };
        let answer = |is_ascending| View { count, greatest: Some(size), is_ascending };
        let found = [true, false].map(|is_ascending| lengths.doubt(range, &answer(is_ascending), cap));
        assert_eq!(found, expected, "{count} of {size} after {lengths:?} with {cap:?}");
    }

    #[test]
    fn a_full_or_an_empty_range_is_not_doubted() {
        check(lengths(0, 0, false), (0, 100), None, [false, false]);
        check(lengths(0, 0, false), (100, 100), None, [false, false]);
    }

    #[test]
    fn a_longer_answer_shows_nothing_of_one_out_of_order() {
        check(lengths(0, 0, false), (99, 100), None, [true, true]);
        check(lengths(99, 0, false), (99, 100), None, [true, true]);
        check(lengths(100, 0, false), (99, 100), None, [false, true]);
    }

    #[test]
    fn sorted_answers_are_trusted_after_some_tests_but_not_after_a_cut() {
        check(lengths(50, 2, false), (50, 100), None, [true, true]);
        check(lengths(50, 3, false), (50, 100), None, [false, true]);
        check(lengths(50, 3, true), (50, 100), None, [true, true]);
    }

    #[test]
    fn a_configured_cap_decides() {
        check(lengths(0, 0, false), (99, 1000), Some(100), [false, false]);
        check(lengths(1000, 9, false), (100, 1000), Some(100), [true, true]);
        check(lengths(1000, 9, false), (100, 100), Some(100), [false, false]);
    }

    #[test]
    fn a_sorted_answer_that_ends_early_is_continued_and_not_doubted() {
        let range = Range { start: 1, end: 1000 };
        let doubt = |count| {
            lengths(0, 0, false).doubt(range, &View { count, greatest: Some(count), is_ascending: true }, Some(1))
        };
        assert!(!doubt(500) && !doubt(10));
        assert!(doubt(9), "few may be in order by chance");
    }

    #[test]
    fn few_records_are_in_order_by_chance_until_many_were() {
        let mut lengths = Lengths { longest: 50, ..Lengths::default() };
        let range = Range { start: 1, end: 100 };
        let few = View { count: 4, greatest: Some(20), is_ascending: true };
        assert!(lengths.doubt(range, &few, None));
        for _ in 0..4 {
            lengths.see(&few);
        }
        assert!(!lengths.doubt(range, &few, None));
        lengths.see(&View { is_ascending: false, ..few });
        assert!(lengths.doubt(range, &few, None), "the source does not sort");
    }
}
