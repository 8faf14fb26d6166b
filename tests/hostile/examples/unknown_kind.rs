//! Has a column of a kind with control characters in it.

use tidegate_hostile::{Column, Result, Table, attack, users};

attack! {
    fn schema(_: &str) -> Result<Vec<Table>> {
        let columns = vec![Column { name: "a\u{1b}[2Jb".into(), kind: "STRING\u{1b}[2J\r\n".into() }];
        Ok(vec![Table { columns, ..users() }])
    }
}
