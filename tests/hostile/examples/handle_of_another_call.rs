//! Keeps a handle of one call for the next, which has another instance.

use tidegate_hostile::{Batch, Result, Table, attack, batch, users};

attack! {
    fn schema(_: &str) -> Result<Vec<Table>> {
        let kept = batch("[]")?.take_handle();
        assert_eq!(kept, 1);
        Ok(vec![users()])
    }

    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        // SAFETY: a handle is a number; whose it is is for the host to say. It is the first in both calls.
        unsafe { Batch::from_handle(1) }.len();
        Ok(())
    }
}
