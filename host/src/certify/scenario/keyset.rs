//! Awkward APIs of update times and scroll tokens.

use super::{Api, Change, Expect, Filter, Notation, Quirk, Rows, Scenario, When, after, common};

const PLAIN: Scenario = Scenario {
    api: Api::Keyset,
    name: "a plain source",
    rows: Rows::of(&[(1, 23)]),
    page: 5,
    filter: Filter::Inclusive,
    notation: Notation::Millis,
    quirk: Quirk::None,
    changes: &[],
    later: &[Change::Update(3, 4), Change::Insert(2)],
    config: "{}",
    expect: Expect::Read,
    only_with: None,
    deletes: false,
};

/// A source that a strategy may also refuse, if it says why.
const AWKWARD: Scenario = Scenario { expect: Expect::ReadOrRefuse, ..PLAIN };

/// A source that leaves records out by itself.
const LEAKY: Scenario = Scenario { expect: Expect::Forgiven, ..PLAIN };

const TIES: Rows = Rows::of(&[(1, 24)]).tied(8);
const TIE_OF_ALL: Rows = Rows::of(&[(1, 20)]).tied(20);
const DRIFT: &[When] = &[
    after(1, Change::UpdateOldest),
    after(2, Change::Insert(3)),
    after(2, Change::UpdateOldest),
    after(4, Change::Delete(9, 9)),
    after(5, Change::Update(20, 21)),
];

const OF_THE_API: &[Scenario] = &[
    PLAIN,
    Scenario { name: "nothing there at first", rows: Rows::of(&[]), later: &[Change::Insert(7)], ..PLAIN },
    Scenario { name: "one page holds all", page: 50, ..PLAIN },
    Scenario { name: "the last page is full", rows: Rows::of(&[(1, 25)]), ..PLAIN },
    Scenario { name: "exclusive filter", filter: Filter::Exclusive, ..AWKWARD },
    Scenario { name: "a tie spans pages", rows: TIES, ..AWKWARD },
    Scenario { name: "a tie spans pages, exclusive filter", rows: TIES, filter: Filter::Exclusive, ..AWKWARD },
    Scenario { name: "all records share one time", rows: TIE_OF_ALL, ..AWKWARD },
    Scenario {
        name: "all records share one time, exclusive filter",
        rows: TIE_OF_ALL,
        filter: Filter::Exclusive,
        ..AWKWARD
    },
    Scenario { name: "later records have the time of the cursor", later: &[Change::InsertTied(3)], ..AWKWARD },
    Scenario {
        name: "later records have the time of the cursor, exclusive filter",
        later: &[Change::InsertTied(3)],
        filter: Filter::Exclusive,
        ..AWKWARD
    },
    Scenario { name: "records move while they are read", changes: DRIFT, ..AWKWARD },
    Scenario {
        name: "records move while they are read, exclusive filter",
        changes: DRIFT,
        filter: Filter::Exclusive,
        ..AWKWARD
    },
    Scenario {
        name: "a scroll shows an old list, and each record as it is now",
        quirk: Quirk::TokenList,
        changes: &[after(1, Change::Update(2, 2)), after(3, Change::Update(20, 20))],
        ..AWKWARD
    },
    Scenario {
        name: "a scroll shows an old state of the source",
        changes: DRIFT,
        quirk: Quirk::TokenSnapshot,
        ..AWKWARD
    },
    Scenario { name: "records are unsorted within a page", quirk: Quirk::Unsorted, ..AWKWARD },
    Scenario {
        name: "records are unsorted within a page, ties span pages",
        quirk: Quirk::Unsorted,
        rows: TIES,
        ..AWKWARD
    },
    Scenario { name: "tokens expire (400)", quirk: Quirk::TokenExpires(400), changes: DRIFT, ..AWKWARD },
    Scenario { name: "tokens expire (404)", quirk: Quirk::TokenExpires(404), ..AWKWARD },
    Scenario { name: "tokens expire (410)", quirk: Quirk::TokenExpires(410), rows: TIES, ..AWKWARD },
    Scenario { name: "expired tokens lead to an empty page", quirk: Quirk::TokenExpiresEmpty, ..AWKWARD },
    Scenario { name: "every page names a token", quirk: Quirk::TokenAlways, ..AWKWARD },
    Scenario { name: "tokens lead in a circle", quirk: Quirk::TokenCycles, ..AWKWARD },
    Scenario { name: "tokens are ignored", quirk: Quirk::TokenIgnored, ..AWKWARD },
    Scenario {
        name: "a token is a time, ties at the end of pages",
        quirk: Quirk::TokenIsTime,
        rows: Rows::of(&[(1, 24)]).tied(3),
        ..LEAKY
    },
    Scenario {
        name: "a token hides a time, ties at the end of pages",
        quirk: Quirk::TokenHasTime,
        rows: Rows::of(&[(1, 24)]).tied(3),
        ..LEAKY
    },
    Scenario { name: "a token is a time, a tie is longer than a page", quirk: Quirk::TokenIsTime, rows: TIES, ..LEAKY },
    Scenario { name: "the length of pages varies", quirk: Quirk::CapVaries, ..AWKWARD },
    Scenario { name: "the filter is ignored", filter: Filter::Ignored, ..AWKWARD },
    Scenario {
        name: "times in seconds, many a second",
        notation: Notation::Seconds,
        rows: Rows::of(&[(1, 40)]).apart(150_000),
        later: &[Change::InsertTied(2), Change::Update(3, 4)],
        ..AWKWARD
    },
    Scenario {
        name: "records vanish",
        later: &[Change::Delete(7, 9), Change::Update(3, 3)],
        changes: &[after(2, Change::Delete(20, 20))],
        ..AWKWARD
    },
];

pub(super) fn scenarios() -> Vec<Scenario> {
    [OF_THE_API.to_vec(), common::over(&PLAIN)].concat()
}
