//! Sends a request with 100,000 parameters.

use tidegate_hostile::{Request, Result, attack, fetch};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let query = vec![(String::new(), String::new()); 100_000];
        fetch(&Request { method: "GET".into(), path: "/users".into(), query, headers: Vec::new(), body: None })?;
        Ok(())
    }
}
