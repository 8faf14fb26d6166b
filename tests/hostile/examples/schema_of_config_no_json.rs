//! Has a schema of its configuration that is no JSON.

use tidegate_hostile::{Manifest, attack, manifest};

attack! {
    fn describe() -> Manifest {
        Manifest { config_schema: "\u{1b}[2J{".into(), ..manifest() }
    }
}
