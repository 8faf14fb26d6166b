//! Where an answer of `https://a.test/v1/users` sends the host on to.

use crate::http::egress::tests::{Attempt, compare, get, outcome};

/// `sso.test` may be asked at one port and below one path only.
const SOURCE: &str = "{base_url: 'https://a.test/v1', auth: {type: bearer, token: the-token}, allowed_hosts: \
                      [files.test, 'https://sso.test:8443/exports', 'http://open.test', 'https://127.0.0.1', \
                      {url: 'https://post.test', methods: [POST]}]}";

const SIGNED: &str = " authorization=Bearer the-token";

/// Location, and where that leads. `+` stands for the credentials.
pub(super) const TABLE: &[(&str, &str)] = &[
    ("/v1/other", "https://a.test/v1/other+"),
    ("other", "https://a.test/v1/other+"),
    ("?page=2", "https://a.test/v1/users?page=2+"),
    ("", "https://a.test/v1/users+"),
    ("#part", "https://a.test/v1/users+"),
    ("./other", "https://a.test/v1/other+"),
    ("../v1/other", "https://a.test/v1/other+"),
    ("/v1", "https://a.test/v1+"),
    ("https://a.test/v1/other", "https://a.test/v1/other+"),
    ("https://A.Test:443/v1/other#part", "https://a.test/v1/other+"),
    ("https://a.test./v1/other", "https://a.test/v1/other+"),
    ("//a.test/v1/other", "https://a.test/v1/other+"),
    ("\\\\a.test\\v1\\other", "https://a.test/v1/other+"),
    ("https:other", "https://a.test/v1/other+"),
    ("https://files.test/x?sig=1", "https://files.test/x?sig=1"),
    ("https://FILES.test./x", "https://files.test/x"),
    ("https://ｆiles.test/x", "https://files.test/x"),
    ("//files.test", "https://files.test/"),
    ("https://sso.test:8443/exports", "https://sso.test:8443/exports"),
    ("https://sso.test:8443/exports/1", "https://sso.test:8443/exports/1"),
    // Elsewhere.
    ("/", PATH),
    ("/v2/users", PATH),
    ("/v10/users", PATH),
    ("/v1users", PATH),
    ("../../admin", PATH),
    ("..", PATH),
    ("/v1/../admin", PATH),
    ("/v1/%2e%2e/admin", PATH),
    ("/v1/..%2fadmin", PATH),
    ("/v1/..%5cadmin", PATH),
    ("/v1/%252e%252e/admin", PATH),
    ("/v1/..;/admin", PATH),
    ("/v1/%0d%0a", PATH),
    ("/V1/users", PATH),
    ("/%76%31/users", PATH),
    ("https://sso.test:8443/", "https://sso.test:8443, where GET is not allowed on this path"),
    ("https://sso.test:8443/exportsx", "https://sso.test:8443, where GET is not allowed on this path"),
    ("https://sso.test:8443/exports/../admin", "https://sso.test:8443, where GET is not allowed on this path"),
    ("https://post.test/", "https://post.test, where GET is not allowed on this path"),
    ("https://sso.test/exports", "https://sso.test, which is not allowed"),
    ("https://b.test/", "https://b.test, which is not allowed"),
    ("//b.test/v1/users", "https://b.test, which is not allowed"),
    ("///b.test/v1/users", NO_URL),
    ("/\\b.test/", "https://b.test, which is not allowed"),
    ("\\/b.test/", "https://b.test, which is not allowed"),
    ("https:/b.test/", "https://a.test, where GET is not allowed on this path"),
    ("https:\\\\b.test/", "https://b.test, which is not allowed"),
    ("\thttps://b.test/", "https://b.test, which is not allowed"),
    ("ht\ntps://b.test/", "https://b.test, which is not allowed"),
    ("https://a.test.b.test/v1/users", "https://a.test.b.test, which is not allowed"),
    ("https://a.test@b.test/v1/users", "https://b.test, which is not allowed"),
    ("https://a.test:443@b.test/v1/users", "https://b.test, which is not allowed"),
    ("https://b.test#@a.test/v1/users", "https://b.test, which is not allowed"),
    ("https://b.test?@a.test/v1/users", "https://b.test, which is not allowed"),
    ("https://b.test\\@a.test/v1/users", "https://b.test, which is not allowed"),
    ("https://b.test%23@a.test/v1/users", "grant.refused: https://a.test is no plain http or https URL"),
    ("https://me@a.test/v1/users", "grant.refused: https://a.test is no plain http or https URL"),
    ("https://:pass@a.test/v1/users", "grant.refused: https://a.test is no plain http or https URL"),
    ("https://a.test:8443/v1/users", "https://a.test:8443, which is not allowed"),
    ("https://a.test:80/v1/users", "https://a.test:80, which is not allowed"),
    ("https://xn--a/", NO_URL),
    ("https://а.test/v1/users", "https://xn--80a.test, which is not allowed"),
    ("https://127.0.0.2/", "https://127.0.0.2, which is not allowed"),
    ("https://169.254.169.254/latest/meta-data/", "https://169.254.169.254, which is not allowed"),
    ("https://127.0.0.1/", "grant.refused: 127.0.0.1 is a loopback address, which this connection does not allow"),
    ("https://0x7f.1/", "grant.refused: 127.0.0.1 is a loopback address, which this connection does not allow"),
    ("https://2130706433/", "grant.refused: 127.0.0.1 is a loopback address, which this connection does not allow"),
    // Without TLS, granted or not.
    ("http://a.test/v1/users", "http://a.test, which is not allowed"),
    ("http://a.test:443/v1/users", "http://a.test:443, which is not allowed"),
    ("http://open.test/", "http://open.test, which is not allowed"),
    ("http://files.test/x", "http://files.test, which is not allowed"),
    ("HTTP://a.test/v1/users", "http://a.test, which is not allowed"),
    // No HTTP at all.
    ("file:///etc/passwd", "null, which is not allowed"),
    ("gopher://a.test/", "null, which is not allowed"),
    ("ftp://a.test/", "ftp://a.test, which is not allowed"),
    ("data:,x", "null, which is not allowed"),
    ("javascript:alert(1)", "null, which is not allowed"),
    ("ws://a.test/", "ws://a.test, which is not allowed"),
    ("http://[", NO_URL),
    ("https://[fe80::1%25eth0]/", NO_URL),
    ("https://a%00.test/", NO_URL),
    ("https://a test/", NO_URL),
    ("https://a.test:99999/", NO_URL),
    ("https://", NO_URL),
];

const PATH: &str = "https://a.test, where GET is not allowed on this path";
const NO_URL: &str = "something that is no URL";

#[test]
fn redirects_stay_within_what_is_granted() {
    compare(
        "redirects",
        TABLE.iter().map(|(location, expected)| {
            let redirects = &[*location];
            let found = outcome(&Attempt { source: SOURCE, request: get("/users"), redirects, ..Attempt::default() });
            let expected = match expected.strip_prefix("grant.refused: ") {
                Some(refusal) => format!("grant.refused: GET /users: {refusal}"),
                None if expected.contains(", ") || *expected == NO_URL => {
                    format!("grant.refused: GET /users: https://a.test redirects to {expected}")
                }
                None => {
                    let url = expected.trim_end_matches('+');
                    let secret = if expected.ends_with('+') { SIGNED } else { "" };
                    format!("GET {url} at 93.184.215.14{secret}")
                }
            };
            (format!("{location:?}"), found, expected)
        }),
    );
}
