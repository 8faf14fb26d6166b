//! Which range of IDs comes next, and when there is none. Knows nothing of requests.

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

    /// Two halves; none of a single ID.
    pub(crate) fn halves(self) -> Option<[Range; 2]> {
        let middle = self.start + (self.end - self.start) / 2;
        let upper = Range { start: middle + 1, end: self.end };
        (self.start < self.end).then_some([Range { start: self.start, end: middle }, upper])
    }
}

/// The way through all ranges, from a first ID to the end of the source.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    /// How many IDs a range has.
    pub(crate) step: u64,
    /// How many empty steps in a row are the end, where it is not known.
    pub(crate) patience: u64,
    /// The greatest ID that earlier runs have seen: no gap below it is the end.
    pub(crate) known: Option<u64>,
    /// The greatest ID of the source, where it is known.
    pub(crate) end: Option<u64>,
    /// Whether the source answers to ranges wider than a step.
    pub(crate) may_widen: bool,
    /// The next ID; none past the greatest of all numbers.
    at: Option<u64>,
    empty_steps: u64,
    is_wide: bool,
}

impl Course {
    pub(crate) fn new(start: u64, known: Option<u64>, step: u64, patience: u64) -> Course {
        // Nothing is to be expected right behind what the last run ended with.
        let is_wide = known.is_some_and(|known| known < start);
        Course { step, patience, known, end: None, may_widen: true, at: Some(start), empty_steps: 0, is_wide }
    }

    /// The next range. None: everything was read.
    pub(crate) fn next(&self) -> Option<Range> {
        let start = self.at?;
        let bound = match (self.known.filter(|known| start <= *known), self.end) {
            (Some(known), _) => known,
            (None, Some(end)) => end,
            (None, None) if self.empty_steps >= self.patience => return None,
            (None, None) => u64::MAX,
        };
        let steps = match self.is_wide && self.may_widen {
            true => self.patience.saturating_sub(self.empty_steps).max(1),
            false => 1,
        };
        let end = start.saturating_add(self.step.saturating_mul(steps) - 1).min(bound);
        (start <= bound).then_some(Range { start, end })
    }

    /// Goes on behind `last`, up to which a range was read; `count` records were in it.
    pub(crate) fn advance(&mut self, range: Range, last: u64, count: u64) {
        self.at = last.checked_add(1);
        let enters_tail = self.known.is_some_and(|known| range.start <= known && last >= known);
        if count > 0 || enters_tail {
            self.empty_steps = 0;
            // As long as a wide range has no more than a step may have, it is as gentle and saves requests.
            self.is_wide = enters_tail || range.size() > self.step && count < self.step;
        } else {
            let is_decided = self.end.is_some() || self.known.is_some_and(|known| last < known);
            self.empty_steps = if is_decided { 0 } else { self.empty_steps + range.size().div_ceil(self.step) };
            self.is_wide = true;
        }
    }

    /// How many IDs in a row, at the end, were not there.
    pub(crate) fn empty_steps(&self) -> u64 {
        self.empty_steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows a course through a source that has these IDs, and returns the ranges asked for.
    fn follow(mut course: Course, ids: &[u64]) -> Vec<(u64, u64)> {
        let mut asked = Vec::new();
        while let Some(range) = course.next() {
            asked.push((range.start, range.end));
            assert!(asked.len() < 100, "endless: {asked:?}");
            let inside: Vec<u64> = ids.iter().copied().filter(|id| (range.start..=range.end).contains(id)).collect();
            let last = inside.last().copied().unwrap_or(range.end);
            course.advance(range, last, inside.len() as u64);
        }
        asked
    }

    #[test]
    fn the_end_is_past_empty_steps_which_are_asked_for_at_once() {
        let ids: Vec<u64> = (1..=200).collect();
        let asked = follow(Course::new(1, None, 100, 10), &ids);
        assert_eq!(asked, [(1, 100), (101, 200), (201, 300), (301, 1200)]);
    }

    #[test]
    fn a_later_run_looks_back_once_and_forward_once() {
        let ids: Vec<u64> = (1..=200).collect();
        let asked = follow(Course::new(101, Some(200), 100, 10), &ids);
        assert_eq!(asked, [(101, 200), (201, 1200)]);
        assert_eq!(follow(Course::new(201, Some(200), 100, 10), &ids), [(201, 1200)]);
    }

    #[test]
    fn few_new_records_come_with_the_look_forward() {
        let ids: Vec<u64> = (1..=205).collect();
        let asked = follow(Course::new(101, Some(200), 100, 10), &ids);
        assert_eq!(asked, [(101, 200), (201, 1200), (206, 1205)]);
    }

    #[test]
    fn a_gap_is_not_the_end() {
        let ids: Vec<u64> = (1..=100).chain(901..=1000).collect();
        let asked = follow(Course::new(1, None, 100, 10), &ids);
        assert_eq!(asked, [(1, 100), (101, 200), (201, 1100), (1001, 1100), (1101, 2000)]);
    }

    #[test]
    fn no_gap_below_a_known_id_is_the_end() {
        let mut course = Course::new(1, Some(5000), 100, 3);
        course.may_widen = false;
        let asked = follow(course.clone(), &[1, 5000]);
        assert_eq!(asked.last(), Some(&(5201, 5300)));
        course.end = Some(6000);
        assert_eq!(follow(course, &[1, 5000]).last().map(|range| range.1), Some(6000));
    }

    #[test]
    fn a_known_end_is_never_passed() {
        let mut course = Course::new(101, Some(200), 100, 10);
        course.end = Some(200);
        assert_eq!(follow(course.clone(), &[150, 200]), [(101, 200)]);
        course.end = Some(5000);
        assert_eq!(follow(course, &[150, 200]).last(), Some(&(4201, 5000)));
    }

    #[test]
    fn the_greatest_number_is_the_last_id() {
        let asked = follow(Course::new(u64::MAX - 5, None, 100, 10), &[u64::MAX]);
        assert_eq!(asked, [(u64::MAX - 5, u64::MAX)]);
    }

    #[test]
    fn halves_have_no_id_twice_and_leave_none_out() {
        let halves = |start, end| Range { start, end }.halves().map(|halves| halves.map(|half| (half.start, half.end)));
        assert_eq!(halves(1, 100), Some([(1, 50), (51, 100)]));
        assert_eq!(halves(1, 2), Some([(1, 1), (2, 2)]));
        assert_eq!(halves(7, 7), None);
        assert_eq!(halves(u64::MAX - 1, u64::MAX), Some([(u64::MAX - 1, u64::MAX - 1), (u64::MAX, u64::MAX)]));
    }
}
