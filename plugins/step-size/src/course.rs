//! Which range of IDs comes next, and when there is none. Knows nothing of requests.

use std::collections::BTreeSet;

/// IDs from `start` up to and including `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Range {
    /// How many IDs.
    pub(crate) fn size(self) -> u64 {
        (self.end - self.start).saturating_add(1)
    }

    /// Two parts, each with half of these IDs, or without the only one: so there is room for others. None of a single ID.
    pub(crate) fn halves_of(self, ids: &BTreeSet<u64>) -> Option<[Range; 2]> {
        let Range { start, end } = self;
        let last = end.checked_sub(1).filter(|last| start <= *last)?;
        let middle = ids.iter().nth(ids.len().saturating_sub(1) / 2).map_or(last, |middle| last.min(*middle));
        let is_alone = ids.len() == 1 && ids.contains(&middle) && start < middle;
        let lower = Range { start, end: middle - u64::from(is_alone) };
        Some([lower, Range { start: middle + 1, end }])
    }

    /// The ranges behind it that are as wide, up to `end`.
    pub(crate) fn following(self, end: Option<u64>) -> impl Iterator<Item = Range> {
        let (size, end) = (self.size(), end.unwrap_or(u64::MAX));
        let next =
            move |start: u64| (start <= end).then(|| Range { start, end: start.saturating_add(size - 1).min(end) });
        let first = self.end.checked_add(1).and_then(next);
        std::iter::successors(first, move |range| range.end.checked_add(1).and_then(next))
    }

    /// Two halves; none of a single ID.
    pub(crate) fn halves(self) -> Option<[Range; 2]> {
        let middle = self.start + (self.end - self.start) / 2;
        let upper = Range { start: middle + 1, end: self.end };
        (self.start < self.end).then_some([Range { start: self.start, end: middle }, upper])
    }
}

/// How far a range was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) last: u64,
    pub(crate) count: u64,
    /// Whether an answer was cut, so that a range as wide is no use here.
    pub(crate) is_cut: bool,
}

/// The way through all ranges, from a first ID to the end of the source.
///
/// Behind an empty step, a single wide range shows where the IDs go on. Where the source does not answer wide ranges, or
/// may look at their beginning only, the way goes on step by step.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    /// How many IDs a range has.
    pub(crate) step: u64,
    /// How many steps are asked for at once, below the greatest ID of earlier runs.
    pace: u64,
    /// How many IDs in a row that are not there are the end, where it is not known.
    patience: u64,
    /// The greatest ID that earlier runs have seen: no gap below it is the end.
    known: Option<u64>,
    /// The greatest ID of the source, where it is known.
    pub(crate) end: Option<u64>,
    /// The next ID; none past the greatest of all numbers.
    at: Option<u64>,
    /// How many IDs were not there, up to the next one.
    missing: u64,
    /// Whether little is to be expected next.
    is_sparse: bool,
    /// Whether a wide range is tried before a step was empty. It is of no use if its answer is cut out of order.
    pub(crate) is_hasty: bool,
    /// Whether the way goes on step by step, up to the next ID that is there.
    is_walking: bool,
    /// Whether a wide range has shown that nothing is left.
    is_over: bool,
}

impl Course {
    pub(crate) fn new(start: u64, known: Option<u64>, step: u64, patience: u64) -> Course {
        // Nothing is to be expected right behind what the last run ended with.
        let is_sparse = known.is_some_and(|known| known < start);
        let (at, missing, is_walking, is_over) = (Some(start), 0, false, false);
        let (end, pace, is_hasty) = (None, 1, true);
        Course { step, pace, patience, known, end, at, missing, is_sparse, is_hasty, is_walking, is_over }
    }

    /// The next range, as wide as possible where little is expected: up to what `widest` says of an ID. None: everything
    /// was read.
    pub(crate) fn next(&self, widest: impl Fn(u64) -> Option<u64>) -> Option<Range> {
        let start = self.at?;
        let bound = self.known.filter(|known| start <= *known).or(self.end);
        let widest = widest(start).filter(|_| !self.is_walking);
        if bound.is_none() && (self.is_over || widest.is_none() && self.missing >= self.patience) {
            return None;
        }
        let step = start.saturating_add(self.step - 1);
        let paced = match self.is_hasty && self.is_below(start) {
            true => start.saturating_add(self.step.saturating_mul(self.pace) - 1),
            false => step,
        };
        let is_wide = self.is_sparse && self.is_hasty || self.missing > 0;
        let end = widest.map_or(step, |widest| if is_wide { widest } else { widest.min(paced) }.max(step));
        let bound = bound.unwrap_or(u64::MAX);
        (start <= bound).then_some(Range { start, end: end.min(bound) })
    }

    /// Goes on behind what was read of a range.
    pub(crate) fn advance(&mut self, range: Range, Part { last, count, is_cut }: Part) {
        self.at = last.checked_add(1);
        let is_wide = range.size() > self.step;
        let enters_tail = self.is_below(range.start) && self.known.is_some_and(|known| last >= known);
        self.pace = match count {
            _ if is_cut || count > self.step => 1,
            _ if count > 0 && count <= self.step / 4 => self.pace.saturating_mul(2),
            _ => self.pace,
        };
        if count > 0 || enters_tail {
            self.missing = 0;
            self.is_walking = false;
            // As long as a wide range has no more than a step may have, it is as gentle and saves requests.
            self.is_sparse = enters_tail || is_wide && !is_cut && count < self.step;
        } else {
            self.missing = self.missing.saturating_add(last - range.start).saturating_add(1);
            self.is_over = is_wide && !self.is_below(range.start);
        }
    }

    /// Whether an ID is one of those that earlier runs have passed.
    fn is_below(&self, id: u64) -> bool {
        self.known.is_some_and(|known| id <= known)
    }

    /// Goes on step by step: the wide range has shown nothing, and that proves nothing.
    pub(crate) fn walk(&mut self) {
        self.is_walking = true;
    }

    /// Whether the end was looked for step by step.
    pub(crate) fn has_walked(&self) -> bool {
        !self.is_over
    }

    /// How many IDs in a row were not there.
    pub(crate) fn missing(&self) -> u64 {
        self.missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows a course through a source that has these IDs, and returns the ranges asked for.
    fn follow(mut course: Course, ids: &[u64], widest: Option<u64>) -> Vec<(u64, u64)> {
        let mut asked = Vec::new();
        while let Some(range) = course.next(|_| widest) {
            asked.push((range.start, range.end));
            assert!(asked.len() < 100, "endless: {asked:?}");
            let inside: Vec<u64> = ids.iter().copied().filter(|id| (range.start..=range.end).contains(id)).collect();
            let last = inside.last().copied().unwrap_or(range.end);
            course.advance(range, Part { last, count: inside.len() as u64, is_cut: false });
        }
        asked
    }

    /// The same, where nothing but steps are answered.
    fn walk(course: Course, ids: &[u64]) -> Vec<(u64, u64)> {
        follow(course, ids, None)
    }

    const FAR: u64 = 1 << 40;

    #[test]
    fn behind_an_empty_step_everything_is_asked_for_at_once() {
        let ids: Vec<u64> = (1..=200).collect();
        let asked = follow(Course::new(1, None, 100, 1000), &ids, Some(FAR));
        assert_eq!(asked, [(1, 100), (101, 200), (201, 300), (301, FAR)]);
    }

    #[test]
    fn a_later_run_looks_back_once_and_forward_once() {
        let ids: Vec<u64> = (1..=200).collect();
        let asked = follow(Course::new(101, Some(200), 100, 1000), &ids, Some(FAR));
        assert_eq!(asked, [(101, 200), (201, FAR)]);
        assert_eq!(follow(Course::new(201, Some(200), 100, 1000), &ids, Some(FAR)), [(201, FAR)]);
    }

    #[test]
    fn few_new_records_come_with_the_look_forward() {
        let ids: Vec<u64> = (1..=205).collect();
        let asked = follow(Course::new(101, Some(200), 100, 1000), &ids, Some(FAR));
        assert_eq!(asked, [(101, 200), (201, FAR), (206, FAR)]);
    }

    #[test]
    fn a_gap_of_any_length_is_not_the_end() {
        let ids: Vec<u64> = (1..=100).chain(7_000_001..=7_000_100).collect();
        let asked = follow(Course::new(1, None, 100, 1000), &ids, Some(FAR));
        assert_eq!(asked, [(1, 100), (101, 200), (201, FAR), (7_000_101, 7_000_200), (7_000_201, FAR)]);
    }

    #[test]
    fn step_by_step_the_end_is_past_so_many_missing_ids() {
        let ids: Vec<u64> = (1..=100).chain(301..=400).collect();
        let asked = walk(Course::new(1, None, 100, 300), &ids);
        assert_eq!(asked.last(), Some(&(601, 700)));
        assert_eq!(asked.len(), 7);
    }

    #[test]
    fn no_gap_below_a_known_id_is_the_end() {
        let mut course = Course::new(1, Some(5000), 100, 300);
        assert_eq!(walk(course.clone(), &[1, 5000]).last(), Some(&(5201, 5300)));
        course.end = Some(6000);
        assert_eq!(walk(course.clone(), &[1, 5000]).last().map(|range| range.1), Some(6000));
        assert_eq!(follow(course, &[1, 5000], Some(FAR)), [(1, 100), (2, 201), (202, 5000), (5001, 6000)]);
    }

    #[test]
    fn few_records_a_step_are_asked_for_in_wider_ranges_where_earlier_runs_have_been() {
        let count = |distance: u64, widest: Option<u64>| {
            let ids: Vec<u64> = (1..=3_000).filter(|id| id % distance == 0).collect();
            follow(Course::new(1, Some(3_000), 100, 1000), &ids, widest).len()
        };
        assert!(count(1, Some(FAR)) >= 30, "all there");
        assert!(count(50, Some(FAR)) < 12);
        assert!(count(50, None) >= 30, "the source answers no wider ranges");
    }

    #[test]
    fn an_empty_range_below_a_known_id_says_nothing_of_the_end() {
        let ids: Vec<u64> = (1..=100).chain(901..=1_200).collect();
        let mut course = Course::new(1, Some(1_000), 100, 300);
        let mut asked = Vec::new();
        while let Some(range) = course.next(|start| Some(start + 299)) {
            asked.push((range.start, range.end));
            let inside: Vec<u64> = ids.iter().copied().filter(|id| (range.start..=range.end).contains(id)).collect();
            let last = inside.last().copied().unwrap_or(range.end);
            course.advance(range, Part { last, count: inside.len() as u64, is_cut: false });
        }
        assert!(asked.iter().any(|(_, end)| *end > 1_200), "{asked:?}");
    }

    #[test]
    fn a_known_end_is_never_passed() {
        let mut course = Course::new(101, Some(200), 100, 1000);
        course.end = Some(200);
        assert_eq!(follow(course.clone(), &[150, 200], Some(FAR)), [(101, 200)]);
        course.end = Some(5000);
        assert_eq!(follow(course, &[150, 200], Some(FAR)).last(), Some(&(201, 5000)));
    }

    #[test]
    fn the_greatest_number_is_the_last_id() {
        let asked = follow(Course::new(u64::MAX - 5, None, 100, 1000), &[u64::MAX], Some(u64::MAX));
        assert_eq!(asked, [(u64::MAX - 5, u64::MAX)]);
    }

    #[test]
    fn the_ranges_behind_one_go_on_to_the_end_and_no_further() {
        let behind = |end| -> Vec<_> {
            let following = Range { start: 1, end: 100 }.following(end).take(3);
            following.map(|range| (range.start, range.end)).collect()
        };
        assert_eq!(behind(None), [(101, 200), (201, 300), (301, 400)]);
        assert_eq!(behind(Some(250)), [(101, 200), (201, 250)]);
        assert_eq!(behind(Some(100)), []);
        assert_eq!(Range { start: u64::MAX - 1, end: u64::MAX }.following(None).count(), 0);
    }

    #[test]
    fn halves_have_no_id_twice_and_leave_none_out() {
        let halves = |start, end| Range { start, end }.halves().map(|halves| halves.map(|half| (half.start, half.end)));
        assert_eq!(halves(1, 100), Some([(1, 50), (51, 100)]));
        assert_eq!(halves(1, 2), Some([(1, 1), (2, 2)]));
        assert_eq!(halves(7, 7), None);
        assert_eq!(halves(u64::MAX - 1, u64::MAX), Some([(u64::MAX - 1, u64::MAX - 1), (u64::MAX, u64::MAX)]));
    }

    #[test]
    fn parts_have_half_of_the_records_each_however_wide_the_range_is() {
        let halves = |ids: &[u64], end| {
            let halves = Range { start: 1, end }.halves_of(&ids.iter().copied().collect());
            halves.map(|halves| halves.map(|half| (half.start, half.end)))
        };
        assert_eq!(halves(&[11, 12, 13, 14], FAR), Some([(1, 12), (13, FAR)]));
        assert_eq!(halves(&[11], FAR), Some([(1, 10), (12, FAR)]));
        assert_eq!(halves(&[1], FAR), Some([(1, 1), (2, FAR)]));
        assert_eq!(halves(&[20], 20), Some([(1, 19), (20, 20)]));
        assert_eq!(halves(&[1], 1), None);
    }
}
