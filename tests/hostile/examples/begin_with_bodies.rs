//! Begins requests with large bodies, which wait in the host.

use tidegate_hostile::{Request, Result, attack, begin, failure, get};

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        let body = Some(vec![b'x'; 5 << 20]);
        let request =
            Request { method: "GET".into(), path: "/never".into(), query: Vec::new(), headers: Vec::new(), body };
        let mut hoard = Vec::new();
        for _ in 0..20 {
            get("/users")?;
            hoard.push(begin(&request)?);
        }
        Err(failure(format!("the host holds {} bodies of five MiB for a guest of 16", hoard.len())))
    }
}
