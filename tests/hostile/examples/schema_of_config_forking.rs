//! Has a schema of its configuration that refers to itself in many places: 300 steps for each level of the configuration.

use tidegate_hostile::{Manifest, attack, manifest};

attack! {
    fn describe() -> Manifest {
        let again = vec![r##"{"$ref":"#"}"##; 300].join(",");
        let config_schema = format!(r##"{{"type":"object","additionalProperties":{{"anyOf":[{again}]}}}}"##);
        Manifest { config_schema, ..manifest() }
    }
}
