//! Does nothing but ask a batch for a column.

use tidegate_hostile::{Result, attack, black_box, get};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let records = get("/users")?.records("")?;
        loop {
            black_box(records.column("id"));
        }
    }
}
