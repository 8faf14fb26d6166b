//! Calls itself, its configuration, its table and its columns by names that steer a terminal, and seals such a state.

use tidegate_hostile::{Column, Manifest, Result, Table, attack, batch, checkpoint, manifest, upsert};

fn dark() -> String {
    "evil\u{1b}[2J\r\nerror: all is well\u{9b}31m\u{202e}".to_owned()
}

attack! {
    fn describe() -> Manifest {
        let dark = r#"evil\u001b[2J\r\nerror: all is well\u009b31m\u202e"#;
        let config_schema = format!(
            r#"{{"type":"object","properties":{{"{dark}":{{"description":"{dark}","default":"{dark}","enum":["{dark}"]}}}}}}"#
        );
        Manifest { name: self::dark(), version: self::dark(), summary: self::dark(), config_schema, ..manifest() }
    }

    fn schema(_: &str) -> Result<Vec<Table>> {
        let columns = vec![Column { name: dark(), kind: "STRING".into() }];
        Ok(vec![Table { name: dark(), primary_key: vec!["id".into(), format!("{}2", dark())], columns }])
    }

    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        upsert(&dark(), &batch(r#"[]"#)?)?;
        checkpoint("{\"\u{9b}2J\":\r\"\u{202e}\"}")
    }
}
