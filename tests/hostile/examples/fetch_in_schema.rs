//! Asks the source before any run.

use tidegate_hostile::{Result, Table, attack, get, users};

attack! {
    fn schema(_: &str) -> Result<Vec<Table>> {
        get("/users")?;
        Ok(vec![users()])
    }
}
