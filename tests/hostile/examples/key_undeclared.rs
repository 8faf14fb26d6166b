//! Has a key that is none of its columns, and records that lack it.

use tidegate_hostile::{Column, Result, Table, attack, batch, checkpoint, upsert, users};

attack! {
    fn schema(_: &str) -> Result<Vec<Table>> {
        let columns = vec![Column { name: "name".into(), kind: "STRING".into() }];
        Ok(vec![Table { columns, ..users() }])
    }

    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        upsert("user", &batch(r#"[{"name":"evil"}]"#)?)?;
        checkpoint("{}")
    }
}
