//! Breaks off after a checkpoint, with more staged behind it.

use tidegate_hostile::{Result, attack, batch, checkpoint, upsert};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        upsert("user", &batch(r#"[{"id":"3"}]"#)?)?;
        checkpoint(r#"{"answer":42}"#)?;
        upsert("user", &batch(r#"[{"id":"4"}]"#)?)?;
        std::process::abort()
    }
}
