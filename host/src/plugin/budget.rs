//! In which lane a call goes on.
//!
//! Pure: a bucket of processor time; the time, counted from any moment, is the caller's. What a call computes is taken
//! out. The time that passes brings a share of a processor, and so does what gets a run on: a call that fetches pages
//! may work on them. Whoever has nothing left goes to the slow lane, and comes back with something in hand.

use std::time::{Duration, Instant};

/// What a call begins with: enough to describe a strategy.
const START: f64 = 0.005;
/// What a call may save up: the work on some pages.
const MOST: f64 = 0.1;
/// What it has to pay back at most, so that a long turn is not held against it for ever.
const DEEPEST: f64 = -0.03;
/// What it must have to come back.
const RETURN: f64 = 0.005;

/// Where a call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Fast,
    Slow,
}

impl Lane {
    pub(super) fn other(self) -> Lane {
        match self {
            Lane::Fast => Lane::Slow,
            Lane::Slow => Lane::Fast,
        }
    }
}

/// The processor time that a call may use in the fast lane.
#[derive(Debug)]
pub(super) struct Budget {
    /// In seconds. Below zero: used, and not paid for.
    balance: f64,
    /// When the balance was right.
    at: Instant,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Budget {
        Budget { balance: START, at: now }
    }

    /// A turn has cost this much, and has brought this much.
    pub(super) fn pay(&mut self, spent: Duration, earned: Duration) {
        self.balance = (self.balance + earned.as_secs_f64() - spent.as_secs_f64()).clamp(DEEPEST, MOST);
    }

    /// Where the call goes on, at this time, with this share of a processor since the last time.
    pub(super) fn lane(&mut self, present: Lane, now: Instant, share: f64) -> Lane {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.balance = (self.balance + passed * share).min(MOST);
        self.at = now;
        match present {
            Lane::Fast if self.balance < 0.0 => Lane::Slow,
            Lane::Slow if self.balance > RETURN => Lane::Fast,
            stays => stays,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns of a call that needs this much, gets this much for what it brings, and waits this long between them; all in
    /// milliseconds. How many of the first thousand were in the fast lane.
    fn fast_turns(spent: u64, earned: u64, wait: u64, share: f64) -> usize {
        let start = Instant::now();
        let (mut budget, mut lane) = (Budget::new(start), Lane::Fast);
        let turns = (1..=1_000u32).filter(|turn| {
            let was = lane;
            budget.pay(Duration::from_millis(spent), Duration::from_millis(earned));
            lane = budget.lane(lane, start + Duration::from_millis(spent + wait) * *turn, share);
            was == Lane::Fast
        });
        turns.count()
    }

    #[test]
    fn whoever_computes_goes_to_the_slow_lane_and_stays_there() {
        assert!(fast_turns(2, 0, 0, 0.25) < 5, "a guest that spins");
        assert!(fast_turns(2, 0, 0, 0.008) < 5, "one of many");
        assert!(fast_turns(10, 2, 0, 0.25) < 5, "one that fetches a little, too");
    }

    #[test]
    fn whoever_gets_on_stays_in_the_fast_lane() {
        assert_eq!(fast_turns(2, 3, 0, 0.008), 1_000, "the work on pages");
        assert_eq!(fast_turns(1, 0, 10, 0.25), 1_000, "a little now and then");
        assert_eq!(fast_turns(1, 1, 10, 0.008), 1_000, "a little for each page, beside many");
    }

    #[test]
    fn whoever_behaves_again_comes_back() {
        let now = Instant::now();
        let mut budget = Budget::new(now);
        budget.pay(Duration::from_secs(60), Duration::ZERO);
        assert_eq!(budget.lane(Lane::Fast, now, 0.25), Lane::Slow);
        assert_eq!(budget.lane(Lane::Slow, now + Duration::from_millis(120), 0.25), Lane::Slow);
        assert_eq!(budget.lane(Lane::Slow, now + Duration::from_millis(160), 0.25), Lane::Fast);
        budget.pay(Duration::from_secs(60), Duration::ZERO);
        assert_eq!(budget.lane(Lane::Fast, now + Duration::from_millis(160), 0.25), Lane::Slow);
        budget.pay(Duration::ZERO, Duration::from_millis(40));
        assert_eq!(budget.lane(Lane::Slow, now + Duration::from_millis(160), 0.25), Lane::Fast, "it has fetched");
    }
}
