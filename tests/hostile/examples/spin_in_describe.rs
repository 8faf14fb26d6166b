//! Never returns from `describe`.

use tidegate_hostile::{Manifest, attack, black_box};

attack! {
    fn describe() -> Manifest {
        loop {
            black_box(());
        }
    }
}
