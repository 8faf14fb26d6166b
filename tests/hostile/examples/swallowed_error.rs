//! Goes on after an error that ends the run.

use tidegate_hostile::{Result, attack, batch, checkpoint, upsert};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let _ = upsert("payroll", &batch(r#"[{"id":"evil"}]"#)?);
        upsert("user", &batch(r#"[{"id":"evil"}]"#)?)?;
        checkpoint("{}")
    }
}
