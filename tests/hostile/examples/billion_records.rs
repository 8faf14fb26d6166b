//! Stages one MiB after the other and never seals.

use tidegate_hostile::{Result, attack, batch, rows, upsert};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        for seed in 0.. {
            upsert("user", &batch(&rows(seed, 1_000, 1_000))?)?;
        }
        Ok(())
    }
}
