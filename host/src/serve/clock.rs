//! The time of the server: the system's, or one that the runtime simulates.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::sync;

/// Milliseconds since 1970, UTC.
pub type Millis = i64;

/// A duration in milliseconds.
pub fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

/// Tells the time.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The system's. Asked each time, since a server runs for months, over leap seconds and suspended machines.
    System,
    /// One that stands where it was set and goes on with the runtime's clock, so that a simulation can let days pass.
    Simulated(sync::Clock),
}

impl Clock {
    /// The present time.
    pub fn now(self) -> Millis {
        match self {
            Clock::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
            }
            Clock::Simulated(clock) => clock.now(),
        }
    }
}
