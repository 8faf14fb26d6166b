//! Has a table and a column whose names are SQL.

use tidegate_hostile::{Column, Result, Table, attack, batch, checkpoint, upsert};

attack! {
    fn schema(_: &str) -> Result<Vec<Table>> {
        let columns = vec![Column { name: r#"x" TEXT); DROP TABLE user; --"#.into(), kind: "STRING".into() }];
        Ok(vec![Table { name: r#""; DROP TABLE user; --"#.into(), primary_key: vec!["id".into()], columns }])
    }

    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let rows = batch(r#"[{"id":"1","x\" TEXT); DROP TABLE user; --":"2","y\"; DROP TABLE user; --":"3"}]"#)?;
        upsert(r#""; DROP TABLE user; --"#, &rows)?;
        checkpoint("{}")
    }
}
