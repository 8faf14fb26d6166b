//! Declares two tables that differ in capitals only.

use tidegate_hostile::{Result, Table, attack, table};

attack! {
    fn schema(_: &str) -> Result<Vec<Table>> {
        Ok(vec![table("orders"), table("ORDERS")])
    }
}
