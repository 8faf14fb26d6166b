//! What is awkward about records and their times, whatever API they are read by.

use super::{Change, Expect, Filter, Notation, Quirk, Scenario};

/// An hour after which the clocks of central Europe were set back: 2025-10-26T01:00:00Z, less ten seconds.
const BEFORE_THE_SWITCH: i64 = 1_761_440_390;
/// 0001-01-01T00:00:00Z.
const YEAR_ONE: i64 = -62_135_596_800;

/// The cases of a plain source's API.
pub(super) fn over(plain: &Scenario) -> Vec<Scenario> {
    let rows = plain.rows;
    let plain = || plain.clone();
    // A source that a strategy may also refuse, if it says why.
    let awkward = || Scenario { expect: Expect::ReadOrRefuse, ..plain() };
    vec![
        Scenario { name: "IDs are numbers", rows: rows.with_numeric_ids(), ..plain() },
        Scenario { name: "numbers beyond 2^53 and long decimals", rows: rows.with_long_numbers(), ..plain() },
        Scenario { name: "records come twice in a row", quirk: Quirk::Twice, ..awkward() },
        Scenario { name: "records without a time", rows: rows.timeless(&[4, 5, 17]), ..awkward() },
        Scenario { name: "records dated in the year 2999", rows: rows.future(&[6]), ..awkward() },
        Scenario { name: "records of the year 0001", rows: rows.beginning(YEAR_ONE), ..awkward() },
        Scenario {
            name: "clocks are set back between two records",
            rows: rows.beginning(BEFORE_THE_SWITCH),
            notation: Notation::Daylight,
            ..awkward()
        },
        Scenario { name: "times in microseconds", notation: Notation::Micros, rows: rows.apart(1), ..awkward() },
        Scenario { name: "times with an offset", notation: Notation::Offset, ..awkward() },
        Scenario { name: "times in two zones", notation: Notation::Mixed, ..awkward() },
        Scenario { name: "times without a zone", notation: Notation::NoZone, ..awkward() },
        Scenario {
            name: "times as seconds since 1970",
            notation: Notation::EpochSeconds,
            filter: Filter::Exclusive,
            later: &[Change::InsertTied(3)],
            ..awkward()
        },
        Scenario { name: "times as milliseconds since 1970", notation: Notation::EpochMillis, ..awkward() },
    ]
}
