//! Headers that a strategy may set.

use crate::error::{Error, Result};

/// Headers that the host owns: credentials, where a request goes, how it is framed, what would change either behind the
/// host's back, and in which form the body comes in which the host looks for credentials.
const OWNED: [&str; 28] = [
    "accept-charset",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "cookie2",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy",
    "set-cookie",
    "set-cookie2",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
];
/// Whole families of them.
const OWNED_PREFIXES: [&str; 2] = ["proxy-", "x-forwarded-"];

/// Checks a header that a strategy gave. `reserved` is the one that carries the credentials, in lower case.
pub(super) fn check(name: &str, value: &str, reserved: Option<&str>) -> Result<()> {
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(Error::plugin("plugin.request", format!("{name:?} is no header name")));
    }
    if value.contains(|c: char| c.is_control() && c != '\t') {
        let message = format!("the value of the header `{name}` contains a control character");
        return Err(Error::plugin("plugin.request", message));
    }
    // Gateways to programs make one of `a-b` and `a_b`.
    let known = name.to_ascii_lowercase().replace('_', "-");
    if OWNED.contains(&&*known) || OWNED_PREFIXES.iter().any(|prefix| known.starts_with(prefix)) {
        return Err(Error::plugin("grant.refused", format!("the header `{name}` is the host's")));
    }
    if known == "range" && value.trim_start().get(..5).is_some_and(|unit| unit.eq_ignore_ascii_case("bytes")) {
        let message = format!("the header `{name}` asks for some bytes, which could be a part of a credential");
        return Err(Error::plugin("grant.refused", message));
    }
    if reserved.is_some_and(|reserved| reserved.replace('_', "-") == known) {
        let message = format!("the header `{name}` carries the credentials; the host adds it");
        return Err(Error::plugin("grant.refused", message));
    }
    Ok(())
}

/// A character of a header's name (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
