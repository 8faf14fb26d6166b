//! Lets the host compute in a single call: a fingerprint of thousands of fields of a million records.

use tidegate_hostile::{Result, attack, black_box, failure, get};

attack! {
    fn sync(config: &str, _: Option<&str>) -> Result<()> {
        let fields = if config.contains("more") { 2_001 } else { 2_000 };
        let records = get("/million")?.records("")?;
        let fields: Vec<String> = (0..fields).map(|at| format!("/id/{at}")).collect();
        black_box(records.fingerprint(&fields));
        Err(failure("it was worked out"))
    }
}
