//! Makes handles and keeps them.

use tidegate_hostile::{Result, attack, batch};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let mut hoard = Vec::new();
        loop {
            hoard.push(batch("[]")?);
        }
    }
}
