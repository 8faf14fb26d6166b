//! Has a schema of its configuration in which 20,000 references lead from one to the next.

use tidegate_hostile::{Manifest, attack, manifest};

attack! {
    fn describe() -> Manifest {
        let steps: String = (0..20_000).map(|at| format!(r##""s{at}":{{"$ref":"#/$defs/s{}"}},"##, at + 1)).collect();
        let config_schema = format!(r##"{{"$ref":"#/$defs/s0","$defs":{{{steps}"s20000":true}}}}"##);
        Manifest { config_schema, ..manifest() }
    }
}
