//! What a connection file grants: methods, private addresses, and credentials without TLS.

use crate::http::Request;
use crate::http::egress::tests::{Attempt, compare, get, outcome};

const BEARER: &str = "auth: {type: bearer, token: the-token}";

/// The source, the method, what any name is at, and what comes of it. `BEARER` stands for credentials.
pub(super) const TABLE: &[(&str, &str, &str, &str)] = &[
    // Methods.
    ("base_url: 'https://a.test'", "GET", "1.1.1.1", "GET https://a.test/ at 1.1.1.1"),
    ("base_url: 'https://a.test'", "POST", "1.1.1.1", "grant.refused: the method POST is not allowed"),
    ("base_url: 'https://a.test'", "HEAD", "1.1.1.1", "grant.refused: the method HEAD is not allowed"),
    ("base_url: 'https://a.test'", "CONNECT", "1.1.1.1", "grant.refused: the method CONNECT is not allowed"),
    ("base_url: 'https://a.test'", "get", "1.1.1.1", "plugin.request: \"get\" is no HTTP method"),
    ("base_url: 'https://a.test'", "", "1.1.1.1", "plugin.request: \"\" is no HTTP method"),
    (
        "base_url: 'https://a.test'",
        "GET /admin HTTP/1.1\r\nX:",
        "1.1.1.1",
        "plugin.request: \"GET /admin HTTP/1.1\\r\\nX:\" is no HTTP method",
    ),
    ("base_url: 'https://a.test', allowed_methods: [POST]", "POST", "1.1.1.1", "POST https://a.test/ at 1.1.1.1"),
    (
        "base_url: 'https://a.test', allowed_methods: [POST]",
        "GET",
        "1.1.1.1",
        "grant.refused: the method GET is not allowed",
    ),
    // Private addresses, for the host of the base URL only.
    ("base_url: 'http://127.0.0.1:9', allow_private_addresses: true", "GET", "1.1.1.1", "GET http://127.0.0.1:9/"),
    ("base_url: 'http://2130706433', allow_private_addresses: true", "GET", "1.1.1.1", "GET http://127.0.0.1/"),
    ("base_url: 'http://[::1]:9', allow_private_addresses: true", "GET", "1.1.1.1", "GET http://[::1]:9/"),
    (
        "base_url: 'http://localhost:9', allow_private_addresses: true",
        "GET",
        "127.0.0.1",
        "GET http://localhost:9/ at 127.0.0.1",
    ),
    ("base_url: 'http://localhost.:9', allow_private_addresses: true", "GET", "::1", "GET http://localhost:9/ at ::1"),
    (
        "base_url: 'http://localhost:9'",
        "GET",
        "127.0.0.1",
        "grant.refused: GET /: localhost is at 127.0.0.1, a loopback address, which this connection does not allow",
    ),
    ("base_url: 'http://10.0.0.1', allow_private_addresses: [10.0.0.1]", "GET", "1.1.1.1", "GET http://10.0.0.1/"),
    (
        "base_url: 'http://10.0.0.2', allow_private_addresses: [10.0.0.1]",
        "GET",
        "1.1.1.1",
        "grant.refused: 10.0.0.2 is a private address, which this connection does not allow",
    ),
    (
        "base_url: 'http://api.test', allow_private_addresses: [Api.Test.]",
        "GET",
        "10.0.0.1",
        "GET http://api.test/ at 10.0.0.1",
    ),
    (
        "base_url: 'http://api.test', allow_private_addresses: [b.test]",
        "GET",
        "10.0.0.1",
        "grant.refused: GET /: api.test is at 10.0.0.1, a private address, which this connection does not allow",
    ),
    (
        "base_url: 'http://api.test', allow_private_addresses: [10.0.0.1]",
        "GET",
        "10.0.0.1",
        "grant.refused: GET /: api.test is at 10.0.0.1, a private address, which this connection does not allow",
    ),
    // A cloud's metadata has to be written out.
    (
        "base_url: 'http://169.254.169.254'",
        "GET",
        "1.1.1.1",
        "grant.refused: 169.254.169.254 is a cloud's metadata address, which this connection does not allow",
    ),
    (
        "base_url: 'http://169.254.169.254', allow_private_addresses: true",
        "GET",
        "1.1.1.1",
        "GET http://169.254.169.254/",
    ),
    (
        "base_url: 'http://metadata.google.internal', allow_private_addresses: true",
        "GET",
        "169.254.169.254",
        "grant.refused: GET /: metadata.google.internal is at 169.254.169.254, a cloud's metadata address, which this connection does not allow",
    ),
    // Credentials need TLS, or a private address.
    (
        "base_url: 'https://a.test', BEARER",
        "GET",
        "1.1.1.1",
        "GET https://a.test/ at 1.1.1.1 authorization=Bearer the-token",
    ),
    (
        "base_url: 'http://a.test', BEARER",
        "GET",
        "1.1.1.1",
        "config.invalid: source.base_url: credentials are sent over TLS only, and http://a.test is without it",
    ),
    (
        "base_url: 'http://127.0.0.1:9', BEARER",
        "GET",
        "1.1.1.1",
        "config.invalid: source.base_url: credentials are sent over TLS only, and http://127.0.0.1:9 is without it",
    ),
    (
        "base_url: 'http://127.0.0.1:9', BEARER, allow_private_addresses: true",
        "GET",
        "1.1.1.1",
        "GET http://127.0.0.1:9/ authorization=Bearer the-token",
    ),
    (
        "base_url: 'http://a.test', BEARER, allow_private_addresses: true",
        "GET",
        "10.0.0.1",
        "GET http://a.test/ at 10.0.0.1 authorization=Bearer the-token",
    ),
    (
        "base_url: 'http://a.test', BEARER, allow_private_addresses: true",
        "GET",
        "1.1.1.1",
        "grant.refused: GET /: a.test is at 1.1.1.1, a public address, and no credentials are sent there without TLS",
    ),
    (
        "base_url: 'http://a.test', BEARER, allow_private_addresses: true",
        "GET",
        "64:ff9b::101:101",
        "grant.refused: GET /: a.test is at 64:ff9b::101:101, a public address, and no credentials are sent there without TLS",
    ),
    (
        "base_url: 'http://1.1.1.1', BEARER, allow_private_addresses: true",
        "GET",
        "1.1.1.1",
        "grant.refused: 1.1.1.1 is a public address, and no credentials are sent there without TLS",
    ),
    ("base_url: 'http://a.test'", "GET", "1.1.1.1", "GET http://a.test/ at 1.1.1.1"),
];

#[test]
fn a_connection_file_grants_what_it_says_and_no_more() {
    compare(
        "grants",
        TABLE.iter().map(|(source, method, address, expected)| {
            let text = format!("{{{}}}", source.replace("BEARER", BEARER));
            let request = Request { method: (*method).to_owned(), ..get("/") };
            let answer: &[&[&str]] = &[&[*address]];
            let names = ["a.test", "api.test", "localhost", "metadata.google.internal"].map(|name| (name, answer));
            let found = outcome(&Attempt { source: &text, request, names: &names, ..Attempt::default() });
            (format!("{method} {source} at {address}"), found, (*expected).to_owned())
        }),
    );
}
