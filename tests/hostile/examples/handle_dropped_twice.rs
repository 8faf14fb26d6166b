//! Drops a handle twice.

use tidegate_hostile::{Batch, Result, attack, batch};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let dropped = batch("[]")?;
        // SAFETY: a handle is a number; whether it is still ours is for the host to say.
        drop(unsafe { Batch::from_handle(dropped.handle()) });
        Ok(())
    }
}
