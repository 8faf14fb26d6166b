//! Turns a state into one of four MiB.

use tidegate_hostile::{Manifest, Result, attack, checkpoint, manifest};

attack! {
    fn describe() -> Manifest {
        Manifest { state_version: 2, ..manifest() }
    }

    fn migrate(_: u32, _: &str) -> Result<String> {
        Ok("x".repeat(4 << 20))
    }

    fn sync(_: &str, state: Option<&str>) -> Result<()> {
        checkpoint(state.unwrap_or_default())
    }
}
