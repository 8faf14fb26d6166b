//! Walks through small sources that misbehave in one way each. What they serve is known, so what is missing is, too.

use std::collections::{BTreeSet, VecDeque};

use tidegate_sdk::{Format, Stamp};

use super::*;

/// A record: its ID, and the second when it was last changed.
type Row = (u64, i64);

#[derive(Clone, Default)]
struct Source {
    rows: Vec<Row>,
    cap: usize,
    is_descending: bool,
    is_unsorted: bool,
    is_exclusive: bool,
    ignores_offset: bool,
    ignores_filter: bool,
    /// Records of one time stand in another order each time.
    mixes_ties: bool,
    requests: usize,
    /// How many pages are asked for before the first of them is looked at.
    window: u32,
}

impl Source {
    fn of(rows: impl IntoIterator<Item = Row>, cap: usize) -> Source {
        Source { rows: rows.into_iter().collect(), cap, ..Source::default() }
    }

    fn page(&mut self, since: Option<i64>, offset: u64) -> Vec<Row> {
        self.requests += 1;
        assert!(self.requests < 2_000, "endless");
        if !self.is_unsorted {
            self.rows.sort_by_key(|(_, at)| *at);
        }
        if self.mixes_ties {
            let request = self.requests as u64;
            let mixed = |id: u64| (id ^ request.wrapping_mul(0x9E37_79B9)).wrapping_mul(0x2545_F491_4F6C_DD1D) >> 20;
            self.rows.sort_by_key(|(id, at)| (*at, mixed(*id)));
        }
        let passes = |at: i64| {
            self.ignores_filter || since.is_none_or(|since| if self.is_exclusive { at > since } else { at >= since })
        };
        let mut rows: Vec<Row> = self.rows.iter().copied().filter(|(_, at)| passes(*at)).collect();
        if self.is_descending {
            rows.reverse();
        }
        let offset = if self.ignores_offset { 0 } else { offset };
        rows.into_iter().skip(usize::try_from(offset).unwrap_or(usize::MAX)).take(self.cap).collect()
    }

    /// A change of the record at this place: it moves to the end.
    fn touch(&mut self, place: usize) {
        let last = self.rows.iter().map(|(_, at)| *at).max().unwrap_or_default();
        if let Some(row) = self.rows.get_mut(place) {
            row.1 = last + 1;
        }
    }
}

fn stamp(at: i64) -> Stamp {
    Format::parse("epoch_seconds", "+00:00").expect("a format").read(&at.to_string()).expect("a stamp")
}

fn view(rows: &[Row]) -> View {
    View {
        count: rows.len() as u32,
        first: rows.first().map_or(0, |row| row.0),
        last: rows.last().map_or(0, |row| row.0),
        keys: rows.iter().fold(7, |keys: u64, (id, _)| keys.wrapping_mul(31).wrapping_add(*id)),
        is_ascending: rows.is_sorted_by_key(|(_, at)| *at),
        least: rows.iter().map(|(_, at)| *at).min().map(stamp),
        greatest: rows.iter().map(|(_, at)| *at).max().map(stamp),
        each: Vec::new(),
    }
}

fn each(rows: &[Row]) -> Vec<u64> {
    rows.iter().map(|(id, _)| *id).collect()
}

/// Reads as [`Reader::read`] does, with a change of the source after each request. Returns what was taken, and the cursor.
fn run(
    source: &mut Source,
    from: Option<i64>,
    mut change: impl FnMut(&mut Source),
) -> Result<(BTreeSet<Row>, Option<i64>), String> {
    let mut walk = Walk::new(from.map(stamp), 10).in_windows_of(source.window);
    let mut taken = BTreeSet::new();
    let mut begun = VecDeque::new();
    let mut page = |source: &mut Source, (since, offset): (Option<i64>, u64)| {
        let rows = source.page(since, offset);
        change(source);
        rows
    };
    loop {
        let since = walk.anchor().map(|anchor| anchor.earlier("1s".parse().expect("a period")));
        let seconds = since.as_ref().map(|since| since.text().parse::<i64>().expect("seconds"));
        let place = (seconds, walk.offset());
        let rows = match begun.pop_front() {
            Some((begun, rows)) if begun == place => rows,
            _ => {
                begun.clear();
                page(source, place)
            }
        };
        for place in walk.following().map(|offset| (seconds, offset)).skip(begun.len()) {
            begun.push_back((place, page(source, place)));
        }
        let mut shown = view(&rows);
        if walk.counts_each(&shown) {
            shown.each = each(&rows);
        }
        match walk.judge(&shown, since.as_ref()).map_err(|error| error.code)? {
            Verdict::Take => {}
            Verdict::Prove => {
                let proof = source.page(seconds, walk.proof_offset());
                if !walk.proves(&view(&proof)).map_err(|error| error.code)? {
                    continue;
                }
            }
            Verdict::Leap | Verdict::Again => continue,
            Verdict::End => return Ok((taken.clone(), taken.iter().map(|(_, at)| *at).max().or(from))),
            Verdict::Plain(_) => return Err("plain".into()),
        }
        taken.extend(rows);
        walk.advance(&shown);
    }
}

/// Two runs, the first with changes: afterwards nothing is missing. A third costs two requests, where what shares the
/// last time fits a page and no more are in flight.
fn check(source: Source, change: impl FnMut(&mut Source) + Clone) {
    for window in [1, 2, 5] {
        check_within(Source { window, ..source.clone() }, change.clone());
    }
}

fn check_within(mut source: Source, change: impl FnMut(&mut Source)) {
    let (mut taken, cursor) = run(&mut source, None, change).expect("a first run");
    let (more, cursor) = run(&mut source, cursor, |_| {}).expect("a second run");
    taken.extend(more);
    let missing: Vec<_> = source.rows.iter().filter(|row| !taken.contains(row)).collect();
    assert!(missing.is_empty(), "missing: {missing:?}");
    source.requests = 0;
    run(&mut source, cursor, |_| {}).expect("a third run");
    let last = source.rows.iter().filter(|(_, at)| cursor.is_some_and(|cursor| *at >= cursor - 1)).count();
    assert!(source.requests <= 2 || source.window > 1 || last >= source.cap, "{} requests", source.requests);
}

fn seconds(count: u64) -> impl Iterator<Item = Row> {
    (1..=count).map(|id| (id, id as i64 * 10))
}

#[test]
fn pages_of_any_size_lead_to_the_end() {
    for cap in [1, 2, 3, 9, 10, 11, 1000] {
        check(Source::of(seconds(95), cap), |_| {});
        check(Source { is_exclusive: true, ..Source::of(seconds(95), cap) }, |_| {});
    }
    check(Source::of([], 10), |_| {});
}

#[test]
fn many_records_of_one_time_are_read_by_offset() {
    for cap in [1, 2, 7, 10] {
        let ties = (1..=95).map(|id| (id, if (20..60).contains(&id) { 200 } else { id as i64 * 10 }));
        check(Source::of(ties, cap), |_| {});
    }
}

#[test]
fn a_change_between_any_two_pages_hides_nothing() {
    for cap in [1, 2, 7, 10] {
        for when in 0..40 {
            for rows in [seconds(60).collect(), seconds(60).map(|(id, at)| (id, at / 300)).collect::<Vec<_>>()] {
                let mut count = 0;
                check(Source::of(rows, cap), move |source| {
                    count += 1;
                    if count == when {
                        source.touch(0);
                        source.touch(3);
                    }
                });
            }
        }
    }
}

#[test]
fn a_change_after_every_page_hides_nothing() {
    let mut left = 40;
    check(Source::of(seconds(60), 7), move |source| {
        if left > 0 {
            left -= 1;
            source.touch(0);
        }
    });
}

#[test]
fn rows_of_one_time_that_never_rest_are_an_error() {
    let mut source = Source::of((1..=60).map(|id| (id, 5)), 10);
    assert_eq!(run(&mut source, None, |source| source.touch(0)), Err("source.unsupported".into()));
}

#[test]
fn an_offset_that_is_ignored_is_an_error() {
    for cap in [1, 5, 1000] {
        let mut source = Source { ignores_offset: true, ..Source::of(seconds(40), cap) };
        assert_eq!(run(&mut source, None, |_| {}), Err("source.loop".into()), "{cap}");
    }
}

#[test]
fn a_source_that_does_not_sort_or_filter_is_not_anchored() {
    for cap in [1, 2, 10] {
        let mut source = Source { is_descending: true, ..Source::of(seconds(40), cap) };
        assert_eq!(run(&mut source, None, |_| {}), Err("plain".into()), "{cap}");
        let mut source = Source { ignores_filter: true, ..Source::of(seconds(40), cap) };
        assert_eq!(run(&mut source, None, |_| {}), Err("plain".into()), "{cap}");
    }
}

#[test]
fn some_records_in_order_by_chance_are_not_taken_for_an_order() {
    // The first five are in order, and the last of them is the last of all.
    let mut source = Source { is_unsorted: true, ..Source::of([(1, 10), (2, 20), (3, 30), (4, 40), (5, 990)], 5) };
    source.rows.extend((6..40).map(|id| (id, id as i64 * 10)));
    assert_eq!(run(&mut source, None, |_| {}), Err("plain".into()));
}

#[test]
fn the_textbook_state_is_enough() {
    let state: State = json::from_str(r#"{"last_updated_at": "2024-01-01T00:00:00Z"}"#).expect("a state");
    assert_eq!(state.last_updated_at.as_deref(), Some("2024-01-01T00:00:00Z"));
    assert_eq!(state.under_way, None);
}

#[test]
fn a_state_whose_cursor_moved_with_the_pages_is_understood() {
    let check = |old: &str, expected: &str| {
        let state = Offset::migrate(1, json::from_str(old).expect("JSON")).expect("a state");
        assert_eq!(json::to_string(&state).expect("JSON"), expected, "{old}");
    };
    check("{}", "{}");
    check(r#"{"last_updated_at":"7"}"#, r#"{"last_updated_at":"7"}"#);
    check(r#"{"last_updated_at":"7","under_way":{}}"#, r#"{"under_way":{"anchor":"7"}}"#);
    check(
        r#"{"last_updated_at":"7","under_way":{"began_at":"5"}}"#,
        r#"{"last_updated_at":"5","under_way":{"anchor":"7"}}"#,
    );
    assert!(Offset::migrate(1, json::json!({"cursor": 1})).is_err());
}

#[test]
fn plain_passes_are_gone_on_with_from_the_cursor_and_not_from_the_anchor() {
    let state = |text: &str| json::from_str::<State>(text).expect("a state").under_way;
    let plain = state(r#"{"last_updated_at": "5", "under_way": {"plain": true}}"#);
    assert_eq!(plain, Some(UnderWay { anchor: None, plain: true }));
    assert_eq!(state(r#"{"under_way": {"anchor": "7"}}"#), Some(UnderWay { anchor: Some("7".into()), plain: false }));
}

#[test]
fn ties_that_change_their_order_are_read_whole_or_refused() {
    let mut read = 0;
    for seed in 0..200 {
        for per_time in [3, 15, 40] {
            let rows = (1..=60).map(|id| (id, id as i64 / per_time));
            let window = 1 + seed as u32 % 3;
            let mut source = Source { mixes_ties: true, requests: seed * 7, window, ..Source::of(rows, 10) };
            match run(&mut source, None, |_| {}) {
                Ok((taken, _)) => {
                    assert_eq!(taken.len(), 60, "seed {seed}, {per_time} at a time");
                    read += 1;
                }
                Err(code) => assert_eq!(code, "source.unsupported"),
            }
        }
    }
    assert!(read > 0, "some are read by chance");
}

#[test]
fn records_are_known_one_by_one_only_where_the_anchor_stays() {
    let check = |rows: &[Row], expected: bool| {
        let walk = Walk::new(Some(stamp(5)), 10);
        assert_eq!(walk.counts_each(&view(rows)), expected, "{rows:?}");
    };
    check(&seconds(10).collect::<Vec<_>>(), false);
    check(&seconds(9).collect::<Vec<_>>(), true);
    check(&(1..=10).map(|id| (id, 5)).collect::<Vec<_>>(), true);
    check(&[], false);
}

#[test]
fn a_record_is_known_again_by_all_parts_of_its_key() {
    let columns = [vec![Some("1"), Some("1"), Some("12"), None], vec![Some("2"), Some("3"), Some(""), None]];
    let prints = prints_of(&columns);
    assert_eq!(prints.iter().collect::<BTreeSet<_>>().len(), 4);
    assert_eq!(prints, prints_of(&columns));
}
