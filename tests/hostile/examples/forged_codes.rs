//! Calls its own failure by the code that its configuration names: another's failure, or no failure at all.

use tidegate_hostile::{Error, Result, attack};

attack! {
    fn sync(config: &str, _: Option<&str>) -> Result<()> {
        let code = config.split('"').nth(3).unwrap_or_default().to_owned();
        Err(Error { code, message: "nothing happened".into(), details: Vec::new() })
    }
}
