//! Seals one state after the other, and nothing else.

use tidegate_hostile::{Result, attack, checkpoint};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        for number in 0.. {
            checkpoint(&format!(r#"{{"number":{number}}}"#))?;
        }
        Ok(())
    }
}
