//! Paths of a strategy, below `https://a.test/v1`.

use crate::http::egress::tests::{Attempt, compare, get, outcome};

/// Path, and the URL that is asked for, or why it is refused.
pub(super) const TABLE: &[(&str, &str)] = &[
    ("/", "https://a.test/v1/"),
    ("/users", "https://a.test/v1/users"),
    ("/users/", "https://a.test/v1/users/"),
    ("/a b", "https://a.test/v1/a%20b"),
    ("/ü", "https://a.test/v1/%C3%BC"),
    ("/%C3%BC", "https://a.test/v1/%C3%BC"),
    ("/group%2Fproject", "https://a.test/v1/group%2Fproject"),
    ("/100%25", "https://a.test/v1/100%25"),
    ("/a//b", "https://a.test/v1/a//b"),
    ("/@b.test", "https://a.test/v1/@b.test"),
    ("/:@b.test:80", "https://a.test/v1/:@b.test:80"),
    ("/http://b.test/", "https://a.test/v1/http://b.test/"),
    ("/a;b=c", "https://a.test/v1/a;b=c"),
    ("/...", "https://a.test/v1/..."),
    ("/.well-known", "https://a.test/v1/.well-known"),
    ("/a..b", "https://a.test/v1/a..b"),
    ("/．．/admin", "https://a.test/v1/%EF%BC%8E%EF%BC%8E/admin"),
    ("/%2f%2fb.test", "https://a.test/v1/%2f%2fb.test"),
    ("", "does not begin with `/`"),
    ("users", "does not begin with `/`"),
    ("http://b.test/", "does not begin with `/`"),
    ("https://a.test/v1/users", "does not begin with `/`"),
    (".b.test/", "does not begin with `/`"),
    ("@b.test/", "does not begin with `/`"),
    (":80@b.test/", "does not begin with `/`"),
    ("?a=b", "does not begin with `/`"),
    (" /users", "does not begin with `/`"),
    ("//b.test", "begins with `//`, which would name a host"),
    ("//b.test/users", "begins with `//`, which would name a host"),
    ("///b.test", "begins with `//`, which would name a host"),
    ("/\\b.test", "contains a backslash or a control character"),
    ("/a\\..\\..\\admin", "contains a backslash or a control character"),
    ("/a\r\nHost: b.test", "contains a backslash or a control character"),
    ("/a\nb", "contains a backslash or a control character"),
    ("/a\0b", "contains a backslash or a control character"),
    ("/\t/b.test", "contains a backslash or a control character"),
    ("/a\u{85}b", "contains a backslash or a control character"),
    ("/a?b=c", "contains `?` or `#`; query parameters are given apart from it"),
    ("/a#b", "contains `?` or `#`; query parameters are given apart from it"),
    ("/..", DOTS),
    ("/.", DOTS),
    ("/../admin", DOTS),
    ("/x/../../admin", DOTS),
    ("/x/./y", DOTS),
    ("/x/..", DOTS),
    ("/%2e%2e/admin", DOTS),
    ("/%2E%2e/admin", DOTS),
    ("/.%2e/admin", DOTS),
    ("/%2e/admin", DOTS),
    ("/%252e%252e/admin", DOTS),
    ("/%25252e%25252e/admin", DOTS),
    ("/..%2fadmin", DOTS),
    ("/..%5cadmin", DOTS),
    ("/x%2f..%2f..%2fadmin", DOTS),
    ("/x%252f..%252fadmin", DOTS),
    ("/..;/admin", DOTS),
    ("/..;a=b/admin", DOTS),
    ("/..%3b/admin", DOTS),
    ("/%2e%2e%3bx/admin", DOTS),
    ("/..%20/admin", DOTS),
    ("/ ../admin", DOTS),
    ("/%c0%ae%c0%ae/admin", "contains encoded bytes that are no UTF-8"),
    ("/%e0%80%ae/admin", "contains encoded bytes that are no UTF-8"),
    ("/%ff", "contains encoded bytes that are no UTF-8"),
    ("/a%0d%0aHost:%20b.test", "contains an encoded control character"),
    ("/a%00b", "contains an encoded control character"),
    ("/a%250d%250a", "contains an encoded control character"),
    ("/a%09", "contains an encoded control character"),
    ("/100%", "contains a `%` that encodes nothing"),
    ("/%zz", "contains a `%` that encodes nothing"),
    ("/%2", "contains a `%` that encodes nothing"),
    ("/%u002e%u002e/admin", "contains a `%` that encodes nothing"),
    ("/%25252525252525252e", "contains what is encoded again and again"),
];

const DOTS: &str = "contains `.` or `..`, which could leave the base URL";

#[test]
fn paths_stay_below_the_base_url() {
    let tried = TABLE.iter().map(|(path, expected)| {
        let source = "{base_url: 'https://a.test/v1'}";
        let found = outcome(&Attempt { source, request: get(path), ..Attempt::default() });
        let code = if expected.contains("contains `.`") || expected.contains("encode") {
            "grant.refused"
        } else {
            "plugin.request"
        };
        let expected = match expected.starts_with("https://") {
            true => format!("GET {expected} at 93.184.215.14"),
            false => format!("{code}: the path {path:?} {expected}"),
        };
        ((*path).to_owned(), found, expected)
    });
    compare("paths", tried);
}
