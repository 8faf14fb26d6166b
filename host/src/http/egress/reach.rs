//! Which addresses the hosts of a connection may be at.
//!
//! Pure: from hosts and addresses to a decision. Who looks addresses up is `names`.

use std::net::IpAddr;

use url::{Host, Url};

use super::address::Kind;
use super::canonical::{canonical, host, is_unprotected};
use crate::config::{Auth, PrivateAddresses, Source};
use crate::error::{Error, Origin, Result};

/// What a connection allows its hosts.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    /// The host of the base URL.
    base: String,
    /// Hosts that may be at private addresses.
    private: Vec<String>,
    /// Hosts that credentials are sent to without TLS.
    unprotected: Vec<String>,
}

impl Reach {
    pub(super) fn new(settings: &Source) -> Reach {
        let base_url = canonical(settings.base_url.clone());
        let base = host(&base_url).to_owned();
        let private = match &settings.allow_private_addresses {
            PrivateAddresses::Refused => Vec::new(),
            PrivateAddresses::OfBaseUrl => vec![base.clone()],
            PrivateAddresses::Of(hosts) => hosts.clone(),
        };
        let trusted = match &settings.auth {
            Auth::None => Vec::new(),
            Auth::OAuth2 { token_url, .. } => vec![base_url, canonical(token_url.clone())],
            _ => vec![base_url],
        };
        let unprotected = trusted.iter().filter(|url| is_unprotected(url)).map(|url| host(url).to_owned()).collect();
        Reach { base, private, unprotected }
    }

    /// Whether a host may be at private addresses.
    pub(super) fn is_private(&self, host: &str) -> bool {
        self.private.iter().any(|private| private == host)
    }

    /// Whether the address that a URL names literally, if it does, may be connected to.
    pub(super) fn literal(&self, url: &Url) -> Result<()> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.check(host(url), address.into(), true),
            Some(Host::Ipv6(address)) => self.check(host(url), address.into(), true),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }

    /// Whether a name may be at an address.
    pub(super) fn name(&self, name: &str, address: IpAddr) -> Result<()> {
        self.check(name, address, false)
    }

    /// An address that is written literally was meant by whoever allows its host, so it may be an odd one.
    fn check(&self, host: &str, address: IpAddr, is_literal: bool) -> Result<()> {
        let (kind, is_inside, is_meant) = match Kind::of(address) {
            Kind::Public => return self.protected(host, address, is_literal),
            Kind::Disguised(kind) => (kind, false, true),
            Kind::Inside(kind) => (kind, true, true),
            Kind::Odd(kind) => (kind, true, is_literal),
        };
        let refused = || {
            let place = place(host, address, is_literal);
            let message = format!("{place}{kind}, which this connection does not allow");
            Error::new(Origin::Configuration, "grant.refused", message)
        };
        match (self.is_private(host), is_meant) {
            (true, true) if is_inside => Ok(()),
            (true, true) => self.protected(host, address, is_literal),
            (true, false) => Err(refused().help("no name may stand for such an address, whatever is allowed")),
            (false, true) => Err(refused().help(self.remedy(host))),
            (false, false) => Err(refused()),
        }
    }

    fn remedy(&self, host: &str) -> String {
        match host == self.base {
            true => "if you trust it, set `source.allow_private_addresses: true`".to_owned(),
            false => format!("if you trust it, add `{host}` to the list `source.allow_private_addresses`"),
        }
    }

    /// Credentials go over TLS, or stay inside.
    fn protected(&self, host: &str, address: IpAddr, is_literal: bool) -> Result<()> {
        if !self.unprotected.iter().any(|unprotected| unprotected == host) {
            return Ok(());
        }
        let place = place(host, address, is_literal);
        let message = format!("{place}a public address, and no credentials are sent there without TLS");
        Err(Error::new(Origin::Configuration, "grant.refused", message).help("use `https://`"))
    }
}

/// As in `127.0.0.1 is ` and `a.test is at 127.0.0.1, `.
fn place(host: &str, address: IpAddr, is_literal: bool) -> String {
    if is_literal { format!("{address} is ") } else { format!("{host} is at {address}, ") }
}
