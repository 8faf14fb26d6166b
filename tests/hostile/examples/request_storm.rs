//! Sends requests, each another one, and seals nothing.

use tidegate_hostile::{Request, Result, attack, fetch};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        for number in 0.. {
            let query = vec![("page".into(), number.to_string())];
            let (method, path) = ("GET".into(), "/users".into());
            fetch(&Request { method, path, query, headers: Vec::new(), body: None })?;
        }
        Ok(())
    }
}
