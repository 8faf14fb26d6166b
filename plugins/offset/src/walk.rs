//! Which page comes next, and whether a page follows on those before. Knows nothing of requests.
//!
//! A page is named by an anchor (an instant, for the filter) and an offset behind it. Rows that are changed move to the
//! end, and all behind them move up; behind an offset they would be missed. So the anchor moves along with the pages,
//! and the offset grows only while the records do not go beyond the anchor; there, each page has to show the last
//! record of the page before.

use std::collections::HashSet;

use tidegate_sdk::{Error, Result, Stamp};

/// How many times rows may move behind one anchor.
const PATIENCE: u32 = 5;

/// How many records in order show that a source sorts; fewer could be in order by chance.
const ENOUGH: u32 = 10;

/// What a page shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) count: u32,
    /// Fingerprints of the first and the last record's key, and of all keys.
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) keys: u64,
    /// Whether no record is before the one that stands before it.
    pub(crate) is_ascending: bool,
    pub(crate) least: Option<Stamp>,
    pub(crate) greatest: Option<Stamp>,
    /// A fingerprint of each record's key, where [`Walk::counts_each`].
    pub(crate) each: Vec<u64>,
}

/// What is to be done with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Take its records, then call `advance`.
    Take,
    /// Fetch the page at `proof_offset`, and take this one if it `proves` that no row has moved.
    Prove,
    /// Leave it; the anchor has moved to what was taken before.
    Leap,
    /// Leave it; rows have moved, and the anchor's first page comes next.
    Again,
    /// There are no more records.
    End,
    /// Leave it; offsets cannot be anchored in this source, for this reason.
    Plain(&'static str),
}

/// The way through all pages.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    anchor: Option<Stamp>,
    offset: u64,
    /// The page before, where it had the same anchor.
    before: Option<Before>,
    /// The least and the greatest instant behind the anchor.
    least: Option<Stamp>,
    greatest: Option<Stamp>,
    /// How many records a page has when it is full: as many as asked for, or fewer if the source has shown so.
    full: u32,
    /// How many records were taken, all of them in order.
    taken: u32,
    moves: u32,
    /// How many pages were taken behind the anchor, and how many are to be before it moves: they can be in flight together.
    pages: u32,
    window: u32,
    /// The records that were taken behind the anchor. So many different ones at so many places are all there are.
    places: HashSet<u64>,
}

#[derive(Clone, Debug)]
struct Before {
    count: u32,
    last: u64,
    keys: u64,
    /// Whether the next page was asked for from the last record on, not behind it.
    overlaps: bool,
}

impl Walk {
    pub(crate) fn new(anchor: Option<Stamp>, page_size: u32) -> Walk {
        Walk {
            anchor,
            offset: 0,
            before: None,
            least: None,
            greatest: None,
            full: page_size,
            taken: 0,
            moves: 0,
            pages: 0,
            window: 1,
            places: HashSet::new(),
        }
    }

    /// With so many pages in flight at once, as long as no row moves.
    pub(crate) fn in_windows_of(self, window: u32) -> Walk {
        Walk { window, ..self }
    }

    pub(crate) fn anchor(&self) -> Option<&Stamp> {
        self.anchor.as_ref()
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the anchor moves in the middle of a window, since the source does not count as far: from here on, one page
    /// after the other is read.
    pub(crate) fn leaves_window(&mut self) -> bool {
        let Some(stamp) = self.beyond().filter(|_| self.window > 1) else { return false };
        self.window = 1;
        self.anchor_at(stamp);
        true
    }

    /// The offsets of the pages behind the present one, up to where the anchor moves.
    pub(crate) fn following(&self) -> impl Iterator<Item = u64> + use<> {
        let (offset, stride) = (self.offset, u64::from(self.full) - u64::from(self.full > 1));
        let more = self.window.saturating_sub(self.pages.saturating_add(1));
        (1..=u64::from(more)).map(move |page| offset + page * stride)
    }

    /// Where the last record that was taken must still stand.
    pub(crate) fn proof_offset(&self) -> u64 {
        self.offset.saturating_sub(1)
    }

    /// Whether a page's records must be known one by one: the anchor does not move to the end of it.
    pub(crate) fn counts_each(&self, page: &View) -> bool {
        let leads_beyond = || {
            let mut walk = self.clone();
            walk.take(page);
            walk.leap(page).is_some()
        };
        page.count > 0 && (self.before.is_some() || !leads_beyond())
    }

    /// Judges the page at anchor and offset. `since` is what the filter was given.
    pub(crate) fn judge(&mut self, page: &View, since: Option<&Stamp>) -> Result<Verdict> {
        let Some(before) = &self.before else {
            let is_before = page.greatest.as_ref().zip(since).is_some_and(|(greatest, since)| greatest < since);
            return Ok(match page {
                View { count: 0, .. } => Verdict::End,
                View { is_ascending: false, .. } => Verdict::Plain("it does not sort its records"),
                _ if is_before => Verdict::Plain("its filter lets earlier records pass"),
                _ => Verdict::Take,
            });
        };
        if page.count == before.count && page.keys == before.keys {
            return self.again(true);
        }
        if before.overlaps && (page.count == 0 || page.first != before.last) {
            return self.again(false);
        }
        if page.count == 0 {
            return Ok(Verdict::End);
        }
        let is_new = |key: &u64| !self.places.contains(key);
        if !page.each.iter().skip(usize::from(before.overlaps)).all(is_new) {
            return self.again(false);
        }
        if !page.is_ascending || page.least.as_ref().zip(self.greatest.as_ref()).is_some_and(|(next, last)| next < last)
        {
            return Ok(Verdict::Plain("it does not sort its records"));
        }
        if before.overlaps {
            return Ok(Verdict::Take);
        }
        // A page that seemed short has one behind it: this is as many as the source returns.
        self.full = before.count;
        match self.beyond() {
            Some(stamp) => {
                self.anchor_at(stamp);
                Ok(Verdict::Leap)
            }
            None => Ok(Verdict::Prove),
        }
    }

    /// Whether the page at `proof_offset` proves that no row has moved. If not, the anchor's first page comes next.
    pub(crate) fn proves(&mut self, page: &View) -> Result<bool> {
        let is_there = self.before.as_ref().is_some_and(|before| page.count > 0 && page.first == before.last);
        if !is_there {
            self.again(false)?;
        }
        Ok(is_there)
    }

    /// Goes on behind a page that was taken. Returns whether the anchor has moved: then everything before it was read.
    pub(crate) fn advance(&mut self, page: &View) -> bool {
        self.take(page);
        if let Some(stamp) = self.leap(page) {
            self.anchor_at(stamp);
            return true;
        }
        self.places.extend(&page.each);
        let overlaps = self.is_full(page) && page.count > 1;
        self.offset += u64::from(page.count) - u64::from(overlaps);
        self.before = Some(Before { count: page.count, last: page.last, keys: page.keys, overlaps });
        false
    }

    fn take(&mut self, page: &View) {
        self.least = [self.least.take(), page.least.clone()].into_iter().flatten().min();
        self.greatest = self.greatest.take().max(page.greatest.clone());
        self.taken = self.taken.saturating_add(page.count);
        self.pages = self.pages.saturating_add(1);
    }

    fn is_full(&self, page: &View) -> bool {
        page.count >= self.full
    }

    /// The next anchor behind a page that was taken; none behind a short one, which may be the last, and none within a
    /// window.
    fn leap(&self, page: &View) -> Option<Stamp> {
        self.beyond().filter(|_| self.is_full(page) && self.pages >= self.window)
    }

    /// The greatest instant taken, if it may be the next anchor. From a source that does not sort it could be the last
    /// one of all, so there must be an order to be seen; where rows move, little of it is enough.
    fn beyond(&self) -> Option<Stamp> {
        let (least, greatest) = (self.least.as_ref()?, self.greatest.as_ref()?);
        let is_beyond = self.anchor.as_ref().is_none_or(|anchor| anchor < greatest);
        let is_ordered = least < greatest && (self.taken >= ENOUGH || self.moves > 0);
        (is_beyond && is_ordered).then(|| greatest.clone())
    }

    fn anchor_at(&mut self, stamp: Stamp) {
        *self = Walk { taken: self.taken, window: self.window, ..Walk::new(Some(stamp), self.full) };
    }

    fn again(&mut self, is_repeated: bool) -> Result<Verdict> {
        let moves = self.moves + 1;
        if moves <= PATIENCE {
            *self = Walk { moves, taken: self.taken, ..Walk::new(self.anchor.take(), self.full) };
            return Ok(Verdict::Again);
        }
        let offset = self.offset;
        Err(match is_repeated {
            true => Error::endless(format!(
                "the page at offset {offset} has the same records as the page before; the source seems to ignore \
                 `offset_parameter`. Correct its name, or use the timestamp strategy if the source has no offsets"
            )),
            false => Error::unsupported(format!(
                "rows keep moving while they are read: {moves} times the page at offset {offset} did not follow on the \
                 page before. Ask for larger pages (`page_size`), or run at a quieter time; if the source does not \
                 keep records of one time in one order, let `order_by` name a second field"
            )),
        })
    }
}
