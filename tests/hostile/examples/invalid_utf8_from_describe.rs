//! Has a name that is no UTF-8.

use tidegate_hostile::{Manifest, attack, manifest};

attack! {
    fn describe() -> Manifest {
        // SAFETY: nothing here reads it; the host must not trust it either.
        let name = unsafe { String::from_utf8_unchecked(vec![0xc0, 0x80]) };
        Manifest { name, ..manifest() }
    }
}
