//! Uses a handle after it was dropped.

use tidegate_hostile::{Batch, Result, attack, batch};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let dropped = batch("[]")?;
        let handle = dropped.handle();
        drop(dropped);
        // SAFETY: a handle is a number; whether it is still ours is for the host to say.
        unsafe { Batch::from_handle(handle) }.len();
        Ok(())
    }
}
