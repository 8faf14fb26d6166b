//! The transport that speaks HTTP: one pooled client for a connection, every deadline set, every size capped.
//!
//! The only file of the room that names reqwest. It knows nothing of credentials, retries or strategies.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::buffers::Buffer;
use super::egress::{Lookup, Names, SystemNames, Unreached, origin};
use super::{Response, Transport, WireRequest};
use crate::BoxFuture;
use crate::config::{self, Timeouts};
use crate::error::{Error, Origin, Result};

/// How large the headers of an answer may be, in bytes.
const MAX_HEADER_BYTES: u32 = 64 << 10;
/// How many headers an answer may have.
const MAX_HEADERS: usize = 200;
/// What hyper, whose errors have no kinds to ask for here, says of such headers.
const TOO_LARGE: &str = "message head is too large";

/// An HTTP client for one connection. HTTP/1.1 and 2, TLS by rustls, roots of trust of the platform (on Linux also
/// `SSL_CERT_FILE` and `SSL_CERT_DIR`).
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    timeouts: Timeouts,
    max_body_bytes: usize,
}

impl Client {
    /// A client within the limits of a source. Opens no connection yet.
    pub fn new(settings: &config::Source) -> Result<Client> {
        Client::with_names(settings, Arc::new(SystemNames))
    }

    /// The same, with a name service of one's own.
    pub fn with_names(settings: &config::Source, names: Arc<dyn Names>) -> Result<Client> {
        let builder = || builder(settings, Lookup::new(settings, Arc::clone(&names)));
        // Whoever installed a provider before us is welcome: any one will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = match builder().build() {
            Ok(http) => http,
            // A machine without root certificates can still read a source that needs none.
            Err(_) if settings.base_url.scheme() == "http" => {
                builder().tls_certs_only([]).build().map_err(|error| no_client(&error))?
            }
            Err(error) => return Err(no_client(&error)),
        };
        Ok(Client { http, timeouts: settings.timeouts, max_body_bytes: settings.max_body_bytes })
    }

    async fn exchange(&self, request: WireRequest) -> Result<Response> {
        let place = origin(&request.url);
        let head = self.http.execute(to_reqwest(request)?);
        let head = within(self.timeouts.first_byte, "the first byte of the answer", &place, head)
            .await?
            .map_err(|error| self.no_answer(&error, &place))?;
        check_headers(head.headers())?;
        self.receive(head, &place).await
    }

    /// Reads the body part by part, as it comes out of decompression, so that a small body that unpacks to a huge one
    /// is stopped at the cap.
    async fn receive(&self, mut head: reqwest::Response, place: &str) -> Result<Response> {
        let announced = head.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        if announced > self.max_body_bytes {
            return Err(self.too_large());
        }
        let mut body = Buffer::with_capacity(announced);
        while let Some(part) = within(self.timeouts.idle, "the next part of the body", place, head.chunk())
            .await?
            .map_err(|error| broken_off(body.len(), &error))?
        {
            if body.len() + part.len() > self.max_body_bytes {
                return Err(self.too_large());
            }
            body.extend(&part);
        }
        let (status, headers) = (head.status().as_u16(), to_pairs(head.headers()));
        Ok(Response { status, headers, body: body.freeze() })
    }

    fn too_large(&self) -> Error {
        let message = format!("the body is larger than {} bytes", self.max_body_bytes);
        Error::new(Origin::Limit, "source.body", message).help("ask for smaller pages, or raise source.max_body_bytes")
    }

    fn no_answer(&self, error: &reqwest::Error, place: &str) -> Error {
        if let Some(refused) = find::<Refused>(error) {
            return refused.0.clone();
        }
        if error.is_connect() && error.is_timeout() {
            return timed_out("a connection", self.timeouts.connect, place);
        }
        if let Some(fault) = find::<rustls::Error>(error) {
            let message = format!("cannot connect to {place} securely: {fault}");
            return Error::new(Origin::Reachability, "source.certificate", message)
                .help("is the address right, and is its certificate issued by an authority that this machine trusts?");
        }
        let message = match cause(error) {
            cause if cause == TOO_LARGE => return headers_too_large(),
            cause if error.is_connect() => format!("cannot connect to {place}: {cause}"),
            cause => format!("{place} gave no answer: {cause}"),
        };
        Error::new(Origin::Reachability, "source.unreachable", message)
            .help("is source.base_url right, and is the source running?")
    }
}

impl Transport for Client {
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move {
            let place = origin(&request.url);
            within(self.timeouts.total, "the whole answer", &place, self.exchange(request)).await?
        })
    }
}

fn builder(settings: &config::Source, lookup: Lookup) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .referer(false)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(settings.timeouts.connect)
        .pool_max_idle_per_host(settings.max_in_flight)
        .http1_max_headers(MAX_HEADERS)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .http2_adaptive_window(true)
        .dns_resolver(Resolver(lookup))
}

fn no_client(error: &reqwest::Error) -> Error {
    Error::host(format!("no secure client can be made: {}", cause(error)))
        .help("install the system's root certificates (on Debian the package ca-certificates), or set SSL_CERT_FILE")
}

fn to_reqwest(request: WireRequest) -> Result<reqwest::Request> {
    let malformed = |what: &str| Error::plugin("plugin.request", format!("the request has a malformed {what}"));
    let method = request.method.parse().map_err(|_| malformed("method"))?;
    let mut wire = reqwest::Request::new(method, request.signature.url(request.url));
    for (name, value) in &request.headers {
        let name: HeaderName = name.parse().map_err(|_| malformed("header name"))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| malformed("header value"))?;
        wire.headers_mut().append(name, value);
    }
    for (name, secret) in request.signature.headers() {
        let name: HeaderName = name.parse().map_err(|_| malformed("header name"))?;
        let mut value = HeaderValue::from_str(secret.expose_secret()).map_err(|_| malformed("header value"))?;
        value.set_sensitive(true);
        wire.headers_mut().append(name, value);
    }
    *wire.body_mut() = request.body.map(Bytes::into);
    Ok(wire)
}

fn to_pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

fn check_headers(headers: &HeaderMap) -> Result<()> {
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if size > MAX_HEADER_BYTES as usize {
        return Err(headers_too_large());
    }
    // Those that were understood are undone and their header removed.
    match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"" | b"identity") => Ok(()),
        Some(encoding) => {
            let encoding = String::from_utf8_lossy(encoding).escape_debug().to_string();
            let message = format!("the body is encoded as `{encoding}`, which Tidegate cannot read");
            Err(Error::new(Origin::Limit, "source.body", message))
        }
    }
}

fn headers_too_large() -> Error {
    let message =
        format!("the answer has more than {MAX_HEADERS} headers, or more than {MAX_HEADER_BYTES} bytes of them");
    Error::new(Origin::Limit, "source.body", message)
}

async fn within<T>(limit: Duration, what: &str, place: &str, action: impl Future<Output = T>) -> Result<T> {
    timeout(limit, action).await.map_err(|_| timed_out(what, limit, place))
}

fn timed_out(what: &str, limit: Duration, place: &str) -> Error {
    let setting = match what {
        "a connection" => "connect",
        "the first byte of the answer" => "first_byte",
        "the next part of the body" => "idle",
        _ => "total",
    };
    Error::new(Origin::Source, "source.timeout", format!("{what} did not come from {place} within {limit:?}"))
        .help(format!("raise source.timeouts.{setting}, if the source is known to be slow"))
}

fn broken_off(received: usize, error: &reqwest::Error) -> Error {
    let message = format!("the body broke off after {received} bytes: {}", cause(error));
    Error::new(Origin::Source, "source.body", message)
}

/// The innermost reason in words for people.
fn cause(error: &reqwest::Error) -> String {
    if error.is_dns() {
        return "its name cannot be resolved".to_owned();
    }
    // Only what the system says has a kind that is better than its text, which differs between systems.
    let system = |error: &(dyn StdError + 'static)| {
        let error = error.downcast_ref::<io::Error>()?;
        error.raw_os_error().map(|_| error.kind().to_string())
    };
    chain(error).find_map(system).or_else(|| chain(error).last().map(ToString::to_string)).unwrap_or_default()
}

/// An error and its causes. An I/O error that wraps another one hides it from its `source`.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => (*error).source(),
    })
}

/// An error of one type among the causes.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref::<E>())
}

/// Connects to the addresses that were checked.
struct Resolver(Lookup);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = self.0.clone();
        Box::pin(async move {
            match lookup.addresses(name.as_str()).await {
                Ok(addresses) => Ok(Box::new(addresses.into_iter()) as Addrs),
                Err(Unreached::Unknown(error)) => Err(error.into()),
                Err(Unreached::Refused(error)) => Err(Refused(error).into()),
            }
        })
    }
}

/// Carries our own error through the client's.
#[derive(Debug)]
struct Refused(Error);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.message())
    }
}

impl StdError for Refused {}

#[cfg(test)]
mod tests;
