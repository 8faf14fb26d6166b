//! Gives the host a string of 14 MiB, again and again.

use tidegate_hostile::{Result, attack, log};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let message = "x".repeat(14 << 20);
        loop {
            log::write("debug", &message);
        }
    }
}
