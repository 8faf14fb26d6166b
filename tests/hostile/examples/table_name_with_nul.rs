//! Declares a table whose name has a NUL in it.

use tidegate_hostile::{Result, Table, attack, table};

attack! {
    fn schema(_: &str) -> Result<Vec<Table>> {
        Ok(vec![table("user\0evil")])
    }
}
