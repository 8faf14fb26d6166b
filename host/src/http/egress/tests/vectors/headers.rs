//! Headers of a strategy, next to one that carries a key.

use crate::http::Request;
use crate::http::egress::tests::{Attempt, compare, get, outcome};

const SOURCE: &str = "{base_url: 'https://a.test', auth: {type: api_key, in: header, name: X-Api-Key, key: the-key}}";

const SENT: &str = "";
const OWNED: &str = "grant.refused: the header `NAME` is the host's";
const KEY: &str = "grant.refused: the header `NAME` carries the credentials; the host adds it";
const PART: &str = "grant.refused: the header `NAME` asks for some bytes, which could be a part of a credential";
const NO_NAME: &str = "plugin.request: NAME? is no header name";
const CONTROL: &str = "plugin.request: the value of the header `NAME` contains a control character";

/// Name, value, and what comes of it.
pub(super) const TABLE: &[(&str, &str, &str)] = &[
    ("Accept", "text/csv", SENT),
    ("Content-Type", "application/json", SENT),
    ("If-None-Match", "\"a\"", SENT),
    ("X-Page", "a\tb", SENT),
    ("X-Page", "ü", SENT),
    ("X-Page", "", SENT),
    ("Prefer", "return=minimal", SENT),
    ("Host", "b.test", OWNED),
    ("host", "b.test", OWNED),
    ("HOST", "b.test", OWNED),
    ("Authorization", "Basic eA==", OWNED),
    ("AUTHORIZATION", "b", OWNED),
    ("Cookie", "a=b", OWNED),
    ("Cookie2", "a=b", OWNED),
    ("Set-Cookie", "a=b", OWNED),
    ("Proxy-Authorization", "b", OWNED),
    ("proxy-connection", "b", OWNED),
    ("Proxy-", "b", OWNED),
    ("Content-Length", "0", OWNED),
    ("content-length", "5, 5", OWNED),
    ("Content_Length", "0", OWNED),
    ("Transfer-Encoding", "chunked", OWNED),
    ("transfer_encoding", "chunked", OWNED),
    ("Connection", "close, Host", OWNED),
    ("Keep-Alive", "timeout=5", OWNED),
    ("TE", "trailers", OWNED),
    ("Trailer", "Expires", OWNED),
    ("Upgrade", "h2c", OWNED),
    ("HTTP2-Settings", "AAM", OWNED),
    ("Expect", "100-continue", OWNED),
    ("Forwarded", "for=127.0.0.1", OWNED),
    ("X-Forwarded-For", "127.0.0.1", OWNED),
    ("X-Forwarded-Host", "b.test", OWNED),
    ("X_Forwarded_Host", "b.test", OWNED),
    ("X-Real-IP", "127.0.0.1", OWNED),
    ("X-Host", "b.test", OWNED),
    ("X-HTTP-Method-Override", "DELETE", OWNED),
    ("X-HTTP-Method", "DELETE", OWNED),
    ("X-Method-Override", "DELETE", OWNED),
    ("X-Original-URL", "/admin", OWNED),
    ("X-Rewrite-URL", "/admin", OWNED),
    ("X-Original-Host", "b.test", OWNED),
    ("Proxy", "http://b.test", OWNED),
    ("Accept-Encoding", "x-gzip", OWNED),
    ("Accept-Charset", "utf-16", OWNED),
    ("Range", "items=0-24", SENT),
    ("Range", "0-24", SENT),
    ("Range", "bytes=0-9", PART),
    ("range", " \tBytes = 0-9", PART),
    ("X-Api-Key", "mine", KEY),
    ("x-api-key", "mine", KEY),
    ("X_API_KEY", "mine", KEY),
    ("", "b", NO_NAME),
    ("a b", "b", NO_NAME),
    ("Host ", "b.test", NO_NAME),
    (" Host", "b.test", NO_NAME),
    ("Host:", "b.test", NO_NAME),
    ("a:b", "c", NO_NAME),
    ("a\r\nHost", "b.test", NO_NAME),
    ("a\0", "b", NO_NAME),
    ("ａuthorization", "b", NO_NAME),
    (":authority", "b.test", NO_NAME),
    ("X-Page", "b\r\nHost: b.test", CONTROL),
    ("X-Page", "b\nc", CONTROL),
    ("X-Page", "b\rc", CONTROL),
    ("X-Page", "b\0c", CONTROL),
    ("X-Page", "b\u{7f}", CONTROL),
    ("X-Page", "b\r\n\r\nGET /admin HTTP/1.1\r\nHost: b.test", CONTROL),
];

#[test]
fn headers_of_the_host_are_refused() {
    let tried = TABLE.iter().map(|(name, value, expected)| {
        let request = Request { headers: vec![((*name).to_owned(), (*value).to_owned())], ..get("/users") };
        let found = outcome(&Attempt { source: SOURCE, request, ..Attempt::default() });
        let expected = match *expected {
            SENT => format!("GET https://a.test/users at 93.184.215.14 {name}={value} X-Api-Key=the-key"),
            refusal => refusal.replace("NAME?", &format!("{name:?}")).replace("NAME", name),
        };
        (format!("{name:?} {value:?}"), found, expected)
    });
    compare("headers", tried);
}
