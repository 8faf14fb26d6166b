//! Lets the host compute: one call over a million records after the other.

use tidegate_hostile::{Result, attack, black_box, get};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let records = get("/million")?.records("")?;
        loop {
            black_box(records.fingerprint(&[]));
        }
    }
}
