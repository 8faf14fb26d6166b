//! The strategies that are part of the binary, compiled to components by the build script.

include!(concat!(env!("OUT_DIR"), "/builtins.rs"));

/// Their names.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// The component of this name.
pub(super) fn bytes(name: &str) -> Option<&'static [u8]> {
    let (_, bytes) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::vetting::vet;

    #[test]
    fn what_is_built_in_passes_the_vetting_that_it_is_spared() {
        assert_eq!(names().count(), 5);
        for name in names() {
            assert!(vet(bytes(name).expect("a component")).is_ok(), "{name}");
        }
    }
}
