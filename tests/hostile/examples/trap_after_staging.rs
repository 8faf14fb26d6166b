//! Stages some of its batches, then breaks off.

use tidegate_hostile::{Result, attack, batch, rows, upsert};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        upsert("user", &batch(&rows(1, 100, 10))?)?;
        std::process::abort()
    }
}
