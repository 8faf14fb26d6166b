//! Whether an answer has all records of its range, or was cut by the source.
//!
//! A cap on answers shows by their number only: no answer is longer. So an answer shorter than another one was not cut;
//! any other is put to the test, by asking for its range in two halves.

use serde::{Deserialize, Serialize};

use crate::Answer;
use crate::course::Range;

/// How many times the two halves must agree with the whole, until sorted answers are no longer put to the test.
const ENOUGH: u32 = 3;

/// How many records in order show that an answer is sorted; fewer could be in order by chance.
const ORDER: u64 = 10;

/// What the lengths of answers have shown.
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
}

impl Lengths {
    /// Whether an answer may have been cut, so that records are missing which the next request would not bring.
    pub(crate) fn doubt(&self, range: Range, answer: &Answer, cap: Option<u64>) -> bool {
        let Answer { count, greatest, is_ascending } = *answer;
        let goes_on = is_ascending && count >= ORDER && greatest.is_some_and(|greatest| greatest < range.end);
        let may_be_cut = count > 0 && count < range.size() && !goes_on;
        let is_trusted = is_ascending && !self.cuts && self.whole >= ENOUGH;
        may_be_cut
            && match cap {
                Some(cap) => count >= cap,
                None => count >= self.longest && !is_trusted,
            }
    }

    /// Takes an answer into account.
    pub(crate) fn see(&mut self, count: u64) {
        self.longest = self.longest.max(count);
    }

    /// Takes a test into account: the halves had `parts` records. Returns whether the answer was cut.
    pub(crate) fn judge(&mut self, count: u64, parts: u64) -> bool {
        let is_cut = parts > count;
        self.cuts |= is_cut;
        self.whole = self.whole.saturating_add(u32::from(!is_cut));
        is_cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(longest: u64, whole: u32, cuts: bool) -> Lengths {
        Lengths { longest, whole, cuts }
    }

    /// Whether an answer with the last `count` IDs of 1 to `size` is doubted, sorted and not.
    fn check(lengths: Lengths, (count, size): (u64, u64), cap: Option<u64>, expected: [bool; 2]) {
        let range = Range { start: 1, end: size };
        let answer = |is_ascending| Answer { count, greatest: Some(size), is_ascending };
        let found = [true, false].map(|is_ascending| lengths.doubt(range, &answer(is_ascending), cap));
        assert_eq!(found, expected, "{count} of {size} after {lengths:?} with {cap:?}");
    }

    #[test]
    fn an_answer_that_was_exceeded_by_another_was_not_cut() {
        check(lengths(0, 0, false), (0, 100), None, [false, false]);
        check(lengths(0, 0, false), (100, 100), None, [false, false]);
        check(lengths(0, 0, false), (99, 100), None, [true, true]);
        check(lengths(99, 0, false), (99, 100), None, [true, true]);
        check(lengths(100, 0, false), (99, 100), None, [false, false]);
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
            lengths(0, 0, false).doubt(range, &Answer { count, greatest: Some(count), is_ascending: true }, Some(1))
        };
        assert!(!doubt(500) && !doubt(10));
        assert!(doubt(9), "few may be in order by chance");
    }

    #[test]
    fn halves_with_more_records_show_a_cut() {
        let mut lengths = lengths(50, 7, false);
        assert!(!lengths.judge(50, 50));
        assert!(lengths.judge(50, 51));
        assert!(lengths.cuts);
    }
}
