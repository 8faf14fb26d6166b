//! Whether an answer out of order is whole, since it cannot be read on from its end.
//!
//! Asked for once more from a later instant, a whole answer shows its later records and no other. A source that had cut
//! it off would fill the room with records that it left out, or cut after another number of them. Two kinds of sources
//! could hide what they left out even so, and are refused: one that answers its newest first, and one that picks its
//! newest and then answers them in any order, as far as the number of records gives it away. An answer that reaches back
//! to the cursor has all that either of them could hide.

use super::walk::{Answer, Source, Walk};
use crate::{Result, Stamp};

/// How many times an answer is tested anew: records that change in the meantime look like records that were left out.
const ATTEMPTS: u32 = 3;

/// Fewer records than this are hardly ever the limit of a source.
const FEW: u32 = 10;

impl<S: Source> Walk<'_, S> {
    /// Makes sure that an answer out of order is all that the source has since the instant that it was asked from.
    pub(super) fn prove_whole(&mut self, first: Answer) -> Result<()> {
        let since = self.since.clone();
        let mut page = first;
        for _ in 1..ATTEMPTS {
            match self.test(&page)? {
                Finding::Whole => return Ok(()),
                Finding::Cut => break,
                Finding::Changed => page = self.ask(since.as_ref())?,
            }
        }
        Err(self.out_of_order(page.count))
    }

    fn test(&mut self, page: &Answer) -> Result<Finding> {
        let mut instants: Vec<&Stamp> = page.instants.iter().collect();
        if page.is_new && instants.is_sorted_by(|earlier, later| earlier >= later) {
            return Ok(Finding::Cut);
        }
        if page.is_new && (is_round(page.count) || page.count >= FEW && self.is_known_length(page.count)) {
            return Err(self.may_show_the_newest_only(page.count));
        }
        instants.sort();
        let [Some(least), Some(middle)] = [0, instants.len() / 2].map(|at| instants.get(at)) else {
            return Ok(Finding::Cut);
        };
        let second = least.later(self.options.step(least));
        let begin = self.since.clone();
        let tests = [Some(&second), Some(*middle), begin.as_ref()];
        // What brings no news was tested when it was new.
        let count = if page.has_moved { tests.len() } else { 1 };
        for since in tests.into_iter().take(count) {
            match self.compare_rest(page, &instants, since)? {
                Finding::Whole => {}
                finding => return Ok(finding),
            }
        }
        Ok(Finding::Whole)
    }

    /// Compares an answer from a later instant with the later records of `page`.
    fn compare_rest(&mut self, page: &Answer, instants: &[&Stamp], since: Option<&Stamp>) -> Result<Finding> {
        let rest = self.source.peek(since)?;
        if let (Some(greatest), true) = (&page.greatest, since.is_some() && rest.least == page.least) {
            self.expect_filter(&rest, greatest)?;
        }
        let is_inclusive = rest.least.as_ref() <= since;
        let is_expected =
            |instant: &Stamp| since.is_none_or(|since| instant > since || is_inclusive && instant == since);
        let expected = instants.iter().filter(|instant| is_expected(instant)).count();
        let is_complete = usize::try_from(rest.readable).is_ok_and(|readable| readable >= expected);
        Ok(match (is_complete, rest.fresh) {
            (true, 0) => Finding::Whole,
            (true, _) if rest.fresh_least > page.greatest => Finding::Changed,
            _ => Finding::Cut,
        })
    }
}

/// What a test has shown.
enum Finding {
    Whole,
    Cut,
    /// There are later records than before.
    Changed,
}

/// Whether a number looks like a limit: a power of two, a few dozens, or a few digits and then zeros.
fn is_round(count: u32) -> bool {
    if count < FEW {
        return false;
    }
    let mut digits = count;
    while digits > 0 && digits.is_multiple_of(10) {
        digits /= 10;
    }
    count.is_power_of_two() || matches!(count, 12 | 24 | 36 | 48 | 96) || matches!(digits, 1..=5 | 15 | 25 | 75)
}

#[cfg(test)]
mod tests {
    use super::is_round;

    #[test]
    fn limits_are_round() {
        assert!(
            [10, 12, 16, 20, 25, 50, 64, 100, 128, 150, 200, 250, 256, 500, 1_000, 2_500].into_iter().all(is_round)
        );
        assert!([1, 2, 7, 8, 11, 37, 60, 99, 101, 137, 240, 1_001].into_iter().all(|count| !is_round(count)));
    }
}
