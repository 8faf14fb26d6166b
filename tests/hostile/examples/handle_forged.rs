//! Uses a handle that it was never given.

use tidegate_hostile::{Batch, Result, attack};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        // SAFETY: a handle is a number; whether it is ours is for the host to say.
        unsafe { Batch::from_handle(4_711) }.len();
        Ok(())
    }
}
