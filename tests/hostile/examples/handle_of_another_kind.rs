//! Uses a page as if it were a batch.

use tidegate_hostile::{Batch, Result, attack, get, upsert};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let page = get("/users")?;
        // SAFETY: a handle is a number; of what kind it is is for the host to say.
        upsert("user", &unsafe { Batch::from_handle(page.handle()) })
    }
}
