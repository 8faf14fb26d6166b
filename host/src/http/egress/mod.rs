//! The gate that every request of a connection passes: may it be sent, and to which address?
//!
//! One parser → canonical URL (`canonical`) → [`grant`] (scheme, host, port, path, method) → look-up (`names`) → every
//! address checked (`reach`, by the tables of `address`) → sent to the address that was checked → again at each
//! redirect. Only this folder makes a [`Cleared`] request, and only such a one is sent.
//!
//! Pure but for `names`. It knows where credentials may go, and must not look at them.

mod address;
mod canonical;
mod grant;
mod header;
mod names;
mod path;
mod reach;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use url::Url;

use super::credentials::Signature;
use super::{Request, WireRequest};
use crate::config::{self, Auth, KeyPlace};
use crate::error::{Error, Origin, Result};

use canonical::{canonical, host, is_http, is_unprotected};
use grant::{Fit, Grant};
use reach::Reach;

pub(super) use canonical::origin;
pub use names::Names;
pub(super) use names::{Lookup, SystemNames, Unreached};

/// What a connection allows its requests.
#[derive(Debug)]
pub(super) struct Egress {
    base: Grant,
    /// Where redirects may lead besides.
    further: Vec<Grant>,
    /// Where credentials are asked for, by POST and by the host only.
    login: Option<Url>,
    reach: Reach,
    /// The header that carries the credentials, in lower case.
    credential_header: Option<String>,
    /// The query parameter that carries them.
    credential_parameter: Option<String>,
}

/// A request that may be sent as it stands.
#[derive(Clone)]
pub(super) struct Cleared {
    wire: WireRequest,
    reader: Reader,
    /// Whether it goes to the origin that the credentials are for, and never left it.
    takes_credentials: bool,
}

/// Who reads the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// A strategy, which must not learn credentials.
    Strategy,
    /// The host, which asks for them.
    Host,
}

impl Cleared {
    pub(super) fn wire(&self) -> &WireRequest {
        &self.wire
    }

    pub(super) fn reader(&self) -> Reader {
        self.reader
    }

    /// The request with credentials, where it may carry them.
    pub(super) fn signed(&self, signature: &Signature) -> WireRequest {
        match self.takes_credentials {
            true => WireRequest { signature: signature.clone(), ..self.wire.clone() },
            false => self.wire.clone(),
        }
    }
}

impl Egress {
    pub(super) fn new(settings: &config::Source) -> Result<Egress> {
        let (credential_header, credential_parameter) = match &settings.auth {
            Auth::ApiKey { place: KeyPlace::Header, name, .. } => (Some(name.to_ascii_lowercase()), None),
            Auth::ApiKey { place: KeyPlace::Query, name, .. } => (None, Some(name.clone())),
            Auth::Session { header, .. } => (Some(header.to_ascii_lowercase()), None),
            _ => (None, None),
        };
        let mut egress = Egress {
            base: Grant::new(settings.base_url.clone(), &settings.allowed_methods),
            further: settings.allowed_hosts.iter().map(|host| Grant::new(host.url.clone(), &host.methods)).collect(),
            login: None,
            reach: Reach::new(settings),
            credential_header,
            credential_parameter,
        };
        if let Some(flaw) = path::flaw(egress.base.url().path()) {
            return Err(Error::configuration(format!("source.base_url: its path contains {flaw}")));
        }
        egress.login = egress.login_of(&settings.auth)?;
        if !matches!(settings.auth, Auth::None) {
            egress.protects(egress.base.url()).map_err(|error| misconfigured("source.base_url", &error))?;
        }
        Ok(egress)
    }

    /// A strategy's request.
    pub(super) fn request(&self, request: &Request) -> Result<Cleared> {
        let method = &request.method;
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(Error::plugin("plugin.request", format!("{method:?} is no HTTP method")));
        }
        path::check(&request.path)?;
        let mut url = self.base.below(&request.path);
        match self.base.fit(method, &url) {
            Fit::Granted => {}
            _ => {
                return Err(refused(format!("the method {method} is not allowed"))
                    .help(format!("add {method} to source.allowed_methods")));
            }
        }
        request.query.iter().try_for_each(|(name, value)| self.parameter(name, value))?;
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let reserved = self.credential_header.as_deref();
        request.headers.iter().try_for_each(|(name, value)| header::check(name, value, reserved))?;
        let wire = WireRequest {
            headers: request.headers.clone(),
            body: request.body.clone(),
            ..WireRequest::new(method, url)
        };
        self.clear(Cleared { wire, reader: Reader::Strategy, takes_credentials: true })
    }

    /// The host's own question whether the source is there.
    pub(super) fn probe(&self) -> Result<Cleared> {
        let wire = WireRequest::new("GET", self.base.url().clone());
        self.clear(Cleared { wire, reader: Reader::Host, takes_credentials: false })
    }

    /// The host's own request for credentials, for which it may show others.
    pub(super) fn login(&self, headers: &[(&str, &str)], body: Bytes) -> Result<Cleared> {
        let Some(url) = &self.login else { return Err(Error::host("there is nothing to log in to")) };
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let wire = WireRequest { headers, body: Some(body), ..WireRequest::new("POST", url.clone()) };
        self.clear(Cleared { wire, reader: Reader::Host, takes_credentials: true })
    }

    /// Where the answer to a request sends the host on to.
    pub(super) fn redirect(&self, mut from: Cleared, location: &str) -> Result<Cleared> {
        let here = &from.wire.url;
        let Ok(url) = here.join(location).map(canonical) else {
            let message = format!("{} redirects to something that is no URL", origin(here));
            return Err(Error::new(Origin::Source, "grant.refused", message));
        };
        self.redirects_to(&from.wire.method, here, &url)?;
        if url.origin() != self.base.url().origin() {
            from.takes_credentials = false;
            from.wire.headers.retain(|(name, _)| name.eq_ignore_ascii_case("accept"));
            from.wire.body = None;
        }
        from.wire.url = url;
        self.clear(from)
    }

    /// The last check of all, which every request passes.
    fn clear(&self, request: Cleared) -> Result<Cleared> {
        let url = &request.wire.url;
        if !is_http(url) {
            return Err(refused(format!("{} is no plain http or https URL", origin(url))));
        }
        self.reach.literal(url)?;
        Ok(request)
    }

    fn parameter(&self, name: &str, value: &str) -> Result<()> {
        if [name, value].iter().any(|text| text.contains(['\r', '\n', '\0'])) {
            let message = format!("the query parameter {name:?} contains a line break or a null");
            return Err(Error::plugin("plugin.request", message));
        }
        match &self.credential_parameter {
            Some(reserved) if reserved.eq_ignore_ascii_case(name) => {
                let message = format!("the query parameter `{name}` carries the credentials; the host adds it");
                Err(refused(message))
            }
            _ => Ok(()),
        }
    }

    fn redirects_to(&self, method: &str, from: &Url, to: &Url) -> Result<()> {
        let (here, there) = (origin(from), origin(to));
        let refused = |why: String, help: String| {
            let message = format!("{here} redirects to {there}, {why}");
            Err(Error::new(Origin::Source, "grant.refused", message).help(help))
        };
        let stranger = "which is not allowed".to_owned();
        if !is_unprotected(from) && is_unprotected(to) {
            return refused(stranger, "a redirect is never followed from `https://` to `http://`".to_owned());
        }
        let grants = std::iter::once(&self.base).chain(&self.further);
        match grants.map(|grant| grant.fit(method, to)).max() {
            Some(Fit::Granted) => Ok(()),
            Some(Fit::Origin) => refused(
                format!("where {method} is not allowed on this path"),
                format!("if you trust it, add `url: {there}/…` and `methods: [{method}]` to source.allowed_hosts"),
            ),
            _ if host(to) == host(self.base.url()) => {
                refused(stranger, format!("set source.base_url to {there}…, if you trust it"))
            }
            _ => refused(stranger, format!("if you trust it, add `{}` to source.allowed_hosts", entry(to))),
        }
    }

    /// Where credentials are asked for.
    fn login_of(&self, auth: &Auth) -> Result<Option<Url>> {
        match auth {
            Auth::OAuth2 { token_url, .. } => {
                let url = canonical(token_url.clone());
                let checked = self.reach.literal(&url).and_then(|()| self.protects(&url));
                checked.map(|()| Some(url)).map_err(|error| misconfigured("source.auth.token_url", &error))
            }
            Auth::Session { login_path, .. } => match path::check(login_path) {
                Ok(()) => Ok(Some(self.base.below(login_path))),
                Err(error) => Err(misconfigured("source.auth.login_path", &error)),
            },
            _ => Ok(None),
        }
    }

    /// Credentials go over TLS, or, if whoever runs this says so, to private addresses.
    fn protects(&self, url: &Url) -> Result<()> {
        if !is_unprotected(url) || self.reach.is_private(host(url)) {
            return Ok(());
        }
        Err(Error::configuration(format!("credentials are sent over TLS only, and {} is without it", origin(url)))
            .help(
                "use `https://`; for a source on this machine or in a private network, set \
             `source.allow_private_addresses: true`",
            ))
    }
}

/// The user's own setting asks for what the user's other settings do not allow.
fn misconfigured(place: &str, error: &Error) -> Error {
    let found = Error::new(Origin::Configuration, error.code(), error.message()).at(place);
    match error.remedy() {
        Some(remedy) => found.help(remedy),
        None => found,
    }
}

fn refused(message: String) -> Error {
    Error::plugin("grant.refused", message)
}

/// How a user writes that requests may go to the origin of this URL.
fn entry(url: &Url) -> String {
    match (url.scheme(), url.port()) {
        ("https", None) => host(url).to_owned(),
        _ => origin(url),
    }
}
