//! Whether an answer has all records of its range, or was cut by the source.
//!
//! A cap on answers shows by their number only: no answer is longer. So an answer shorter than another one was not cut;
//! any other is put to the test, by asking for its range in two halves.

use serde::{Deserialize, Serialize};

/// How many times the two halves must agree with the whole, until sorted answers are no longer put to the test.
const ENOUGH: u32 = 3;

/// What the lengths of answers have shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lengths {
    /// The longest answer.
    longest: u64,
    /// How many tests in a row have found an answer to be whole.
    whole: u32,
}

impl Lengths {
    /// Whether an answer of `count` records to a range of `size` IDs, which does not end early, may have been cut.
    pub(crate) fn doubt(&self, count: u64, size: u64, is_sorted: bool, cap: Option<u64>) -> bool {
        let may_be_cut = count > 0 && count < size;
        may_be_cut
            && match cap {
                Some(cap) => count >= cap,
                None => count >= self.longest && !(is_sorted && self.whole >= ENOUGH),
            }
    }

    /// Takes an answer into account.
    pub(crate) fn see(&mut self, count: u64) {
        self.longest = self.longest.max(count);
    }

    /// Takes a test into account: the halves had `parts` records. Returns whether the answer was cut.
    pub(crate) fn judge(&mut self, count: u64, parts: u64) -> bool {
        let is_cut = parts > count;
        self.whole = if is_cut { 0 } else { self.whole.saturating_add(1) };
        is_cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(longest: u64, whole: u32, (count, size): (u64, u64), cap: Option<u64>, expected: [bool; 2]) {
        let lengths = Lengths { longest, whole };
        let found = [true, false].map(|is_sorted| lengths.doubt(count, size, is_sorted, cap));
        assert_eq!(found, expected, "{count} of {size} after {lengths:?} with {cap:?}, sorted and not");
    }

    #[test]
    fn an_answer_that_was_exceeded_by_another_was_not_cut() {
        check(0, 0, (0, 100), None, [false, false]);
        check(0, 0, (100, 100), None, [false, false]);
        check(0, 0, (99, 100), None, [true, true]);
        check(99, 0, (99, 100), None, [true, true]);
        check(100, 0, (99, 100), None, [false, false]);
    }

    #[test]
    fn sorted_answers_are_trusted_after_some_tests() {
        check(50, 2, (50, 100), None, [true, true]);
        check(50, 3, (50, 100), None, [false, true]);
    }

    #[test]
    fn a_configured_cap_decides() {
        check(0, 0, (99, 1000), Some(100), [false, false]);
        check(1000, 9, (100, 1000), Some(100), [true, true]);
        check(1000, 9, (100, 100), Some(100), [false, false]);
    }

    #[test]
    fn a_cut_ends_all_trust() {
        let mut lengths = Lengths { longest: 50, whole: 7 };
        assert!(!lengths.judge(50, 50));
        assert!(lengths.judge(50, 51));
        assert!(lengths.doubt(50, 100, true, None));
    }
}
