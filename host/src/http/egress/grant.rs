//! A grant: scheme, host, port, path prefix and methods that requests are allowed.

use url::Url;

use super::canonical::canonical;
use super::path;

/// What requests may ask for.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    /// Scheme, host and port, and the path that all others begin with.
    url: Url,
    methods: Vec<String>,
}

/// How far a grant goes towards a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// It is for another scheme, host or port.
    None,
    /// It is for another path or other methods there.
    Origin,
    /// It allows the request.
    Granted,
}

impl Grant {
    pub(super) fn new(url: Url, methods: &[String]) -> Grant {
        Grant { url: canonical(url), methods: methods.to_vec() }
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// The URL of a path below that of the grant.
    pub(super) fn below(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", self.prefix()));
        url
    }

    pub(super) fn fit(&self, method: &str, url: &Url) -> Fit {
        if url.origin() != self.url.origin() {
            return Fit::None;
        }
        let beyond = url.path().strip_prefix(self.prefix());
        let is_below = beyond.is_some_and(|beyond| beyond.is_empty() || beyond.starts_with('/'));
        let is_allowed = self.methods.iter().any(|allowed| allowed == method);
        match is_below && is_allowed && path::flaw(url.path()).is_none() {
            true => Fit::Granted,
            false => Fit::Origin,
        }
    }

    fn prefix(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }
}
