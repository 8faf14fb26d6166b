//! Goes to and fro between two states.

use tidegate_hostile::{Result, attack, checkpoint};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        loop {
            checkpoint("to")?;
            checkpoint("fro")?;
        }
    }
}
