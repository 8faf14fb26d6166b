//! Saves a state that is no JSON.

use tidegate_hostile::{Result, attack, checkpoint};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        checkpoint("]]> '; DROP TABLE user; -- \u{1b}[2J\0")
    }
}
