//! Declares a table of 100,000 columns.

use tidegate_hostile::{Column, Result, Table, attack, users};

attack! {
    fn schema(_: &str) -> Result<Vec<Table>> {
        let columns = (0..100_000).map(|number| Column { name: format!("c{number}"), kind: "STRING".into() });
        Ok(vec![Table { columns: columns.collect(), ..users() }])
    }
}
