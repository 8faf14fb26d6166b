//! Where credentials are asked for: the same gate, for one address, by POST, and by the host only.

use crate::http::Request;
use crate::http::egress::tests::{Attempt, compare, get, outcome};

/// The base URL, what is said about the login, what `auth.test` is at, where the login's answer redirects to, and what
/// comes of it.
pub(super) const TABLE: &[(&str, &str, &str, &[&str], &str)] = &[
    ("https://a.test", OAUTH2, "1.1.1.1", &[], SIGNED),
    (
        "https://a.test",
        OAUTH2,
        "10.0.0.1",
        &[],
        "grant.refused: POST https://auth.test/token: auth.test is at 10.0.0.1, a private address, which this connection does not allow",
    ),
    (
        "https://a.test",
        OAUTH2,
        "169.254.169.254",
        &[],
        "grant.refused: POST https://auth.test/token: auth.test is at 169.254.169.254, a cloud's metadata address, which this connection does not allow",
    ),
    (
        "https://a.test",
        OAUTH2,
        "1.1.1.1",
        &["https://b.test/"],
        "source.status: POST https://auth.test/token: 302 Found",
    ),
    ("https://a.test", OAUTH2, "1.1.1.1", &["/other"], "source.status: POST https://auth.test/token: 302 Found"),
    (
        "https://a.test",
        "type: oauth2, client_id: me, client_secret: the-secret, token_url: 'http://auth.test/token'",
        "1.1.1.1",
        &[],
        "config.invalid: source.auth.token_url: credentials are sent over TLS only, and http://auth.test is without it",
    ),
    (
        "https://a.test",
        "type: oauth2, client_id: me, token_url: 'https://127.0.0.1/token'",
        "1.1.1.1",
        &[],
        "grant.refused: source.auth.token_url: 127.0.0.1 is a loopback address, which this connection does not allow",
    ),
    (
        "https://a.test",
        "type: oauth2, client_id: me, token_url: 'https://0x7f.1/token'",
        "1.1.1.1",
        &[],
        "grant.refused: source.auth.token_url: 127.0.0.1 is a loopback address, which this connection does not allow",
    ),
    (
        "https://a.test",
        "type: oauth2, client_id: me, token_url: 'https://169.254.169.254/token'",
        "1.1.1.1",
        &[],
        "grant.refused: source.auth.token_url: 169.254.169.254 is a cloud's metadata address, which this connection does not allow",
    ),
    (
        "https://a.test",
        "type: oauth2, client_id: me, token_url: 'https://me@auth.test/token'",
        "1.1.1.1",
        &[],
        "config.invalid: `source.auth.token_url` must not have a user name or a password in it",
    ),
    (
        "https://a.test",
        "type: oauth2, client_id: me, token_url: 'file:///token'",
        "1.1.1.1",
        &[],
        "config.invalid: `source.auth.token_url` must be an address that begins with `https://` or `http://`",
    ),
    ("https://a.test", SESSION, "1.1.1.1", &[], "GET https://a.test/ at 93.184.215.14 Authorization=issued"),
    ("https://a.test", SESSION, "1.1.1.1", &["https://b.test/"], "source.status: POST /login: 302 Found"),
    (
        "https://a.test",
        "type: session, login_body: {}, token_pointer: /token, login_path: '//b.test/login'",
        "1.1.1.1",
        &[],
        "plugin.request: source.auth.login_path: the path \"//b.test/login\" begins with `//`, which would name a host",
    ),
    (
        "https://a.test",
        "type: session, login_body: {}, token_pointer: /token, login_path: '/../login'",
        "1.1.1.1",
        &[],
        "grant.refused: source.auth.login_path: the path \"/../login\" contains `.` or `..`, which could leave the base URL",
    ),
    (
        "http://a.test",
        SESSION,
        "1.1.1.1",
        &[],
        "config.invalid: source.base_url: credentials are sent over TLS only, and http://a.test is without it",
    ),
];

const OAUTH2: &str = "type: oauth2, client_id: me, client_secret: the-secret, token_url: 'https://auth.test/token'";
const SESSION: &str = "type: session, login_path: /login, login_body: {user: me}, token_pointer: /token";
const SIGNED: &str = "GET https://a.test/ at 93.184.215.14 authorization=Bearer issued";

#[test]
fn logins_pass_the_same_gate() {
    compare(
        "logins",
        TABLE.iter().map(|(base, auth, address, redirects, expected)| {
            let source = format!("{{base_url: '{base}', auth: {{{auth}}}}}");
            let names: &[(&str, &[&[&str]])] = &[("auth.test", &[&[*address]])];
            let found = outcome(&Attempt { source: &source, request: get("/"), redirects, names });
            (format!("{source} {redirects:?}"), found, (*expected).to_owned())
        }),
    );
}

#[test]
fn a_strategy_may_not_use_what_is_granted_to_the_host() {
    let oauth2 = format!("{{base_url: 'https://auth.test', auth: {{{OAUTH2}}}}}");
    let session = format!("{{base_url: 'https://a.test', auth: {{{SESSION}}}}}");
    for (source, path) in [(oauth2, "/token"), (session, "/login")] {
        let request = Request { method: "POST".to_owned(), ..get(path) };
        let found = outcome(&Attempt { source: &source, request, ..Attempt::default() });
        assert_eq!(found, "grant.refused: the method POST is not allowed", "{source}");
    }
}
