//! Does nothing but log.

use tidegate_hostile::{Result, attack, log};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        loop {
            log::write("debug", "again");
        }
    }
}
