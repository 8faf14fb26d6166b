//! Does nothing but ask a page.

use tidegate_hostile::{Result, attack, black_box, get};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let page = get("/users")?;
        loop {
            black_box(page.get("/0/id"));
        }
    }
}
