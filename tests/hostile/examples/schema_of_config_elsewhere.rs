//! Has a schema of its configuration that lies in a file of the host.

use tidegate_hostile::{Manifest, attack, manifest};

attack! {
    fn describe() -> Manifest {
        Manifest { config_schema: r#"{"$ref":"file:///etc/passwd"}"#.into(), ..manifest() }
    }
}
