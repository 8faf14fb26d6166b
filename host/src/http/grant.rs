//! May this request be sent? The path becomes an absolute URL below the base URL, or the request is refused.
//!
//! Pure: from settings and words to words. Names are resolved, and their addresses checked, by the transport.

use url::Url;

use super::{Request, WireRequest, address};
use crate::config::{self, Auth, KeyPlace};
use crate::error::{Error, Origin, Result};

/// Headers that the host owns; `proxy-` and whatever begins with it, too.
const OWNED_HEADERS: [&str; 11] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
];

/// What a connection allows its requests.
#[derive(Debug)]
pub(super) struct Grant {
    base: Url,
    methods: Vec<String>,
    hosts: Vec<String>,
    private_addresses: bool,
    /// The header that carries the credentials, in lower case.
    credential_header: Option<String>,
    /// The query parameter that carries them.
    credential_parameter: Option<String>,
}

/// Where a redirect leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Redirect {
    /// The new URL.
    pub(super) url: Url,
    /// Whether it is of the origin that the credentials are for.
    pub(super) same_origin: bool,
}

impl Grant {
    pub(super) fn new(settings: &config::Source) -> Grant {
        let (credential_header, credential_parameter) = match &settings.auth {
            Auth::ApiKey { place: KeyPlace::Header, name, .. } => (Some(name.to_ascii_lowercase()), None),
            Auth::ApiKey { place: KeyPlace::Query, name, .. } => (None, Some(name.clone())),
            Auth::Session { header, .. } => (Some(header.to_ascii_lowercase()), None),
            _ => (None, None),
        };
        Grant {
            base: settings.base_url.clone(),
            methods: settings.allowed_methods.clone(),
            hosts: settings.allowed_hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            private_addresses: settings.allow_private_addresses,
            credential_header,
            credential_parameter,
        }
    }

    /// The request as it goes onto the wire, still without credentials.
    pub(super) fn request(&self, request: &Request) -> Result<WireRequest> {
        self.method(&request.method)?;
        let mut url = self.below(&request.path)?;
        for (name, _) in &request.query {
            if self.credential_parameter.as_ref() == Some(name) {
                return Err(refused(format!("the query parameter `{name}` carries the credentials; the host adds it")));
            }
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        for (name, value) in &request.headers {
            self.header(name, value)?;
        }
        self.destination(&url)?;
        let (method, headers, body) = (request.method.clone(), request.headers.clone(), request.body.clone());
        Ok(WireRequest { method, url, headers, body })
    }

    /// The URL of a path below the base URL.
    pub(super) fn below(&self, path: &str) -> Result<Url> {
        let malformed = |why: &str| Err(Error::plugin("plugin.request", format!("the path {path:?} {why}")));
        if !path.starts_with('/') {
            return malformed("does not begin with `/`");
        }
        if path.starts_with("//") {
            return malformed("begins with `//`, which would name a host");
        }
        if path.contains(['?', '#']) {
            return malformed("contains `?` or `#`; query parameters are given apart from it");
        }
        if path.contains(|c: char| c == '\\' || c.is_control()) {
            return malformed("contains a backslash or a control character");
        }
        if path.split('/').any(is_dot_segment) {
            return Err(refused(format!("the path {path:?} contains `.` or `..`, which could leave the base URL")));
        }
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        Ok(url)
    }

    /// Whether a request may go to this URL, as far as the URL tells.
    pub(super) fn destination(&self, url: &Url) -> Result<()> {
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
            return Err(refused(format!("{} is no plain http or https URL", origin(url))));
        }
        if !self.is_allowed(url) {
            let (host, base) = (host(url), host(&self.base));
            return Err(refused(format!("requests to {host} are not allowed: the source is {base}"))
                .help(format!("add `{host}` to source.allowed_hosts")));
        }
        match address::literal(url) {
            Some(address) if !self.private_addresses => check_address(host(url), address),
            _ => Ok(()),
        }
    }

    /// Where the answer of `from` sends the host on to.
    pub(super) fn redirect(&self, from: &Url, location: &str) -> Result<Redirect> {
        let Ok(url) = from.join(location) else {
            let message = format!("{} redirects to something that is no URL", origin(from));
            return Err(Error::new(Origin::Source, "grant.refused", message));
        };
        let same_origin = url.origin() == self.base.origin();
        if !same_origin && !self.hosts.iter().any(|allowed| allowed == host(&url)) {
            let (from, to) = (origin(from), origin(&url));
            let message = format!("{from} redirects to {to}, which is not allowed");
            let remedy = match host(&url) == host(&self.base) {
                true => format!("set source.base_url to {to}…, if you trust it"),
                false => format!("if you trust it, add `{}` to source.allowed_hosts", host(&url)),
            };
            return Err(Error::new(Origin::Source, "grant.refused", message).help(remedy));
        }
        self.destination(&url)?;
        Ok(Redirect { url, same_origin })
    }

    fn method(&self, method: &str) -> Result<()> {
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(Error::plugin("plugin.request", format!("{method:?} is no HTTP method")));
        }
        if !self.methods.iter().any(|allowed| allowed == method) {
            return Err(refused(format!("the method {method} is not allowed"))
                .help(format!("add {method} to source.allowed_methods")));
        }
        Ok(())
    }

    fn header(&self, name: &str, value: &str) -> Result<()> {
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(Error::plugin("plugin.request", format!("{name:?} is no header name")));
        }
        if value.contains(|c: char| c.is_control() && c != '\t') {
            let message = format!("the value of the header `{name}` contains a control character");
            return Err(Error::plugin("plugin.request", message));
        }
        let lower = name.to_ascii_lowercase();
        if OWNED_HEADERS.contains(&&*lower) || lower.starts_with("proxy-") {
            return Err(refused(format!("the header `{name}` is the host's")));
        }
        if self.credential_header.as_ref() == Some(&lower) {
            return Err(refused(format!("the header `{name}` carries the credentials; the host adds it")));
        }
        Ok(())
    }

    fn is_allowed(&self, url: &Url) -> bool {
        host(url) == host(&self.base) || self.hosts.iter().any(|allowed| allowed == host(url))
    }
}

/// Refuses a special address; `name` is what led to it.
pub(super) fn check_address(name: &str, found: std::net::IpAddr) -> Result<()> {
    let Some(kind) = address::special(found) else { return Ok(()) };
    let address = found.to_string();
    let message = match name.trim_matches(['[', ']']) == address {
        true => format!("{address} is {kind}, which this connection does not allow"),
        false => format!("{name} is at {address}, {kind}, which this connection does not allow"),
    };
    Err(Error::new(Origin::Configuration, "grant.refused", message)
        .help("if you trust it, set `source.allow_private_addresses: true`"))
}

/// `https://api.example.com`: all of a URL that may stand in a message.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

fn refused(message: String) -> Error {
    Error::plugin("grant.refused", message)
}

/// `.` and `..`, which URLs resolve, in any spelling.
fn is_dot_segment(segment: &str) -> bool {
    let plain = segment.replace("%2e", ".").replace("%2E", ".");
    plain == "." || plain == ".."
}

/// A character of a header's name (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(base: &str) -> Grant {
        let mut settings = config::Source::new(base.parse().expect("a URL"));
        settings.allowed_methods.push("POST".to_owned());
        settings.allowed_hosts.push("Files.example.com".to_owned());
        settings.auth = Auth::ApiKey {
            place: KeyPlace::Header,
            name: "X-Key".to_owned(),
            prefix: String::new(),
            key: "secret".into(),
        };
        Grant::new(&settings)
    }

    fn get(path: &str) -> Request {
        Request { method: "GET".to_owned(), path: path.to_owned(), ..Request::default() }
    }

    fn check(base: &str, request: &Request, expected: &str) {
        let granted = match grant(base).request(request) {
            Ok(granted) => granted.url.to_string(),
            Err(error) => format!("{}: {}", error.code(), error.message()),
        };
        assert_eq!(granted, expected, "{base} {request:?}");
    }

    #[test]
    fn paths_stay_below_the_base_url() {
        let cases = [
            ("https://a.test", "/users", "https://a.test/users"),
            ("https://a.test/", "/", "https://a.test/"),
            ("https://a.test/v1", "/users", "https://a.test/v1/users"),
            ("https://a.test/v1/", "/users", "https://a.test/v1/users"),
            ("https://a.test/v1", "/a b/ü/%2F", "https://a.test/v1/a%20b/%C3%BC/%2F"),
            ("https://a.test", "/@evil.test", "https://a.test/@evil.test"),
            ("https://a.test", "users", "plugin.request: the path \"users\" does not begin with `/`"),
            ("https://a.test", "", "plugin.request: the path \"\" does not begin with `/`"),
            (
                "https://a.test",
                "//evil.test/",
                "plugin.request: the path \"//evil.test/\" begins with `//`, which would name a host",
            ),
            (
                "https://a.test",
                "/a\r\nHost: b",
                "plugin.request: the path \"/a\\r\\nHost: b\" contains a backslash or a control character",
            ),
            (
                "https://a.test",
                "/\\evil.test",
                "plugin.request: the path \"/\\\\evil.test\" contains a backslash or a control character",
            ),
            (
                "https://a.test/v1",
                "/x/../../admin",
                "grant.refused: the path \"/x/../../admin\" contains `.` or `..`, which could leave the base URL",
            ),
            (
                "https://a.test/v1",
                "/%2e%2E/admin",
                "grant.refused: the path \"/%2e%2E/admin\" contains `.` or `..`, which could leave the base URL",
            ),
            (
                "https://a.test",
                "/a?b=c",
                "plugin.request: the path \"/a?b=c\" contains `?` or `#`; query parameters are given apart from it",
            ),
            (
                "http://127.0.0.1:9",
                "/",
                "grant.refused: 127.0.0.1 is a loopback address, which this connection does not allow",
            ),
            ("http://[::1]:9", "/", "grant.refused: ::1 is a loopback address, which this connection does not allow"),
        ];
        for (base, path, expected) in cases {
            check(base, &get(path), expected);
        }
    }

    #[test]
    fn queries_are_encoded_in_order() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let query = vec![pair("b", "1 + 1&x=y"), pair("a", "2024-01-01T00:00:00+02:00"), pair("b", "ü")];
        let request = Request { query, ..get("/users") };
        let expected = "https://a.test/users?b=1+%2B+1%26x%3Dy&a=2024-01-01T00%3A00%3A00%2B02%3A00&b=%C3%BC";
        check("https://a.test", &request, expected);
    }

    #[test]
    fn methods_are_those_that_the_connection_allows() {
        let cases = [
            ("POST", "https://a.test/"),
            ("DELETE", "grant.refused: the method DELETE is not allowed"),
            ("get", "plugin.request: \"get\" is no HTTP method"),
            ("", "plugin.request: \"\" is no HTTP method"),
        ];
        for (method, expected) in cases {
            check("https://a.test", &Request { method: method.to_owned(), ..get("/") }, expected);
        }
    }

    #[test]
    fn headers_of_the_host_are_refused() {
        let cases = [
            ("Accept", "text/csv", "https://a.test/"),
            ("Host", "b", "grant.refused: the header `Host` is the host's"),
            ("AUTHORIZATION", "b", "grant.refused: the header `AUTHORIZATION` is the host's"),
            ("cookie", "b", "grant.refused: the header `cookie` is the host's"),
            ("Proxy-Authorization", "b", "grant.refused: the header `Proxy-Authorization` is the host's"),
            ("Transfer-Encoding", "b", "grant.refused: the header `Transfer-Encoding` is the host's"),
            ("x-key", "b", "grant.refused: the header `x-key` carries the credentials; the host adds it"),
            ("a b", "b", "plugin.request: \"a b\" is no header name"),
            ("", "b", "plugin.request: \"\" is no header name"),
            ("a", "b\nc", "plugin.request: the value of the header `a` contains a control character"),
        ];
        for (name, value, expected) in cases {
            check(
                "https://a.test",
                &Request { headers: vec![(name.to_owned(), value.to_owned())], ..get("/") },
                expected,
            );
        }
    }

    #[test]
    fn redirects_stay_at_the_origin_or_lose_the_credentials() {
        let cases = [
            ("/other", Ok(("https://a.test/other", true))),
            ("https://files.example.com/x", Ok(("https://files.example.com/x", false))),
            ("//evil.test/x", Err("https://a.test redirects to https://evil.test, which is not allowed")),
            ("http://a.test/x", Err("https://a.test redirects to http://a.test, which is not allowed")),
            ("https://a.test:8443/", Err("https://a.test redirects to https://a.test:8443, which is not allowed")),
            ("file:///etc/passwd", Err("https://a.test redirects to null, which is not allowed")),
            ("http://[", Err("https://a.test redirects to something that is no URL")),
        ];
        let from = "https://a.test/v1/users".parse().expect("a URL");
        for (location, expected) in cases {
            let found = grant("https://a.test/v1").redirect(&from, location);
            let found = found.as_ref().map(|to| (to.url.as_str(), to.same_origin)).map_err(Error::message);
            assert_eq!(found, expected, "{location}");
        }
    }
}
