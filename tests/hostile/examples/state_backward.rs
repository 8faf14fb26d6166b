//! Breaks the order that it declared for its state.

use tidegate_hostile::{Manifest, Result, attack, checkpoint, manifest};

attack! {
    fn describe() -> Manifest {
        Manifest { needs: vec!["forward:integer:/id".into()], ..manifest() }
    }

    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        checkpoint(r#"{"id":10}"#)?;
        checkpoint(r#"{"id":9}"#)
    }
}
