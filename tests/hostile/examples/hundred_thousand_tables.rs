//! Declares 100,000 tables.

use tidegate_hostile::{Result, Table, attack, batch, checkpoint, table, upsert};

attack! {
    fn schema(_: &str) -> Result<Vec<Table>> {
        Ok((0..100_000).map(|number| table(&format!("t{number}"))).collect())
    }

    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        upsert("t0", &batch(r#"[{"id":"evil"}]"#)?)?;
        checkpoint("{}")
    }
}
