//! When may the next request be sent? A token bucket.
//!
//! [`Bucket`] is pure and takes the time as an argument; [`Rate`] waits.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::config::RateLimit;

/// Holds requests back to the rate of a connection.
#[derive(Debug)]
pub(super) struct Rate {
    bucket: Option<Mutex<Bucket>>,
    since: Instant,
}

impl Rate {
    pub(super) fn new(limit: Option<RateLimit>) -> Rate {
        Rate { bucket: limit.map(|limit| Mutex::new(Bucket::new(limit))), since: Instant::now() }
    }

    /// Waits for a token.
    pub(super) async fn wait(&self) {
        let Some(bucket) = &self.bucket else { return };
        let delay = bucket.lock().unwrap_or_else(PoisonError::into_inner).take(self.since.elapsed());
        if !delay.is_zero() {
            sleep(delay).await;
        }
    }
}

/// Tokens that come at a steady rate, up to as many as a burst may take.
#[derive(Debug)]
struct Bucket {
    rate: f64,
    burst: f64,
    /// Below zero: tokens that are promised to those who wait.
    tokens: f64,
    /// When `tokens` was true, since the bucket was made.
    at: Duration,
}

impl Bucket {
    fn new(limit: RateLimit) -> Bucket {
        let burst = f64::from(limit.burst.max(1));
        Bucket { rate: limit.requests_per_second, burst, tokens: burst, at: Duration::ZERO }
    }

    /// Takes a token and tells how long to wait until it is there.
    fn take(&mut self, now: Duration) -> Duration {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate).min(self.burst) - 1.0;
        self.at = self.at.max(now);
        let missing = (-self.tokens / self.rate).max(0.0);
        Duration::try_from_secs_f64(missing).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(requests_per_second: f64, burst: u32, course: &[(u64, u64)]) {
        let mut bucket = Bucket::new(RateLimit { requests_per_second, burst });
        for (at, expected) in course {
            let delay = bucket.take(Duration::from_millis(*at));
            assert_eq!(delay.as_secs_f64(), *expected as f64 / 1000.0, "{requests_per_second}/{burst} at {at}");
        }
    }

    #[test]
    fn tokens_are_taken_in_bursts_and_come_back_steadily() {
        check(2.0, 1, &[(0, 0), (0, 500), (0, 1000), (1500, 0), (9000, 0), (9000, 500)]);
        check(4.0, 3, &[(0, 0), (0, 0), (0, 0), (0, 250), (0, 500), (500, 250)]);
        check(4.0, 0, &[(0, 0), (0, 250)]);
        check(0.5, 1, &[(0, 0), (1000, 1000)]);
        check(4.0, 2, &[(1000, 0), (0, 0), (0, 250)]);
    }
}
