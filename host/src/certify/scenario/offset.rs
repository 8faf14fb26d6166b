//! Awkward APIs of limits and offsets.

use super::{Api, Change, Expect, Filter, Notation, Quirk, Rows, Scenario, When, after, common};

const PLAIN: Scenario = Scenario {
    api: Api::Offset,
    name: "a plain source",
    rows: Rows::of(&[(1, 43)]),
    page: 100,
    filter: Filter::Inclusive,
    notation: Notation::Millis,
    quirk: Quirk::None,
    changes: &[],
    later: &[Change::Update(3, 4), Change::Insert(2)],
    config: r#"{"page_size": 10}"#,
    expect: Expect::Read,
    only_with: None,
    deletes: false,
};

/// A source that a strategy may also refuse, if it says why.
const AWKWARD: Scenario = Scenario { expect: Expect::ReadOrRefuse, ..PLAIN };

const TIES: Rows = Rows::of(&[(1, 48)]).tied(16);
const MOVING_UP: &[When] =
    &[after(1, Change::Update(2, 2)), after(2, Change::Update(5, 6)), after(3, Change::UpdateOldest)];
const DRIFT: &[When] = &[
    after(1, Change::UpdateOldest),
    after(2, Change::Insert(3)),
    after(3, Change::Delete(9, 9)),
    after(4, Change::UpdateOldest),
    after(6, Change::Update(40, 41)),
];

const OF_THE_API: &[Scenario] = &[
    PLAIN,
    Scenario { name: "nothing there at first", rows: Rows::of(&[]), later: &[Change::Insert(7)], ..PLAIN },
    Scenario { name: "one page holds all", config: "{}", rows: Rows::of(&[(1, 12)]), ..PLAIN },
    Scenario { name: "the last page is full", rows: Rows::of(&[(1, 40)]), ..PLAIN },
    Scenario { name: "exclusive filter", filter: Filter::Exclusive, ..AWKWARD },
    Scenario { name: "a row of an earlier page is updated between two pages", changes: MOVING_UP, ..AWKWARD },
    Scenario {
        name: "a row of an earlier page vanishes between two pages",
        changes: &[after(1, Change::Delete(2, 3)), after(2, Change::Delete(12, 12))],
        ..AWKWARD
    },
    Scenario { name: "rows move while they are read", changes: DRIFT, ..AWKWARD },
    Scenario {
        name: "rows move while they are read, exclusive filter",
        changes: DRIFT,
        filter: Filter::Exclusive,
        ..AWKWARD
    },
    Scenario { name: "rows move while they are read, ties span pages", changes: DRIFT, rows: TIES, ..AWKWARD },
    Scenario { name: "a tie spans pages", rows: TIES, ..AWKWARD },
    Scenario { name: "a tie spans pages, exclusive filter", rows: TIES, filter: Filter::Exclusive, ..AWKWARD },
    Scenario { name: "all rows share one time", rows: Rows::of(&[(1, 35)]).tied(35), ..AWKWARD },
    Scenario {
        name: "all rows share one time, exclusive filter",
        rows: Rows::of(&[(1, 35)]).tied(35),
        filter: Filter::Exclusive,
        ..AWKWARD
    },
    Scenario { name: "later rows have the time of the cursor", later: &[Change::InsertTied(3)], ..AWKWARD },
    Scenario {
        name: "later rows have the time of the cursor, exclusive filter",
        later: &[Change::InsertTied(3)],
        filter: Filter::Exclusive,
        ..AWKWARD
    },
    Scenario { name: "the source returns fewer than asked for", page: 6, ..AWKWARD },
    Scenario {
        name: "the source returns fewer than the default asks for",
        page: 20,
        rows: Rows::of(&[(1, 90)]),
        config: "{}",
        ..AWKWARD
    },
    Scenario { name: "the source returns fewer than asked for, rows move", page: 6, changes: DRIFT, ..AWKWARD },
    Scenario { name: "the length of pages varies", page: 12, quirk: Quirk::CapVaries, ..AWKWARD },
    Scenario { name: "the offset is ignored", quirk: Quirk::OffsetIgnored, ..AWKWARD },
    Scenario { name: "there is no total", quirk: Quirk::TotalAbsent, ..AWKWARD },
    Scenario { name: "the total is too small", quirk: Quirk::TotalTooSmall, ..AWKWARD },
    Scenario { name: "the total is too large", quirk: Quirk::TotalTooLarge, ..AWKWARD },
    Scenario { name: "the total changes", quirk: Quirk::TotalChanges, ..AWKWARD },
    Scenario { name: "deep offsets are refused", quirk: Quirk::DeepOffsetRefused(20), ..AWKWARD },
    Scenario {
        name: "deep offsets are refused, a tie goes deeper",
        quirk: Quirk::DeepOffsetRefused(10),
        rows: Rows::of(&[(1, 40)]).tied(40),
        ..AWKWARD
    },
    Scenario { name: "the order is ignored", quirk: Quirk::OrderIgnored, ..AWKWARD },
    Scenario { name: "the order is ignored, rows move", quirk: Quirk::OrderIgnored, changes: DRIFT, ..AWKWARD },
    Scenario { name: "the filter is ignored", filter: Filter::Ignored, ..AWKWARD },
    Scenario { name: "ties come in another order each time", quirk: Quirk::TiesShuffled, rows: TIES, ..AWKWARD },
    Scenario {
        name: "times in seconds, many a second",
        notation: Notation::Seconds,
        rows: Rows::of(&[(1, 43)]).apart(150_000),
        later: &[Change::InsertTied(2), Change::Update(3, 4)],
        ..AWKWARD
    },
    Scenario { name: "rows vanish", later: &[Change::Delete(7, 9), Change::Update(3, 3)], ..AWKWARD },
];

pub(super) fn scenarios() -> Vec<Scenario> {
    [OF_THE_API.to_vec(), common::over(&PLAIN)].concat()
}
