//! Needs what no host has.

use tidegate_hostile::{Manifest, attack, manifest};

attack! {
    fn describe() -> Manifest {
        Manifest { needs: vec!["root".into()], ..manifest() }
    }
}
