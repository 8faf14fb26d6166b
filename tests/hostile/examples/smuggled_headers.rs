//! Tries every header by which one request becomes two, or another's.

use tidegate_hostile::{Request, Result, attack, failure, fetch};

const HEADERS: [(&str, &str); 24] = [
    ("Host", "example.com"),
    ("HOST", "example.com"),
    ("Content-Length", "0"),
    ("Transfer-Encoding", "chunked"),
    ("transfer-encoding", "gzip, chunked"),
    ("Connection", "close, X-Api-Key"),
    ("Keep-Alive", "timeout=1"),
    ("Upgrade", "h2c"),
    ("TE", "trailers"),
    ("Trailer", "Host"),
    ("Cookie", "session=stolen"),
    ("Authorization", "Bearer stolen"),
    ("Proxy-Authorization", "Basic c3RvbGVu"),
    ("Proxy-Connection", "keep-alive"),
    ("X-Evil", "a\r\nHost: example.com"),
    ("X-Evil", "a\nHost: example.com"),
    ("X-Evil", "a\rHost: example.com"),
    ("X-Evil", "a\0b"),
    ("X-Evil\r\nHost", "example.com"),
    ("X-Evil: a\r\nHost", "example.com"),
    ("Host ", "example.com"),
    (" Host", "example.com"),
    ("Host:", "example.com"),
    ("", "example.com"),
];

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        for (name, value) in HEADERS {
            let headers = vec![(name.into(), value.into())];
            let (method, path) = ("GET".into(), "/users".into());
            match fetch(&Request { method, path, query: Vec::new(), headers, body: None }) {
                Err(error) if ["plugin.request", "grant.refused"].contains(&&*error.code) => {}
                other => return Err(failure(format!("{name:?}: {value:?}: {:?}", other.map(|page| page.status())))),
            }
        }
        Err(failure(format!("all {} were refused", HEADERS.len())))
    }
}
