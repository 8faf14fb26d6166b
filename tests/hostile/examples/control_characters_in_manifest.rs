//! Calls itself by control characters.

use tidegate_hostile::{Manifest, attack, manifest};

attack! {
    fn describe() -> Manifest {
        let dark = || "evil\u{1b}[2J\r\n\0\u{9b}31m".to_owned();
        Manifest { name: dark(), version: dark(), summary: dark(), needs: vec![dark()], ..manifest() }
    }
}
