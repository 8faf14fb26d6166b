//! Never returns from `sync`.

use tidegate_hostile::{Result, attack, black_box};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        loop {
            black_box(());
        }
    }
}
