//! Awkward APIs of one update time and no pages.

use super::{Api, Change, Expect, Filter, Notation, Quirk, Rows, Scenario, When, after, common};

const PLAIN: Scenario = Scenario {
    api: Api::Timestamp,
    name: "a plain source",
    rows: Rows::of(&[(1, 43)]),
    page: 12,
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

/// What appears late in these tables appears within it.
const LOOK_BACK: &str = r#"{"look_back": "1h"}"#;

const DRIFT: &[When] = &[
    after(1, Change::UpdateOldest),
    after(2, Change::Insert(3)),
    after(3, Change::Delete(9, 9)),
    after(4, Change::UpdateOldest),
    after(6, Change::Update(40, 41)),
];

const COMMON: &[Scenario] = &[
    PLAIN,
    Scenario { name: "nothing there at first", rows: Rows::of(&[]), later: &[Change::Insert(7)], ..PLAIN },
    Scenario { name: "one answer holds all", page: 500, ..PLAIN },
    Scenario { name: "one record", rows: Rows::of(&[(1, 1)]), ..AWKWARD },
    Scenario { name: "exclusive filter", filter: Filter::Exclusive, ..AWKWARD },
    Scenario { name: "ties at the end of answers", rows: Rows::of(&[(1, 45)]).tied(5), ..AWKWARD },
    Scenario {
        name: "ties at the end of answers, exclusive filter",
        rows: Rows::of(&[(1, 45)]).tied(5),
        filter: Filter::Exclusive,
        ..AWKWARD
    },
    Scenario {
        name: "times in seconds, many a second",
        notation: Notation::Seconds,
        rows: Rows::of(&[(1, 43)]).apart(150_000),
        ..AWKWARD
    },
    Scenario {
        name: "times in seconds, many a second, exclusive filter",
        notation: Notation::Seconds,
        rows: Rows::of(&[(1, 43)]).apart(150_000),
        filter: Filter::Exclusive,
        ..AWKWARD
    },
    Scenario { name: "a tie is longer than an answer", rows: Rows::of(&[(1, 45)]).tied(15), ..AWKWARD },
    Scenario {
        name: "a tie is longer than an answer, exclusive filter",
        rows: Rows::of(&[(1, 45)]).tied(15),
        filter: Filter::Exclusive,
        ..AWKWARD
    },
    Scenario { name: "a tie is as long as an answer", rows: Rows::of(&[(1, 36)]).tied(12), ..AWKWARD },
    Scenario {
        name: "a tie in the middle is longer than an answer",
        rows: Rows::of(&[(1, 40)]).tied(20),
        page: 15,
        ..AWKWARD
    },
    Scenario { name: "all records share one time", rows: Rows::of(&[(1, 30)]).tied(30), ..AWKWARD },
    Scenario { name: "answers of one record", page: 1, rows: Rows::of(&[(1, 9)]), ..AWKWARD },
    Scenario { name: "answers of one record, ties", page: 1, rows: Rows::of(&[(1, 9)]).tied(2), ..AWKWARD },
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
    Scenario { name: "the length of answers varies", quirk: Quirk::CapVaries, ..AWKWARD },
    Scenario { name: "the length of answers varies, records move", quirk: Quirk::CapVaries, changes: DRIFT, ..AWKWARD },
    Scenario { name: "unsorted, and one answer holds all", quirk: Quirk::Unsorted, page: 500, ..AWKWARD },
    Scenario { name: "unsorted and cut", quirk: Quirk::Unsorted, ..AWKWARD },
    Scenario { name: "unsorted answers of sorted records", quirk: Quirk::UnsortedPages, ..AWKWARD },
    Scenario { name: "newest first, and one answer holds all", quirk: Quirk::NewestFirst, page: 500, ..AWKWARD },
    Scenario { name: "newest first and cut", quirk: Quirk::NewestFirst, ..AWKWARD },
    Scenario { name: "the newest, unsorted and cut", quirk: Quirk::NewestUnsorted, ..AWKWARD },
    Scenario { name: "the filter is ignored, and one answer holds all", filter: Filter::Ignored, page: 500, ..AWKWARD },
    Scenario { name: "records vanish", later: &[Change::Delete(7, 9), Change::Update(3, 3)], ..AWKWARD },
];

/// For strategies that promise to find records which appear late.
const LATE: &[Scenario] = &[
    Scenario { name: "records appear late", later: &[Change::InsertLate(4, 1_800), Change::Update(3, 3)], ..AWKWARD },
    Scenario {
        name: "records appear late, exclusive filter",
        later: &[Change::InsertLate(4, 1_800)],
        filter: Filter::Exclusive,
        ..AWKWARD
    },
    Scenario {
        name: "records appear late while the source is read",
        changes: &[after(2, Change::InsertLate(2, 600)), after(4, Change::InsertLate(2, 60))],
        later: &[Change::InsertLate(2, 900)],
        ..AWKWARD
    },
    Scenario { name: "nothing but a late record", later: &[Change::InsertLate(1, 3_000)], ..AWKWARD },
];

pub(super) fn of_timestamp() -> Vec<Scenario> {
    [COMMON.to_vec(), common::over(&PLAIN)].concat()
}

pub(super) fn of_replay() -> Vec<Scenario> {
    let all = [of_timestamp(), LATE.to_vec()].concat().into_iter();
    all.map(|scenario| Scenario { api: Api::Replay, config: LOOK_BACK, ..scenario }).collect()
}
