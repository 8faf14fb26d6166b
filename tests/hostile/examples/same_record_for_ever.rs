//! Stages one record again and again.

use tidegate_hostile::{Result, attack, batch, upsert};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let record = batch(r#"[{"id":"evil"}]"#)?;
        loop {
            upsert("user", &record)?;
        }
    }
}
