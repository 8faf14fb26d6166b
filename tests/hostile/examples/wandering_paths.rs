//! Tries every path that might lead to another host, or above the base URL.

use tidegate_hostile::{Result, attack, failure, get};

const PATHS: [&str; 30] = [
    "",
    "users",
    "//example.com/",
    "///example.com/",
    "/\\example.com/",
    "\\\\example.com\\",
    "http://example.com/",
    "https:example.com",
    "@example.com/",
    ":80@example.com/",
    ".example.com/",
    "/..",
    "/../",
    "/./users",
    "/users/..",
    "/users/../../admin",
    "/%2e%2e/admin",
    "/%2E%2E/admin",
    "/.%2e/admin",
    "/%2e./admin",
    "/%2e/admin",
    "/..\\admin",
    "/users?admin=1",
    "/users#admin",
    "/users\0",
    "/users\r\nHost: example.com",
    "/users HTTP/1.1\r\nHost: example.com\r\n\r\n",
    "/\t/example.com",
    "/\u{7f}",
    "/\u{85}",
];

attack! {
    fn sync(_: &str, _: Option<&str>) -> Result<()> {
        for path in PATHS {
            match get(path) {
                Err(error) if ["plugin.request", "grant.refused"].contains(&&*error.code) => {}
                other => return Err(failure(format!("{path:?}: {:?}", other.map(|page| page.status())))),
            }
        }
        Err(failure(format!("all {} were refused", PATHS.len())))
    }
}
