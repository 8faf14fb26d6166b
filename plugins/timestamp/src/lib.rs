//! Timestamp: ask for what changed since an update time, and again from the greatest one seen, until nothing new comes.
//!
//! An answer that brings nothing new ends the run, whether the source's filter returns records that equal its value or
//! not. [`tidegate_sdk::Since`] asks again wherever an answer may have been cut off, and refuses what could not be told
//! from a loss.

mod config;

use tidegate_sdk::{Period, Result, SinceState, Strategy, Table};

pub use config::Config;

/// The strategy.
#[derive(Debug)]
pub struct Timestamp;

tidegate_sdk::export!(Timestamp);

impl Strategy for Timestamp {
    const NAME: &'static str = "timestamp";
    const SUMMARY: &'static str = "Reads APIs that take an update time and have no pages.";
    const NEEDS: &'static [&'static str] = &["forward:integer:/order"];

    type Config = Config;
    type State = SinceState;

    fn tables(config: &Config) -> Result<Vec<Table>> {
        Ok(config.since().tables())
    }

    fn sync(config: &Config, state: Option<SinceState>) -> Result<()> {
        config.since().read(state, Period::ZERO)
    }
}
