//! Has a schema of its configuration with thousands of patterns, each of which becomes large once it is compiled.

use tidegate_hostile::{Manifest, attack, manifest};

attack! {
    fn describe() -> Manifest {
        let patterns: Vec<String> = (0..10_000).map(|at| format!(r#""(\\w{{100}}){{8}}{at}":true"#)).collect();
        let config_schema = format!(r#"{{"patternProperties":{{{}}}}}"#, patterns.join(","));
        Manifest { config_schema, ..manifest() }
    }
}
