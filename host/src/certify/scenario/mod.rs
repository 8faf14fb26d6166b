//! Scenarios: what an awkward source does, as data. One table an API; each row is a case of how rows get lost.
//!
//! Nothing here acts.

mod common;
mod keyset;
mod offset;
mod range;
mod since;

use std::fmt;

use super::source::{Change, Notation, Rows};

/// The kind of API that a strategy reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Api {
    /// An update time first, then scroll tokens.
    Keyset,
    /// Limits and offsets, sorted and filtered by an update time.
    Offset,
    /// An update time and no pages.
    Timestamp,
    /// As above, and the strategy promises to find records that appear late.
    Replay,
    /// Ranges of IDs.
    StepSize,
    /// Whatever the strategy's own source is.
    Own,
}

impl Api {
    /// Those that are simulated.
    pub const ALL: [Api; 5] = [Api::Keyset, Api::Offset, Api::Timestamp, Api::Replay, Api::StepSize];

    /// Where the simulated source answers, unless the kind of its API was named: then it does so at any path.
    pub(super) fn of_path(path: &str) -> Option<Api> {
        match path {
            "/pagination/keyset" => Some(Api::Keyset),
            "/pagination/offset" => Some(Api::Offset),
            "/incremental/timestamp" => Some(Api::Timestamp),
            "/incremental/replay" => Some(Api::Replay),
            "/incremental/step" => Some(Api::StepSize),
            _ => None,
        }
    }

    /// Its name; where it is simulated, also that of the built-in strategy for it.
    pub fn name(self) -> &'static str {
        match self {
            Api::Keyset => "keyset",
            Api::Offset => "offset",
            Api::Timestamp => "timestamp",
            Api::Replay => "replay",
            Api::StepSize => "step-size",
            Api::Own => "own",
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the source's filter does with records that equal its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Inclusive,
    Exclusive,
    /// The source answers the same whatever it is asked for.
    Ignored,
}

/// A habit of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quirk {
    None,
    /// Every third record stands twice in the source's list.
    Twice,
    /// Each answer may be cut after another number of records.
    CapVaries,
    /// Records are in no order; with scroll tokens, within each page.
    Unsorted,
    /// Which records a page has follows their order, but not how they stand in it.
    UnsortedPages,
    /// The source picks its newest records, and answers them newest first.
    NewestFirst,
    /// The source picks its newest records, and answers them in no order.
    NewestUnsorted,
    /// A scroll shows the source as it was when the scroll began.
    TokenSnapshot,
    /// A scroll shows the records that were there when it began, each as it is now.
    TokenList,
    /// A token is the time of the page's last record, and leads behind all records of that time.
    TokenIsTime,
    /// As above, within base64 and JSON.
    TokenHasTime,
    /// Every page names a token; the end is an empty page.
    TokenAlways,
    /// Tokens lead in a circle.
    TokenCycles,
    /// Tokens are new each time, and lead to the first page.
    TokenIgnored,
    /// A token of an earlier run is refused with this status.
    TokenExpires(u16),
    /// A token of an earlier run leads to an empty page.
    TokenExpiresEmpty,
    TotalAbsent,
    TotalTooSmall,
    TotalTooLarge,
    TotalChanges,
    OffsetIgnored,
    /// Offsets beyond this are refused.
    DeepOffsetRefused(usize),
    OrderIgnored,
    /// Records of one time stand in another order each time.
    TiesShuffled,
    /// Ranges of more IDs are refused.
    WidthRefused(u64),
    /// Of wider ranges, only so many IDs are looked at.
    WidthCut(u64),
}

/// How a scenario may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    /// Every strategy for this API must read the source.
    Read,
    /// The strategy may also end with the error that says why it cannot.
    ReadOrRefuse,
    /// As above; and since the source itself leaves records out, which no answer tells, one that loses them is told so
    /// and certified all the same.
    Forgiven,
}

/// A change that happens once this many requests were answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct When {
    pub(super) after: u32,
    pub(super) change: Change,
}

/// One case.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) api: Api,
    /// What is awkward about the source, in a reader's words.
    pub(super) name: &'static str,
    pub(super) rows: Rows,
    /// The most records of an answer, whatever was asked.
    pub(super) page: usize,
    pub(super) filter: Filter,
    pub(super) notation: Notation,
    pub(super) quirk: Quirk,
    /// What happens while the source is read.
    pub(super) changes: &'static [When],
    /// What happens between the first run and the second.
    pub(super) later: &'static [Change],
    /// Configuration beyond the defaults (JSON), as far as the strategy knows the keys.
    pub(super) config: &'static str,
    pub(super) expect: Expect,
    /// A key of the strategy's configuration without which the case means nothing.
    pub(super) only_with: Option<&'static str>,
    /// Whether records that vanished must be gone from the destination, too.
    pub(super) deletes: bool,
}

const fn after(after: u32, change: Change) -> When {
    When { after, change }
}

/// A source of the user's own, of which nothing is known but that it rests.
const OWN: Scenario = Scenario {
    api: Api::Own,
    name: "its own source",
    rows: Rows::of(&[]),
    page: usize::MAX,
    filter: Filter::Inclusive,
    notation: Notation::Millis,
    quirk: Quirk::None,
    changes: &[],
    later: &[],
    config: "{}",
    expect: Expect::Read,
    only_with: None,
    deletes: false,
};

/// The scenarios of an API.
pub(super) fn of(api: Api) -> Vec<Scenario> {
    match api {
        Api::Keyset => keyset::scenarios(),
        Api::Offset => offset::scenarios(),
        Api::Timestamp => since::of_timestamp(),
        Api::Replay => since::of_replay(),
        Api::StepSize => range::SCENARIOS.to_vec(),
        Api::Own => vec![OWN],
    }
}
