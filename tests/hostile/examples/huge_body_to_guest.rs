//! Asks for a body that its memory does not hold.

use tidegate_hostile::{Result, attack, get};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        get("/gigantic")?.body();
        Ok(())
    }
}
