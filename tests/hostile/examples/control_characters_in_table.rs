//! Writes a table whose name is control characters.

use tidegate_hostile::{Result, attack, batch, checkpoint, upsert};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        upsert("evil\u{1b}[2J\r\n\0\u{9b}31m", &batch(r#"[{"id":"evil"}]"#)?)?;
        checkpoint("{}")
    }
}
