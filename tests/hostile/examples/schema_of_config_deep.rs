//! Has a schema of its configuration that nests a million deep.

use tidegate_hostile::{Manifest, attack, manifest};

attack! {
    fn describe() -> Manifest {
        Manifest { config_schema: "{\"not\":".repeat(1_000_000), ..manifest() }
    }
}
