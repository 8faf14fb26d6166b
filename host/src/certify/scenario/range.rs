//! Awkward APIs of ID ranges.

use super::{Api, Change, Expect, Filter, Notation, Quirk, Rows, Scenario, When, after};

const PLAIN: Scenario = Scenario {
    api: Api::StepSize,
    name: "a plain source",
    rows: Rows::of(&[(1, 53)]),
    page: 1_000,
    filter: Filter::Inclusive,
    notation: Notation::Millis,
    quirk: Quirk::None,
    changes: &[],
    later: &[Change::Insert(9)],
    config: r#"{"step": 10, "empty_ranges": 10, "look_back": 20}"#,
    expect: Expect::Read,
    only_with: None,
    deletes: false,
};

/// A source that a strategy may also refuse, if it says why.
const AWKWARD: Scenario = Scenario { expect: Expect::ReadOrRefuse, ..PLAIN };

const GROWING: &[When] = &[after(2, Change::Insert(3)), after(5, Change::Insert(1)), after(7, Change::Insert(12))];

pub(super) const SCENARIOS: &[Scenario] = &[
    PLAIN,
    Scenario { name: "the default steps", config: "{}", rows: Rows::of(&[(1, 453)]), ..PLAIN },
    Scenario { name: "nothing there at first", rows: Rows::of(&[]), later: &[Change::Insert(7)], ..PLAIN },
    Scenario { name: "an empty range in the middle", rows: Rows::of(&[(1, 20), (41, 60)]), ..PLAIN },
    Scenario { name: "a gap of many ranges", rows: Rows::of(&[(1, 20), (91, 110)]), ..AWKWARD },
    Scenario {
        name: "a gap longer than the strategy's patience",
        rows: Rows::of(&[(1, 20), (20_001, 20_020)]),
        ..AWKWARD
    },
    Scenario { name: "IDs that begin far up", rows: Rows::of(&[(5_000_001, 5_000_040)]), ..AWKWARD },
    Scenario {
        name: "the last range is part full and fills up later",
        rows: Rows::of(&[(1, 35)]),
        later: &[Change::Insert(3)],
        ..AWKWARD
    },
    Scenario { name: "the source grows while it is read", changes: GROWING, ..AWKWARD },
    Scenario { name: "answers are cut", page: 4, ..AWKWARD },
    Scenario {
        name: "answers are cut, the default steps",
        page: 50,
        config: "{}",
        rows: Rows::of(&[(1, 230)]),
        ..AWKWARD
    },
    Scenario { name: "answers are cut and unsorted", page: 4, quirk: Quirk::Unsorted, ..AWKWARD },
    Scenario {
        name: "answers are cut, with gaps",
        page: 4,
        rows: Rows::of(&[(1, 3), (8, 19), (41, 41), (44, 60)]),
        ..AWKWARD
    },
    Scenario { name: "answers are cut after another number each time", page: 6, quirk: Quirk::CapVaries, ..AWKWARD },
    Scenario { name: "answers are unsorted", quirk: Quirk::Unsorted, ..AWKWARD },
    Scenario { name: "wide ranges are refused", quirk: Quirk::WidthRefused(10), ..AWKWARD },
    Scenario {
        name: "wide ranges are refused, with gaps",
        quirk: Quirk::WidthRefused(10),
        rows: Rows::of(&[(1, 20), (61, 70)]),
        ..AWKWARD
    },
    Scenario { name: "wide ranges are looked at in part", quirk: Quirk::WidthCut(10), ..AWKWARD },
    Scenario {
        name: "an ID appears after a higher one",
        rows: Rows::of(&[(1, 47), (49, 53)]),
        later: &[Change::InsertId(48), Change::Insert(1)],
        ..AWKWARD
    },
    Scenario { name: "IDs of one to three digits", rows: Rows::of(&[(7, 12), (97, 103)]), ..AWKWARD },
    Scenario {
        name: "records vanish",
        later: &[Change::Delete(7, 9), Change::Insert(2)],
        changes: &[after(2, Change::Delete(30, 30))],
        ..AWKWARD
    },
    Scenario {
        name: "records vanish, and each run reads everything",
        later: &[Change::Delete(7, 9), Change::Update(3, 4), Change::Insert(2)],
        config: r#"{"step": 10, "empty_ranges": 10, "look_back": 20, "rescan_every": "1ms"}"#,
        only_with: Some("rescan_every"),
        deletes: true,
        ..PLAIN
    },
    Scenario { name: "IDs are numbers", rows: Rows::of(&[(1, 53)]).with_numeric_ids(), ..PLAIN },
    Scenario { name: "numbers beyond 2^53 and long decimals", rows: Rows::of(&[(1, 53)]).with_long_numbers(), ..PLAIN },
    Scenario { name: "records come twice in a row", quirk: Quirk::Twice, ..AWKWARD },
    Scenario { name: "IDs beyond 2^53", rows: Rows::of(&[(9_007_199_254_740_990, 9_007_199_254_741_020)]), ..AWKWARD },
];
