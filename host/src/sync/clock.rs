//! The time of a run. It is told by the runtime's clock from the moment at which the run began, so that a simulation
//! can let hours pass at once.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// A clock that stood at a known time when it was made, and goes on with the runtime's.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: i64,
    since: Instant,
}

impl Clock {
    /// A clock that shows the system's time.
    pub fn system() -> Clock {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock::starting_at(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// A clock that stands at this time now, in milliseconds since 1970.
    pub fn starting_at(millis: i64) -> Clock {
        Clock { began: millis, since: Instant::now() }
    }

    /// A clock of the same time whose beginning is now.
    #[must_use]
    pub fn restarted(self) -> Clock {
        Clock::starting_at(self.now())
    }

    /// When it was made, in milliseconds since 1970.
    pub fn began(self) -> i64 {
        self.began
    }

    /// The present time, in milliseconds since 1970.
    pub fn now(self) -> i64 {
        self.began.saturating_add(i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX))
    }
}
