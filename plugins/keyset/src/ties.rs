//! Whether the tokens of a source go on in the middle of an instant, or skip the rest of its records. Knows nothing of
//! requests.
//!
//! A token that names the key of the last record beside its time is likely to go on right behind that record. A single
//! one could name a number that happens to be the key.

use tidegate_sdk::{Error, Result, Stamp};

/// So many tokens in a row that name the key are no chance.
const ENOUGH: u32 = 2;

/// What the tokens so far have shown.
#[derive(Default)]
pub(crate) struct Ties {
    /// How many tokens in a row have named the key of the last record beside its time.
    named: u32,
    doubt: Option<Doubt>,
}

/// More records share an instant than a page holds, and the token could skip them.
struct Doubt {
    instant: Stamp,
    error: Error,
}

impl Ties {
    /// Takes a token into account, by whether it names the last record's time and its key.
    pub(crate) fn see(&mut self, is_named: bool) {
        self.named = if is_named { self.named.saturating_add(1) } else { 0 };
    }

    /// Whether tokens go on in the middle of an instant, so that nothing has to be asked for once more.
    pub(crate) fn are_safe(&self) -> bool {
        self.named >= ENOUGH
    }

    /// More records share an instant than can be asked for: this is the end, unless the token names the key. Then the
    /// next page tells.
    pub(crate) fn overflow(&mut self, instant: &Stamp, error: Error) -> Result<()> {
        if self.named == 0 {
            return Err(error);
        }
        self.doubt = Some(Doubt { instant: instant.clone(), error });
        Ok(())
    }

    /// Whether records may have been skipped, so that nothing must be sealed.
    pub(crate) fn are_in_doubt(&self) -> bool {
        self.doubt.is_some()
    }

    /// Ends a doubt by the page behind its token, which is already seen, and has `least` as its least instant: either it
    /// goes on in the middle of the instant, or its own token names the key, too. Else records were skipped.
    pub(crate) fn settle(&mut self, least: impl FnOnce() -> Result<Option<Stamp>>) -> Result<()> {
        let Some(Doubt { instant, error }) = self.doubt.take() else { return Ok(()) };
        let goes_on = self.are_safe() || least()?.is_some_and(|least| least <= instant);
        if goes_on { Ok(()) } else { Err(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_sdk::Format;

    fn at(text: &str) -> Stamp {
        Format::parse("epoch_seconds", "+00:00").expect("a format").read(text).expect("a stamp")
    }

    /// The tokens before and the one at the end of an instant of many records, by whether they name the key; then the
    /// page behind it, by its least instant and its token.
    fn check(tokens: &[bool], (least, next): (&str, Option<bool>), is_read: bool) {
        let mut ties = Ties::default();
        tokens.iter().for_each(|is_named| ties.see(*is_named));
        let end = ties.overflow(&at("100"), Error::unsupported("too many")).and_then(|()| {
            assert!(ties.are_in_doubt());
            next.into_iter().for_each(|is_named| ties.see(is_named));
            ties.settle(|| Ok(Some(at(least))))
        });
        assert_eq!(end.is_ok(), is_read, "{tokens:?}, then {least} and {next:?}");
        assert!(!ties.are_in_doubt());
    }

    #[test]
    fn one_chance_match_hides_no_instant_of_too_many_records() {
        check(&[false], ("100", Some(true)), false);
        check(&[true], ("101", Some(false)), false);
        check(&[true], ("101", None), false);
        check(&[true, false], ("101", Some(true)), false);
    }

    #[test]
    fn a_token_by_the_key_goes_on_in_the_middle_of_an_instant() {
        check(&[true], ("100", Some(true)), true);
        check(&[true], ("101", Some(true)), true);
        check(&[true], ("100", None), true);
    }

    #[test]
    fn tokens_are_safe_after_two_in_a_row() {
        let mut ties = Ties::default();
        for (is_named, expected) in [(true, false), (false, false), (true, false), (true, true), (false, false)] {
            ties.see(is_named);
            assert_eq!(ties.are_safe(), expected);
        }
    }
}
