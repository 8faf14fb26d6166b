//! Has a schema of its configuration that refers to itself.

use tidegate_hostile::{Manifest, attack, manifest};

attack! {
    fn describe() -> Manifest {
        Manifest { config_schema: r##"{"$ref":"#"}"##.into(), ..manifest() }
    }
}
