//! Never returns from `migrate-state`.

use tidegate_hostile::{Manifest, Result, attack, black_box, manifest};

attack! {
    fn describe() -> Manifest {
        Manifest { state_version: 2, ..manifest() }
    }

    fn migrate(_: u32, _: &str) -> Result<String> {
        loop {
            black_box(());
        }
    }
}
