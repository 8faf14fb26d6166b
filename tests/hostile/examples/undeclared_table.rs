//! Writes a table that its schema does not have.

use tidegate_hostile::{Result, attack, batch, checkpoint, upsert};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        upsert("payroll", &batch(r#"[{"id":"evil"}]"#)?)?;
        checkpoint("{}")
    }
}
