//! Declares a table in which the host keeps its states.

use tidegate_hostile::{Result, Table, attack, table};

attack! {
    fn schema(_: &str) -> Result<Vec<Table>> {
        Ok(vec![table("_tidegate_state")])
    }
}
