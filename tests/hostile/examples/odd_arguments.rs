//! Asks everything with arguments that make no sense.

use tidegate_hostile::{Result, attack, batch, black_box, failure, get};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let page = get("/users")?;
        let deep = "/0".repeat(1 << 20);
        for pointer in ["0", "/", "//", "/-1", "/00", "/~", "/~2", "/99999999999999999999", "/\0", "\u{1b}[2J", &deep] {
            black_box((page.get(pointer), page.records(pointer).is_ok(), page.header(pointer)));
        }
        let records = batch(r#"[{"id":1,"at":"2026-01-01"},{"id":null},{"at":-1e999}]"#)?;
        let pattern = format!("instant:{}", "%Y".repeat(1 << 16));
        let orders = ["", "integer", "text", "instant", "instant:", "instant:%", "instant@+99:99", "instant:ns@-00:01", &pattern];
        for order in orders {
            for field in ["", "id", "at", "/", "/at/0", &deep] {
                for until in [None, Some(""), Some("-9223372036854775809"), Some("9999-12-31T23:59:60Z"), Some("\0")] {
                    black_box(records.span(field, order, until).is_ok());
                }
            }
        }
        for (start, end) in [(0, 0), (2, 1), (u32::MAX, 0), (0, u32::MAX), (u32::MAX, u32::MAX), (3, 4)] {
            let slice = records.slice(start, end).slice(end, start).having("/").unseen(&records);
            black_box((slice.len(), slice.json(), slice.fingerprint(std::slice::from_ref(&deep))));
        }
        Err(failure("every question was answered"))
    }
}
