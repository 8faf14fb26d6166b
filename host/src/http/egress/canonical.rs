//! One spelling for each URL, so that what is checked is what is connected to.
//!
//! The parser is that of the `url` crate (WHATWG) and no other: it brings names to their ASCII form and addresses of
//! any notation to the usual one.

use url::Url;

/// The URL without what makes no difference to where it leads: the dot that ends a full name, and a fragment.
pub(super) fn canonical(mut url: Url) -> Url {
    url.set_fragment(None);
    let name = url.domain().and_then(|name| name.strip_suffix('.')).map(str::to_owned);
    if let Some(name) = name {
        // What it refuses stays as it was, and no name service knows it.
        let _ = url.set_host(Some(&name));
    }
    url
}

/// `https://api.example.com`: all of a URL that may stand in a message.
pub(in crate::http) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

pub(super) fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

/// Whether what is sent there can be read on the way.
pub(super) fn is_unprotected(url: &Url) -> bool {
    url.scheme() != "https"
}

/// Whether it is `http` or `https`, with a host and without a user name.
pub(super) fn is_http(url: &Url) -> bool {
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    matches!(url.scheme(), "http" | "https") && is_anonymous && !host(url).is_empty()
}
