//! Tries every method that is not allowed, or none at all.

use tidegate_hostile::{Request, Result, attack, failure, fetch};

const METHODS: [&str; 16] = [
    "",
    "get",
    "Get",
    "GET ",
    " GET",
    "GET\0",
    "GET /admin HTTP/1.1\r\nHost: example.com\r\n\r\nGET",
    "POST",
    "PUT",
    "DELETE",
    "CONNECT",
    "TRACE",
    "PRI",
    "OPTIONS",
    "HEAD",
    "ＧＥＴ",
];

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        for method in METHODS {
            let (method, path) = (method.to_owned(), "/users".into());
            match fetch(&Request { method, path, query: Vec::new(), headers: Vec::new(), body: None }) {
                Err(error) if ["plugin.request", "grant.refused"].contains(&&*error.code) => {}
                other => return Err(failure(format!("{:?}", other.map(|page| page.status())))),
            }
        }
        Err(failure(format!("all {} were refused", METHODS.len())))
    }
}
