//! Seals a state before any run.

use tidegate_hostile::{Result, Table, attack, checkpoint, users};

attack! {
    fn schema(_: &str) -> Result<Vec<Table>> {
        checkpoint("{}")?;
        Ok(vec![users()])
    }
}
