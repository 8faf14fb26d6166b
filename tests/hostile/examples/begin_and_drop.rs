//! Begins requests and gives each up at once.

use tidegate_hostile::{Request, Result, attack, begin};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let request =
            Request { method: "GET".into(), path: "/never".into(), query: Vec::new(), headers: Vec::new(), body: None };
        loop {
            drop(begin(&request)?);
        }
    }
}
