//! Has a schema of its configuration whose check takes 2 to the power of 24 steps.

use tidegate_hostile::{Manifest, attack, manifest};

attack! {
    fn describe() -> Manifest {
        let step = |at: usize| format!(r##""s{at}":{{"allOf":[{{"$ref":"#/$defs/s{next}"}},{{"$ref":"#/$defs/s{next}"}}]}},"##, next = at + 1);
        let steps: String = (0..24).map(step).collect();
        let config_schema = format!(r##"{{"$ref":"#/$defs/s0","$defs":{{{steps}"s24":true}}}}"##);
        Manifest { config_schema, ..manifest() }
    }
}
