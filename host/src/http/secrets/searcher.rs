//! Finds all spellings of all secrets in one pass.
//!
//! It keeps copies of them, which are not wiped, for as long as the connection is open.

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};
use secrecy::{ExposeSecret, SecretString};

use super::{MASK, spelling};

/// The longest secret that begins first is found.
#[derive(Default)]
pub(super) struct Searcher(Option<AhoCorasick>);

impl Searcher {
    /// Leaves out spellings shorter than `shortest` bytes.
    pub(super) fn new<'a>(secrets: impl Iterator<Item = &'a SecretString>, shortest: usize) -> Searcher {
        let secrets = secrets.map(|secret| secret.expose_secret()).filter(|secret| secret.len() >= shortest);
        let mut spellings: Vec<_> = secrets.flat_map(spelling::all).filter(|text| text.len() >= shortest).collect();
        spellings.sort_by(|one, other| one.as_str().cmp(other));
        spellings.dedup_by(|one, other| one.as_str() == other.as_str());
        if spellings.is_empty() {
            return Searcher(None);
        }
        let built = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .match_kind(MatchKind::LeftmostLongest)
            .build(spellings.iter().map(|text| text.as_bytes()));
        // It fails for texts of gigabytes only.
        Searcher(built.ok())
    }

    /// Where the first secret at or behind a place begins and ends.
    pub(super) fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        let found = self.0.as_ref()?.find(Input::new(text).range(from..))?;
        Some((found.start(), found.end()))
    }

    /// The text without secrets.
    pub(super) fn strike(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        let mut from = 0;
        while let Some((start, end)) = self.find(text.as_bytes(), from) {
            // A spelling is text itself, so what lies between two of them is, too.
            clean.push_str(text.get(from..start).unwrap_or_default());
            clean.push_str(MASK);
            from = end;
        }
        clean.push_str(text.get(from..).unwrap_or_default());
        clean
    }
}
