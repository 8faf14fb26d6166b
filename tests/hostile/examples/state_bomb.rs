//! Saves a state of a MiB.

use tidegate_hostile::{Result, attack, checkpoint};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        checkpoint(&"x".repeat(1 << 20))
    }
}
