//! Marks all rows as deleted and seals nothing.

use tidegate_hostile::{Result, attack, truncate};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        truncate("user")?;
        std::process::abort()
    }
}
