//! Replay: ask for what changed since an update time less a look-back, so that records which show up late are found.
//!
//! Only the reading is lagged: the cursor itself is the greatest update time ever seen, and never moves back. A run
//! that was stopped inside the look-back begins it anew, because records may have shown up behind it in the meantime.
//! What comes again unchanged is staged again, and changes nothing in the destination.

mod config;

use tidegate_sdk::{Result, SinceState, Strategy, Table};

pub use config::Config;

/// The strategy.
#[derive(Debug)]
pub struct Replay;

tidegate_sdk::export!(Replay);

impl Strategy for Replay {
    const NAME: &'static str = "replay";
    const SUMMARY: &'static str = "Reads APIs that take an update time, and whose records may show up late.";
    const NEEDS: &'static [&'static str] = &["forward:integer:/order"];

    type Config = Config;
    type State = SinceState;

    fn tables(config: &Config) -> Result<Vec<Table>> {
        Ok(config.since().tables())
    }

    fn sync(config: &Config, state: Option<SinceState>) -> Result<()> {
        config.since().read(state, config.look_back)
    }
}
