//! How fast requests may come: a bucket of tokens, one a request, refilled at a steady rate.
//!
//! It must not know HTTP, nor read a clock.

use std::time::{Duration, Instant};

/// The terms of a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Tokens that come back each second.
    pub per_second: u32,
    /// Tokens that the bucket holds: so many requests may come at once.
    pub capacity: u32,
}

impl Default for RateLimit {
    fn default() -> Self {
        RateLimit { per_second: 10, capacity: 20 }
    }
}

/// The tokens that are left.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: RateLimit,
    tokens: f64,
    filled: Instant,
}

/// What the bucket says to one request.
#[derive(Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) admitted: bool,
    pub(super) capacity: u32,
    /// Whole tokens left.
    pub(super) remaining: u64,
    /// Seconds until the bucket is full, rounded up.
    pub(super) full_in: u64,
    /// Seconds until the next token, rounded up.
    pub(super) retry_in: u64,
}

impl Bucket {
    pub(super) fn new(limit: RateLimit, now: Instant) -> Bucket {
        Bucket { limit, tokens: limit.capacity.into(), filled: now }
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> Verdict {
        let (capacity, rate) = (f64::from(self.limit.capacity), f64::from(self.limit.per_second));
        let elapsed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + elapsed * rate).min(capacity);
        self.filled = now;
        let admitted = self.tokens >= 1.0;
        if admitted {
            self.tokens -= 1.0;
        }
        let seconds = |missing: f64| match rate {
            0.0 => 0,
            rate => whole_seconds(missing.max(0.0) / rate),
        };
        Verdict {
            admitted,
            capacity: self.limit.capacity,
            remaining: self.tokens as u64,
            full_in: seconds(capacity - self.tokens),
            retry_in: seconds(1.0 - self.tokens),
        }
    }
}

fn whole_seconds(seconds: f64) -> u64 {
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_empties_the_bucket_and_time_fills_it() {
        let start = Instant::now();
        let mut bucket = Bucket::new(RateLimit { per_second: 2, capacity: 3 }, start);
        // Milliseconds after the start, admitted, tokens left, seconds until full, seconds until the next.
        let cases = [
            (0, true, 2, 1, 0),
            (0, true, 1, 1, 0),
            (0, true, 0, 2, 1),
            (0, false, 0, 2, 1),
            (400, false, 0, 2, 1),
            (500, true, 0, 2, 1),
            (60_000, true, 2, 1, 0),
        ];
        for (at, admitted, remaining, full_in, retry_in) in cases {
            let verdict = bucket.take(start + Duration::from_millis(at));
            assert_eq!(verdict, Verdict { admitted, capacity: 3, remaining, full_in, retry_in }, "after {at} ms");
        }
    }
}
