//! Points in time for people and schedulers: whole seconds of the system's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::model::Instant;

/// The last second of the calendar, 9999-12-31T23:59:59Z.
const LAST: u64 = 253_402_300_799;

/// The moment after a wait, rounded up: who comes back then is not too early.
pub(super) fn after(wait: Duration) -> Instant {
    let until = since_epoch().saturating_add(wait);
    seconds(until.as_secs().saturating_add((until.subsec_nanos() > 0).into()))
}

/// The moment so long ago.
pub(super) fn before(passed: Duration) -> Instant {
    seconds(since_epoch().saturating_sub(passed).as_secs())
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn seconds(seconds: u64) -> Instant {
    Instant::from_parts(i64::try_from(seconds.min(LAST)).unwrap_or(i64::MAX), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_future_ends_with_the_calendar() {
        let cases = [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(LAST)];
        for wait in cases {
            assert_eq!(after(wait).to_rfc3339().as_deref(), Some("9999-12-31T23:59:59Z"), "{wait:?}");
        }
        assert_eq!(before(Duration::MAX).to_rfc3339().as_deref(), Some("1970-01-01T00:00:00Z"));
        assert!(before(Duration::ZERO) <= after(Duration::ZERO));
    }
}
