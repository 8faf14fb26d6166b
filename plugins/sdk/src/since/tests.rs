use std::collections::BTreeSet;

use super::walk::{Answer, SAMPLE, Source, Walk, overlap};
use crate::config::Never;
use crate::{CursorOptions, Error, Filter, Format, PageCap, Result, Stamp, json};

/// How a simulated source orders its answers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    Ascending,
    Descending,
    /// By a number that says nothing about the instant.
    Mixed,
    /// Newest first, and cut off; what is left is answered in a mixed order.
    NewestMixed,
    /// Cut off in a mixed order, then sorted.
    SortedTooLate,
}

/// A source in memory, and what was read of it.
#[derive(Clone, Debug)]
struct Simulated {
    /// The instants, in seconds; a record's place is its number.
    records: Vec<i64>,
    order: Order,
    cap: usize,
    /// How many fewer records an answer may have, at random.
    cap_varies_by: usize,
    filter: Filter,
    ignores_filter: bool,
    /// Whether records behind the cursor are read once more, and may not have been there before.
    looks_back: bool,
    requests: usize,
    seed: usize,
    last: BTreeSet<usize>,
    read: BTreeSet<usize>,
    /// The greatest instant seen, and the one that was kept.
    greatest: Option<i64>,
    kept: Option<(i64, u32)>,
}

impl Simulated {
    fn new(records: Vec<i64>, order: Order, cap: usize, filter: Filter) -> Simulated {
        let (last, read) = (BTreeSet::new(), BTreeSet::new());
        Simulated {
            records,
            order,
            cap,
            cap_varies_by: 0,
            filter,
            ignores_filter: false,
            looks_back: false,
            requests: 0,
            seed: 0,
            last,
            read,
            greatest: None,
            kept: None,
        }
    }

    /// A run as the timestamp strategy makes it, from what the run before has kept.
    fn run(&mut self, filter: Filter, page_cap: Option<PageCap>) -> Result<()> {
        self.last.clear();
        self.requests = 0;
        self.greatest = self.kept.map(|(greatest, _)| greatest);
        let options = options(filter);
        let start = self.greatest.map(|greatest| match filter {
            Filter::Inclusive => stamp(greatest),
            _ => stamp(greatest - 1),
        });
        let longest = self.kept.map_or(0, |(_, longest)| longest);
        Walk::new(self, &options, page_cap, longest).run(start)
    }

    fn is_complete(&self) -> bool {
        self.read.len() == self.records.len()
    }

    fn answer(&mut self, since: Option<i64>) -> Vec<usize> {
        let fewer = mixed((0..=self.cap_varies_by as i64).collect(), self.seed)[0] as usize;
        self.seed += 1;
        let is_wanted = |instant: i64| match (since, self.filter) {
            _ if self.ignores_filter => true,
            (None, _) => true,
            (Some(since), Filter::Exclusive) => instant > since,
            (Some(since), _) => instant >= since,
        };
        let mut found: Vec<usize> = (0..self.records.len()).filter(|place| is_wanted(self.records[*place])).collect();
        match self.order {
            Order::Ascending => found.sort_by_key(|place| self.records[*place]),
            Order::Descending | Order::NewestMixed => found.sort_by_key(|place| -self.records[*place]),
            Order::Mixed | Order::SortedTooLate => {}
        }
        found.truncate(self.cap - fewer);
        if self.order == Order::SortedTooLate {
            found.sort_by_key(|place| self.records[*place]);
        }
        if self.order == Order::NewestMixed {
            found.sort_by_key(|place| (place * 7_919 + 13) % 1_009);
        }
        found
    }
}

impl Simulated {
    fn found(&mut self, since: Option<&Stamp>) -> Vec<usize> {
        self.requests += 1;
        assert!(self.requests < 2_000, "the walk goes on for ever");
        self.answer(since.map(|since| since.text().parse().expect("seconds")))
    }

    fn describe(&self, found: &[usize]) -> Answer {
        let instants: Vec<i64> = found.iter().map(|place| self.records[*place]).collect();
        let fresh: Vec<usize> = found.iter().copied().filter(|place| !self.last.contains(place)).collect();
        let [least, greatest] = [instants.iter().min(), instants.iter().max()].map(|instant| instant.copied());
        let part =
            |many: u32| instants[instants.len().saturating_sub(many as usize)..].iter().min().copied().map(stamp);
        let (before, cursor) = (self.greatest, self.greatest.max(greatest));
        let count = u32::try_from(found.len()).expect("few");
        let begins_at_cursor = least >= cursor.map(|cursor| cursor - 1);
        Answer {
            count,
            readable: count,
            least: least.map(stamp),
            greatest: greatest.map(stamp),
            at_greatest: instants.iter().filter(|instant| greatest == Some(**instant)).count() as u32,
            is_ascending: instants.is_sorted(),
            instants: instants.iter().copied().map(stamp).collect(),
            sample: part(SAMPLE),
            overlap: part(overlap(count)),
            fresh: u32::try_from(fresh.len()).expect("few"),
            fresh_least: fresh.iter().map(|place| self.records[*place]).min().map(stamp),
            has_moved: cursor != before,
            is_new: before.is_none() || least > before,
            begins_at_cursor,
            is_at_cursor: begins_at_cursor && greatest == cursor,
        }
    }
}

impl Source for Simulated {
    fn without_filter(&self) -> Error {
        assert!(self.ignores_filter, "the source does filter");
        Error::unsupported("no filter")
    }

    fn ask(&mut self, since: Option<&Stamp>) -> Result<Answer> {
        let found = self.found(since);
        let answer = self.describe(&found);
        self.greatest = self.greatest.max(found.iter().map(|place| self.records[*place]).max());
        self.last = found.iter().copied().collect();
        self.read.extend(&found);
        Ok(answer)
    }

    fn peek(&mut self, since: Option<&Stamp>) -> Result<Answer> {
        let found = self.found(since);
        Ok(self.describe(&found))
    }

    fn settle(&mut self, longest: u32) -> Result<()> {
        if let Some(greatest) = self.greatest {
            let is_read = |place| self.looks_back || self.records[place] >= greatest || self.read.contains(&place);
            assert!((0..self.records.len()).all(is_read), "a cursor was kept before all behind it was read");
            self.kept = Some((greatest, longest));
        }
        Ok(())
    }
}

fn options(filter: Filter) -> CursorOptions {
    let options = json::json!({ "filter": filter, "cursor_format": "epoch_seconds" });
    json::from_value(options).expect("options")
}

fn stamp(seconds: i64) -> Stamp {
    let format = Format::parse("epoch_seconds", "+00:00").expect("a format");
    format.read(&seconds.to_string()).expect("a stamp")
}

/// So many records, so many a second.
fn paced(count: i64, per_second: i64) -> Vec<i64> {
    (0..count).map(|place| 1_700_000_000 + place / per_second).collect()
}

/// The same instants, spread over the numbers.
fn mixed(mut records: Vec<i64>, seed: usize) -> Vec<i64> {
    let mut state = seed * 2 + 1;
    for place in (1..records.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        records.swap(place, (state >> 33) % (place + 1));
    }
    records
}

const FILTERS: [(Filter, Filter); 4] = [
    (Filter::Inclusive, Filter::Unknown),
    (Filter::Exclusive, Filter::Unknown),
    (Filter::Inclusive, Filter::Inclusive),
    (Filter::Exclusive, Filter::Exclusive),
];

/// Two runs over each kind of filter, and a third after a change: all is read, or the error's message has `expected`.
fn check(records: &[i64], order: Order, cap: usize, page_cap: Option<PageCap>, expected: Option<&str>) {
    for (actual, configured) in FILTERS {
        let what = format!("{} records, {order:?}, cap {cap}, {actual:?} as {configured:?}", records.len());
        let mut source = Simulated::new(records.to_vec(), order, cap, actual);
        let result = source.run(configured, page_cap);
        let Some(expected) = expected else {
            assert!(result.is_ok(), "{what}: {result:?}");
            assert!(source.is_complete(), "{what}: {} read", source.read.len());
            assert!(source.run(configured, page_cap).is_ok(), "{what}: again");
            source.records.push(records.iter().max().expect("records") + 5);
            assert!(source.run(configured, page_cap).is_ok() && source.is_complete(), "{what}: after a change");
            continue;
        };
        for error in [result, source.run(configured, page_cap)].map(|result| result.expect_err(&what)) {
            assert_eq!(error.code, "source.unsupported", "{what}");
            assert!(error.message.contains(expected), "{what}: {}", error.message);
        }
    }
}

#[test]
fn everything_is_read_where_that_can_be_known() {
    use Order::{Ascending, Descending, Mixed};
    let never = Some(PageCap::Never(Never::None));
    let of = |cap: u32| Some(PageCap::Records(cap.try_into().expect("a cap")));
    for count in [1, 2, 3, 7, 50, 99, 100, 101, 400, 2_500] {
        check(&paced(count, 1), Ascending, usize::MAX, None, None);
        check(&paced(count, 1), Ascending, 100, None, None);
        check(&paced(count, 1), Ascending, 100, of(100), None);
        check(&mixed(paced(count, 1), 7), Mixed, usize::MAX, never, None);
        let newest = [50, 100, 400, 2_500].contains(&count).then_some("newest records only");
        check(&mixed(paced(count, 1), 7), Mixed, usize::MAX, None, newest);
        check(&paced(count, 1_000), Mixed, usize::MAX, never, None);
    }
    check(&mixed(paced(99, 1), 7), Mixed, 100, of(100), None);
    check(&paced(99, 1), Descending, 100, of(100), None);
    check(&paced(400, 30), Ascending, 100, None, None);
    check(&paced(400, 90), Ascending, 100, None, None);
    check(&paced(5_000, 1_500), Ascending, usize::MAX, None, None);
    check(&paced(40, 1), Ascending, 3, None, None);
}

#[test]
fn a_source_that_does_not_filter_is_refused_unless_its_answers_are_whole() {
    for (order, count) in [(Order::Ascending, 20), (Order::Mixed, 21), (Order::Ascending, 1)] {
        let records = if order == Order::Mixed { mixed(paced(count, 1), 7) } else { paced(count, 1) };
        let mut source = Simulated::new(records, order, usize::MAX, Filter::Inclusive);
        source.ignores_filter = true;
        for run in ["the first", "the second"] {
            let error = source.run(Filter::Unknown, None).expect_err(run);
            assert!(error.message.contains("no filter"), "{order:?}, {run}: {}", error.message);
            assert!(source.requests <= 8, "{order:?}, {run}: {}", source.requests);
        }
        source.run(Filter::Unknown, Some(PageCap::Never(Never::None))).expect("a run");
        assert!(source.is_complete(), "{order:?}");
    }
}

#[test]
fn what_could_be_a_loss_is_an_error() {
    use Order::{Ascending, Descending, Mixed, SortedTooLate};
    let of = |cap: u32| Some(PageCap::Records(cap.try_into().expect("a cap")));
    check(&paced(400, 150), Ascending, 100, None, Some("(100)"));
    check(&paced(400, 150), Ascending, 100, of(100), Some("no second key"));
    check(&paced(150, 150), Ascending, 100, None, Some("`page_cap`"));
    check(&paced(150, 150), Ascending, 100, of(100), Some("no second key"));
    check(&paced(3, 1), Ascending, 1, None, Some("(1)"));
    check(&paced(50, 50), Ascending, usize::MAX, None, Some("`page_cap`"));
    check(&mixed(paced(400, 1), 3), Mixed, 100, None, Some("ascending order"));
    check(&mixed(paced(400, 1), 3), Mixed, 100, of(100), Some("ascending order"));
    check(&mixed(paced(400, 1), 3), SortedTooLate, 100, None, Some("ascending order"));
    check(&paced(400, 1), Descending, 100, None, Some("ascending order"));
    // A record that was changed last stands at the end of the first answer, but not of the source.
    let mut records = paced(300, 1);
    records[99] = 1_800_000_000;
    check(&records, Mixed, 100, None, Some("ascending order"));
    records[99] = 1_700_000_099;
    records[186] = 1_800_000_000;
    check(&records, Mixed, 100, None, Some("ascending order"));
}

#[test]
fn a_second_run_on_an_unchanged_source_asks_once_or_twice() {
    for (actual, configured) in FILTERS {
        for (cap, per_second) in [(100, 1), (usize::MAX, 1), (100, 3), (usize::MAX, 3)] {
            let records = paced(350, per_second).into_iter().map(|instant| instant * 10).collect();
            let mut source = Simulated::new(records, Order::Ascending, cap, actual);
            source.run(configured, None).expect("a run");
            source.run(configured, None).expect("a second run");
            // Where several records share the last instant, there could be more of them than an answer holds by now.
            let expected = if per_second == 1 { 1 } else { 2 };
            assert_eq!(source.requests, expected, "{actual:?} as {configured:?}, cap {cap}, {per_second} a second");
        }
    }
}

#[test]
fn records_that_share_the_instant_of_the_cursor_are_found_later() {
    for (actual, configured) in FILTERS {
        let mut source = Simulated::new(paced(30, 1), Order::Ascending, usize::MAX, actual);
        source.run(configured, None).expect("a run");
        source.records.push(1_700_000_029);
        source.run(configured, None).expect("a run");
        assert!(source.is_complete(), "{actual:?} as {configured:?}");
    }
}

#[test]
fn a_cap_that_was_lowered_between_two_runs_loses_nothing() {
    for (actual, configured) in FILTERS {
        let mut source = Simulated::new(paced(300, 1), Order::Ascending, 200, actual);
        source.run(configured, None).expect("a run");
        source.records.extend(paced(500, 1).drain(300..));
        source.cap = 50;
        source.run(configured, None).expect("a run");
        assert!(source.is_complete(), "{actual:?} as {configured:?}");
    }
}

#[test]
fn random_sources_are_read_whole_or_refused() {
    for seed in 0..3_000 {
        let draw = |salt: usize, below: i64| mixed((0..below).collect(), seed * 31 + salt)[0];
        let (count, per_second, cap) = (draw(1, 120), 1 + draw(2, 12), 2 + draw(3, 40));
        let order = [Order::Ascending, Order::Mixed, Order::Descending][usize::try_from(draw(4, 3)).expect("small")];
        let (actual, configured) = FILTERS[seed % 4];
        // A few records of a mixed order can be in order by chance, and nothing shows it.
        let cap = if order == Order::Mixed { cap + 8 } else { cap };
        let is_told = draw(5, 2) == 1 || order != Order::Ascending;
        let cap = u32::try_from(cap).expect("small");
        let page_cap = is_told.then(|| PageCap::Records(cap.try_into().expect("a cap")));
        let records = mixed(paced(count, per_second), seed);
        let mut source = Simulated::new(records, order, cap as usize, actual);
        let result = source.run(configured, page_cap);
        assert!(result.is_err() || source.is_complete(), "seed {seed}: {source:?}");
        let is_supported = order == Order::Ascending && 2 * per_second < i64::from(cap) && per_second < count;
        assert!(result.is_ok() || !is_supported, "seed {seed}: {result:?}");
    }
}

#[test]
fn a_look_back_is_read_to_its_end_although_the_source_returns_less_than_before() {
    // With a cap of 80, the answer ends at the cursor.
    for cap in [79, 80, 50, 11] {
        let mut source = Simulated::new((0..80).chain([79; 5]).collect(), Order::Ascending, 100, Filter::Inclusive);
        source.run(Filter::Unknown, None).expect("a first run");
        source.records.push(100);
        (source.cap, source.requests) = (cap, 0);
        source.last.clear();
        let longest = source.kept.map_or(0, |(_, longest)| longest);
        let options = options(Filter::Unknown);
        Walk::new(&mut source, &options, None, longest).run(Some(stamp(0))).expect("a run that looks back");
        assert!(source.is_complete() && source.requests < 20, "{cap}: {} requests", source.requests);
    }
}

#[test]
fn a_cap_that_varies_from_answer_to_answer_loses_nothing() {
    for seed in 0..2_000 {
        let (actual, configured) = FILTERS[seed % 4];
        let per_second = [1, 2, 3][seed % 3];
        let mut source = Simulated::new(paced(60, per_second), Order::Ascending, 10, actual);
        (source.cap_varies_by, source.seed) = (6, seed * 1_000);
        for run in 0..3 {
            source.run(configured, None).unwrap_or_else(|error| panic!("seed {seed}, run {run}: {error:?}"));
            assert!(source.is_complete(), "seed {seed}, run {run}: {} read", source.read.len());
            source.records.extend(paced(60 + 20 * (run + 1), per_second).drain(60 + 20 * run as usize..));
        }
    }
}

#[test]
fn a_cap_that_varies_is_no_proof_of_anything_out_of_order() {
    let mut lost = 0;
    for seed in 0..2_000 {
        let (actual, configured) = FILTERS[seed % 4];
        let mut source = Simulated::new(mixed(paced(60, 1), seed), Order::Mixed, 10, actual);
        source.looks_back = true;
        (source.cap_varies_by, source.seed) = (6, seed * 1_000);
        match source.run(configured, None) {
            Ok(()) => lost += usize::from(!source.is_complete()),
            Err(error) => assert_eq!(error.code, "source.unsupported", "seed {seed}"),
        }
    }
    assert!(lost <= 10, "{lost} of 2,000 were in order, or agreed, by chance");
}

#[test]
fn a_look_back_is_drained_although_the_cap_varies_and_records_change_in_the_meantime() {
    for seed in 0..2_000 {
        let (actual, configured) = FILTERS[seed % 4];
        let mut source = Simulated::new(paced(60, 1), Order::Ascending, 10, actual);
        (source.cap_varies_by, source.seed) = (6, seed * 1_000);
        source.run(configured, None).expect("a first run");
        source.records.extend(paced(90, 1).drain(60..));
        source.looks_back = true;
        source.read.clear();
        source.last.clear();
        source.requests = 0;
        let longest = source.kept.map_or(0, |(_, longest)| longest);
        let options = options(configured);
        Walk::new(&mut source, &options, None, longest).run(Some(stamp(0))).expect("a run that looks back");
        assert!(source.is_complete(), "seed {seed}: {} read", source.read.len());
    }
}

#[test]
fn a_source_that_picks_its_newest_and_mixes_them_is_refused_where_its_cap_shows() {
    for (actual, configured) in FILTERS {
        let mut source = Simulated::new(paced(400, 1), Order::NewestMixed, 100, actual);
        let error = source.run(configured, None).expect_err("a round number");
        assert!(error.message.contains("newest records only"), "{}", error.message);
        // Its cap is no round number, and it has fewer records at first, or just as many.
        for count in [60, 98] {
            let mut source = Simulated::new(paced(count - 1, 1), Order::NewestMixed, 97, actual);
            source.run(configured, None).expect("a run");
            source.run(configured, None).expect("nothing new");
            source.records.extend(paced(count + 20, 1).drain(count as usize..));
            source.run(configured, None).expect("some new records");
            assert!(source.is_complete(), "{count}");
        }
        let mut source = Simulated::new(paced(97, 1), Order::NewestMixed, 97, actual);
        source.run(configured, None).expect("a run");
        source.records.extend(paced(400, 1).drain(97..));
        let error = source.run(configured, None).expect_err("the same number again");
        assert!(error.message.contains("newest records only"), "{}", error.message);
    }
}

#[test]
fn a_cap_that_was_lowered_below_the_records_of_one_instant_is_an_error() {
    for (actual, configured) in FILTERS {
        let records = paced(100, 1).into_iter().chain([1_700_000_099; 14]).collect();
        let mut source = Simulated::new(records, Order::Ascending, 100, actual);
        source.run(configured, None).expect("a first run");
        source.cap = 10;
        source.records.push(1_700_000_200);
        let error = source.run(configured, None).expect_err("fifteen records do not fit");
        assert!(error.message.contains("no second key"), "{}", error.message);
    }
}
