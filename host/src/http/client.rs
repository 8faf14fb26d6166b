//! The transport that speaks HTTP: one pooled client for a connection, every deadline set, every size capped.
//!
//! The only file that names reqwest. It knows nothing of credentials, retries or strategies.

use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use tokio::time::timeout;

use super::grant::{check_address, origin};
use super::{Response, Transport, WireRequest};
use crate::BoxFuture;
use crate::config::{self, Timeouts};
use crate::error::{Error, Origin, Result};

/// How large the headers of an answer may be, in bytes.
const MAX_HEADER_BYTES: u32 = 64 << 10;
/// How many headers an answer may have.
const MAX_HEADERS: usize = 200;

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
        // Whoever installed a provider before us is welcome: any one will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = match builder(settings).build() {
            Ok(http) => http,
            // A machine without root certificates can still read a source that needs none.
            Err(_) if settings.base_url.scheme() == "http" => {
                builder(settings).tls_certs_only([]).build().map_err(|error| no_client(&error))?
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
        let mut body = BytesMut::with_capacity(announced);
        while let Some(part) = within(self.timeouts.idle, "the next part of the body", place, head.chunk())
            .await?
            .map_err(|error| broken_off(body.len(), &error))?
        {
            if body.len() + part.len() > self.max_body_bytes {
                return Err(self.too_large());
            }
            body.extend_from_slice(&part);
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
        let message = match error.is_connect() {
            true => format!("cannot connect to {place}: {}", cause(error)),
            false => format!("{place} gave no answer: {}", cause(error)),
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

fn builder(settings: &config::Source) -> reqwest::ClientBuilder {
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
        .dns_resolver(Resolver { private_addresses: settings.allow_private_addresses })
}

fn no_client(error: &reqwest::Error) -> Error {
    Error::host(format!("no secure client can be made: {}", cause(error)))
        .help("install the system's root certificates (on Debian the package ca-certificates), or set SSL_CERT_FILE")
}

fn to_reqwest(request: WireRequest) -> Result<reqwest::Request> {
    let malformed = |what: &str| Error::plugin("plugin.request", format!("the request has a malformed {what}"));
    let method = request.method.parse().map_err(|_| malformed("method"))?;
    let mut wire = reqwest::Request::new(method, request.url);
    for (name, value) in &request.headers {
        let name: HeaderName = name.parse().map_err(|_| malformed("header name"))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| malformed("header value"))?;
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
        let message = format!("the headers of the answer are larger than {MAX_HEADER_BYTES} bytes");
        return Err(Error::new(Origin::Limit, "source.body", message));
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
    let innermost = chain(error).last().unwrap_or(error);
    match find::<io::Error>(error) {
        // Only what the system says has a kind that is better than its text, which differs between systems.
        Some(error) if error.raw_os_error().is_some() => error.kind().to_string(),
        _ => innermost.to_string(),
    }
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// An error of one type among the causes. An I/O error that wraps another one hides it from the chain, so look inside.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| {
        let wrapped = || error.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref::<E>();
        error.downcast_ref::<E>().or_else(wrapped)
    })
}

/// Asks the system's name service and checks every address, so that the addresses that were checked are those that
/// are connected to.
#[derive(Debug)]
struct Resolver {
    private_addresses: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let private_addresses = self.private_addresses;
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if !private_addresses {
                addresses.iter().try_for_each(|found| check_address(name.as_str(), found.ip())).map_err(Refused)?;
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
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
