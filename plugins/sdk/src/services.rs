//! The small services of the host: state, clock and log.

use serde::Serialize;

use crate::bindings::tidegate::strategy as host;
use crate::{Error, Result};

/// Seals what was staged so far, with the state from which a later run can go on.
pub fn checkpoint(state: &impl Serialize) -> Result<()> {
    let text = crate::json::to_string(state)
        .map_err(|error| Error::new("plugin.state", format!("the state cannot be written: {error}")))?;
    host::state::checkpoint(&text)
}

/// Time, as the run sees it.
pub mod clock {
    use super::host;

    /// When this run began, in milliseconds since 1970; the same value throughout the run.
    pub fn started() -> i64 {
        host::clock::started()
    }

    /// The present time, coarse, in milliseconds since 1970.
    pub fn now() -> i64 {
        host::clock::now()
    }
}

/// Telling the user what a strategy does.
pub mod log {
    use super::host;

    /// What ends the run or loses something.
    pub fn error(message: &str) {
        host::log::write("error", message);
    }

    /// What the user should look at.
    pub fn warn(message: &str) {
        host::log::write("warn", message);
    }

    /// What the user may want to know.
    pub fn info(message: &str) {
        host::log::write("info", message);
    }

    /// What explains the strategy's decisions.
    pub fn debug(message: &str) {
        host::log::write("debug", message);
    }
}
