//! Asks for a column that its memory does not hold.

use tidegate_hostile::{Result, attack, get};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let records = get("/gigantic")?.records("")?;
        records.column("filler");
        Ok(())
    }
}
