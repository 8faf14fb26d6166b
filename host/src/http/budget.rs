//! How many requests to a source may repeat a failed one.
//!
//! Pure: a bucket of tokens, and the time, counted from any moment, is the caller's. A repeated request takes a token.
//! One that is sent for the first time brings a part of one, and so does the time that passes: a source that fails
//! often is asked again slowly rather than given up.

use std::time::Duration;

/// The most tokens that are kept: whoever is alone needs a few in a row.
const BURST: f64 = 10.0;
/// What a request brings that is sent for the first time.
const SHARE: f64 = 0.1;
/// What a second brings.
const PER_SECOND: f64 = 1.0;

/// What may be spent on repeated requests.
#[derive(Debug)]
pub(super) struct Budget {
    /// Below zero: tokens that are promised to those who wait.
    tokens: f64,
    /// When `tokens` was true.
    at: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { tokens: BURST, at: Duration::ZERO }
    }
}

impl Budget {
    /// A request is sent for the first time.
    pub(super) fn earn(&mut self) {
        self.tokens = (self.tokens + SHARE).min(BURST);
    }

    /// Takes a token and tells how long to wait until it is there; takes none where that is longer than `patience`.
    pub(super) fn spend(&mut self, now: Duration, patience: Duration) -> Option<Duration> {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * PER_SECOND).min(BURST);
        self.at = self.at.max(now);
        let wait = Duration::from_secs_f64(((1.0 - self.tokens) / PER_SECOND).max(0.0));
        if wait > patience {
            return None;
        }
        self.tokens -= 1.0;
        Some(wait)
    }

    /// Takes back a token that was not used.
    pub(super) fn restore(&mut self) {
        self.tokens = (self.tokens + 1.0).min(BURST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each step: at this second, so many new requests, then so many repeated ones; how many are granted, and how long
    /// the last of these waits.
    fn check(patience: u64, course: &[(u64, u32, u32, usize, f64)]) {
        let mut budget = Budget::default();
        for (at, new, repeated, granted, longest) in course {
            (0..*new).for_each(|_| budget.earn());
            let spend = |_| budget.spend(Duration::from_secs(*at), Duration::from_secs(patience));
            let waits: Vec<Duration> = (0..*repeated).filter_map(spend).collect();
            let last = waits.last().map_or(0.0, Duration::as_secs_f64);
            let found = (waits.len(), (last * 1e6).round() / 1e6);
            assert_eq!(found, (*granted, *longest), "at {at} of {course:?} with {patience}");
        }
    }

    #[test]
    fn repeated_requests_are_granted_from_what_others_and_time_bring() {
        // A few at once, then one a second.
        check(0, &[(0, 1, 12, 10, 0.0), (1, 0, 2, 1, 0.0), (1, 0, 1, 0, 0.0)]);
        // A tenth of what is sent for the first time.
        check(0, &[(0, 0, 20, 10, 0.0), (0, 50, 20, 5, 0.0)]);
        // Those who can wait are promised what time will bring.
        check(3, &[(0, 0, 20, 13, 3.0), (2, 0, 20, 2, 3.0)]);
        // No more than a burst is kept.
        check(0, &[(0, 1_000, 0, 0, 0.0), (9_000, 0, 20, 10, 0.0)]);
    }
}
