//! Describes itself by a list of 10,000 needs that are one and the same MiB in the guest: ten GiB in the host.

use std::mem::ManuallyDrop;

use tidegate_hostile::{Manifest, attack, manifest};

attack! {
    fn describe() -> Manifest {
        let text = ManuallyDrop::new("x".repeat(1 << 20));
        // SAFETY: the host refuses the list before it has the guest drop anything.
        let needs = (0..10_000).map(|_| unsafe { std::ptr::read(&*text) }).collect();
        Manifest { needs, ..manifest() }
    }
}
