//! Declares a table whose name is nothing.

use tidegate_hostile::{Result, Table, attack, table};

attack! {
    fn schema(_: &str) -> Result<Vec<Table>> {
        Ok(vec![table("")])
    }
}
