//! Makes records of texts that are no JSON, or lie about what they are.

use tidegate_hostile::{Result, attack, batch, failure};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let deep = "[".repeat(1 << 20);
        let wrong = [
            "",
            "{}",
            "[1]",
            "[{]",
            "[{}]x",
            r#"[{"id":1,"id":2}]"#,
            r#"[{"id":"\ud800"}]"#,
            r#"[{"id":NaN}]"#,
            r#"[{"id":01}]"#,
            "[{\"id\":\"\0\"}]",
            &deep,
        ];
        match wrong.iter().find(|text| batch(text).is_ok()) {
            Some(text) => Err(failure(format!("{text:?} was taken"))),
            None => Err(failure(format!("all {} were refused", wrong.len()))),
        }
    }
}
