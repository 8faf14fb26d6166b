//! Comes back again and again to states of control characters.

use tidegate_hostile::{Result, attack, checkpoint};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        loop {
            checkpoint("evil\u{1b}[2J\r\n\0\u{9b}31m")?;
            checkpoint("{}")?;
        }
    }
}
