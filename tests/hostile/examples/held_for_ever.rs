//! Asks for what never comes.

use tidegate_hostile::{Result, attack, get};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        get("/never").map(|_| ())
    }
}
