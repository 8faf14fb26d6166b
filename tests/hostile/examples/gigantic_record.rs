//! Stages one record as large as a page may be.

use tidegate_hostile::{Result, attack, checkpoint, get, upsert};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        upsert("user", &get("/gigantic")?.records("")?)?;
        checkpoint("{}")
    }
}
