//! Begins requests and never waits for one.

use tidegate_hostile::{Request, Result, attack, begin};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let request =
            Request { method: "GET".into(), path: "/never".into(), query: Vec::new(), headers: Vec::new(), body: None };
        let mut hoard = Vec::new();
        loop {
            hoard.push(begin(&request)?);
        }
    }
}
