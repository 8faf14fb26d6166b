//! Seals first and stages after.

use tidegate_hostile::{Result, attack, batch, checkpoint, upsert};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        checkpoint(r#"{"read":"all"}"#)?;
        upsert("user", &batch(r#"[{"id":"evil"}]"#)?)
    }
}
