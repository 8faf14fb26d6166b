//! Whether a scroll gets anywhere: a source can hand out tokens for ever.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use tidegate_sdk::{Error, Result};

/// So many pages without a record, one after the other, are no scroll any more.
const MOST_EMPTY_PAGES: u32 = 1_000;

/// The tokens and pages of one scroll, by their hashes.
#[derive(Default)]
pub(crate) struct Trail {
    hasher: RandomState,
    tokens: HashSet<u64>,
    pages: HashSet<u64>,
    empty_pages: u32,
    /// The token that the present page was asked for by.
    asked: Option<u64>,
}

impl Trail {
    /// A scroll that begins with the page of this token; at its beginning without one.
    pub(crate) fn from(token: Option<&str>) -> Trail {
        let mut trail = Trail::default();
        trail.asked = token.map(|token| trail.hasher.hash_one(token));
        trail.tokens.extend(trail.asked);
        trail
    }

    /// Takes note of a page, by the token it names, its number of records and their fingerprint. Returns the token of
    /// the next page.
    pub(crate) fn follow(
        &mut self,
        token: Option<String>,
        count: u32,
        print: impl FnOnce() -> u64,
    ) -> Result<Option<String>> {
        let Some(token) = token else { return Ok(None) };
        let next = self.hasher.hash_one(token.as_str());
        // A source that always names a token ends with an empty page that leads to itself.
        if count == 0 && self.asked == Some(next) {
            return Ok(None);
        }
        let shown: String = token.chars().take(60).collect();
        if !self.tokens.insert(next) {
            return Err(self.endless(&format!("names the token `{shown}`, which an earlier page has named")));
        }
        self.empty_pages = if count == 0 { self.empty_pages + 1 } else { 0 };
        if self.empty_pages >= MOST_EMPTY_PAGES {
            return Err(self.endless(&format!("and the {} before it have no record", MOST_EMPTY_PAGES - 1)));
        }
        // The token may be new each time, and yet be ignored.
        if count > 0 && !self.pages.insert(print()) {
            return Err(self.endless(&format!(
                "names the token `{shown}`, but has the very same records as an earlier page (is `scroll_parameter` \
                 the name that the source knows?)"
            )));
        }
        self.asked = Some(next);
        Ok(Some(token))
    }

    fn endless(&self, what: &str) -> Error {
        let page = self.tokens.len();
        Error::endless(format!("page {page} of the scroll {what}; the source would go round in circles"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows pages given as (token, fingerprint); a fingerprint of 0 is an empty page. Returns how the scroll ends.
    fn check(from: Option<&str>, pages: &[(&str, u64)], expected: Result<usize, &str>) {
        let mut trail = Trail::from(from);
        for (at, (token, print)) in pages.iter().enumerate() {
            let token = Some((*token).to_owned()).filter(|token| !token.is_empty());
            match trail.follow(token, u32::from(*print > 0), || *print) {
                Ok(Some(_)) => {}
                Ok(None) => return assert_eq!(Ok(at), expected, "{pages:?}"),
                Err(error) => {
                    assert_eq!(error.code, "source.loop");
                    let expected = expected.expect_err("an end");
                    return assert!(error.message.contains(expected), "{}", error.message);
                }
            }
        }
        panic!("{pages:?} does not end");
    }

    #[test]
    fn a_scroll_ends_or_goes_round_in_circles() {
        check(None, &[("a", 1), ("b", 2), ("", 3)], Ok(2));
        check(None, &[("a", 1), ("b", 0), ("c", 0), ("", 1)], Ok(3));
        check(None, &[("a", 1), ("b", 2), ("a", 3)], Err("page 2 of the scroll names the token `a`"));
        check(Some("a"), &[("a", 1)], Err("page 1 of the scroll names the token `a`"));
        check(
            None,
            &[("a", 1), ("b", 2), ("c", 1)],
            Err("page 3 of the scroll names the token `c`, but has the very same"),
        );
    }

    #[test]
    fn an_empty_page_that_leads_to_itself_is_the_end() {
        check(None, &[("a", 1), ("b", 2), ("b", 0)], Ok(2));
        check(Some("b"), &[("b", 0)], Ok(0));
    }

    #[test]
    fn empty_pages_without_end_are_an_error() {
        let tokens: Vec<String> = (0..=MOST_EMPTY_PAGES).map(|at| format!("t{at}")).collect();
        let pages: Vec<(&str, u64)> = tokens.iter().map(|token| (token.as_str(), 0)).collect();
        check(None, &pages, Err("have no record"));
    }
}
