//! Stages a record of 60,000 fields.

use tidegate_hostile::{Result, attack, batch, checkpoint, upsert};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let fields: String = (0..60_000).map(|number| format!(r#","f{number}":1"#)).collect();
        upsert("user", &batch(&format!(r#"[{{"id":"evil"{fields}}}]"#))?)?;
        checkpoint("{}")
    }
}
