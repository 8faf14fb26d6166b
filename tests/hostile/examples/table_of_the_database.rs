//! Declares the table in which SQLite keeps its schema.

use tidegate_hostile::{Result, Table, attack, table};

attack! {
    fn schema(_: &str) -> Result<Vec<Table>> {
        Ok(vec![table("sqlite_master")])
    }
}
