//! Gives the host a list of 10,000 strings that are one and the same MiB in the guest: ten GiB in the host.

use std::mem::ManuallyDrop;

use tidegate_hostile::{Result, attack, batch};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let text = ManuallyDrop::new("x".repeat(1 << 20));
        // SAFETY: none of the copies is ever dropped or changed.
        let copies = ManuallyDrop::new((0..10_000).map(|_| unsafe { std::ptr::read(&*text) }).collect::<Vec<_>>());
        batch("[]")?.fingerprint(&copies);
        Ok(())
    }
}
