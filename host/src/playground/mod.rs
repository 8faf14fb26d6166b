//! A source API to try things on: records that are invented but do not change unless told to.
//!
//! It has the endpoints and parameters of the PyPI package `fivetran-api-playground`, and differs where that one would
//! lose records or be slow:
//! - The scroll token of `/pagination/keyset` says instant and ID, so records that share an instant are all served.
//! - The numbers of `/incremental/step` follow the order of creation, and a record keeps its number.
//! - `/pagination/next_page_url` refuses pages below the first.
//! - Instants are in UTC. Up to 8,760 records lie an hour apart, more lie evenly within a year.
//! - It adds OAuth2, and leaves out the CSV export and the cursors.
//!
//! It must not know anything of the house but its errors: to the other rooms it is a stranger on the network.

mod auth;
mod limit;
mod lists;
mod people;
mod query;
mod store;
mod tokens;

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::net::TcpListener;

pub use auth::{
    API_KEY, BASIC_PASSWORD, BASIC_USERNAME, BEARER_TOKEN, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, OAUTH_REFRESH_TOKEN,
    SESSION_PASSWORD, SESSION_USERNAME,
};
pub use limit::RateLimit;

use crate::error::{Error, Result};
use limit::{Bucket, Verdict};
use query::Refusal;
use store::Store;
use tokens::Tokens;

/// Rows a page where nobody says otherwise.
const PAGE_CAP: usize = 50;

/// What the playground serves, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens, on the loopback interface only.
    pub port: u16,
    /// How many records there are at the start.
    pub records: usize,
    /// Rows a page at most. None caps pages at 50 and leaves the two incremental endpoints uncapped, as the original
    /// does; a number caps them all.
    pub page_cap: Option<usize>,
    /// How long each answer is held back.
    pub latency: Duration,
    /// Equal seeds give equal records.
    pub seed: u64,
    /// How fast requests may come; none for as fast as they can.
    pub rate_limit: Option<RateLimit>,
    /// How long session and access tokens are good.
    pub token_lifetime: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            port: 5001,
            records: 200,
            page_cap: None,
            latency: Duration::ZERO,
            seed: 0,
            rate_limit: None,
            token_lifetime: Duration::from_secs(3600),
        }
    }
}

/// The API: its records and its routes. Clones share the records.
#[derive(Clone)]
pub struct Playground(Arc<Shared>);

struct Shared {
    options: Options,
    store: RwLock<Store>,
    tokens: Mutex<Tokens>,
    bucket: Option<Mutex<Bucket>>,
}

impl Playground {
    /// Records that were all written before now.
    pub fn new(options: Options) -> Playground {
        Playground::at(options, Utc::now())
    }

    /// Records that were all written before `base`. Equal seeds and bases give equal records.
    pub fn at(options: Options, base: DateTime<Utc>) -> Playground {
        Playground(Arc::new(Shared {
            store: RwLock::new(Store::new(options.seed, options.records, base.timestamp())),
            tokens: Mutex::new(Tokens::new(options.seed, options.token_lifetime, OAUTH_REFRESH_TOKEN)),
            bucket: options.rate_limit.map(|limit| Mutex::new(Bucket::new(limit, Instant::now()))),
            options,
        }))
    }

    /// Updates this many records, chosen by the seed, and adds others, all at `now`.
    pub fn touch(&self, updates: usize, inserts: usize, now: DateTime<Utc>) {
        let mut store = self.0.store.write().unwrap_or_else(PoisonError::into_inner);
        store.touch(updates, inserts, now.timestamp());
    }

    /// All records as they are served, in the order of creation.
    pub fn records(&self) -> Vec<Value> {
        self.store().values()
    }

    /// The endpoints.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/pagination/keyset", get(lists::keyset))
            .route("/pagination/offset", get(lists::offset))
            .route("/pagination/page_number", get(lists::page_number))
            .route("/pagination/next_page_url", get(lists::next_page_url))
            .route("/incremental/timestamp", get(lists::timestamp))
            .route("/incremental/step", get(lists::step))
            .route("/auth/http_basic", get(auth::http_basic))
            .route("/auth/http_bearer", get(auth::http_bearer))
            .route("/auth/api_key", get(auth::api_key))
            .route("/auth/session_token/login", post(auth::login))
            .route("/auth/session_token/data", get(auth::session_data))
            .route("/auth/oauth2/token", post(auth::oauth_token))
            .route("/auth/oauth2/data", get(auth::oauth_data))
            .fallback(async || auth::html(StatusCode::NOT_FOUND, "There is nothing at this URL."))
            .method_not_allowed_fallback(async || {
                auth::html(StatusCode::METHOD_NOT_ALLOWED, "This URL does not serve this method.")
            })
            .layer(from_fn_with_state(self.clone(), admit))
            .with_state(self.clone())
    }

    /// Serves until `shutdown`; requests that are being answered then are answered.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<()> {
        // A page is written at once, so there is nothing to wait for.
        let listener = listener.tap_io(|connection| {
            let _ = connection.set_nodelay(true);
        });
        let served = axum::serve(listener, self.router()).with_graceful_shutdown(shutdown).await;
        served.map_err(|error| Error::host(format!("the playground stopped: {error}")))
    }

    fn options(&self) -> &Options {
        &self.0.options
    }

    fn page_cap(&self) -> usize {
        self.0.options.page_cap.unwrap_or(PAGE_CAP).max(1)
    }

    fn increment_cap(&self) -> usize {
        self.0.options.page_cap.unwrap_or(usize::MAX).max(1)
    }

    fn store(&self) -> RwLockReadGuard<'_, Store> {
        self.0.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_token(&self) -> Option<Verdict> {
        let mut bucket = self.0.bucket.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        Some(bucket.take(Instant::now()))
    }
}

/// Takes the port on the loopback interface; 0 takes any that is free.
pub async fn bind(port: u16) -> Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => Error::configuration(format!("port {port} is in use"))
            .help("stop the program that listens there, or choose another port with --port"),
        ErrorKind::PermissionDenied => Error::configuration(format!("port {port} may not be used: {error}"))
            .help("choose a port above 1023 with --port"),
        _ => Error::host(format!("cannot listen on port {port}: {error}")),
    })
}

/// Serves a new playground until `shutdown`.
pub async fn serve(
    listener: TcpListener,
    options: &Options,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    Playground::new(options.clone()).serve(listener, shutdown).await
}

/// Holds each request to the limit and holds it back by the latency.
async fn admit(State(playground): State<Playground>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().clone());
    let verdict = playground.take_token();
    let mut response = match &verdict {
        Some(verdict) if !verdict.admitted => too_many_requests(verdict),
        _ => {
            if !playground.options().latency.is_zero() {
                tokio::time::sleep(playground.options().latency).await;
            }
            next.run(request).await
        }
    };
    if let Some(verdict) = verdict {
        let headers = response.headers_mut();
        headers.insert("x-ratelimit-limit", verdict.capacity.into());
        headers.insert("x-ratelimit-remaining", verdict.remaining.into());
        headers.insert("x-ratelimit-reset", verdict.full_in.into());
    }
    tracing::debug!(%method, %path, status = response.status().as_u16(), "request");
    response
}

fn too_many_requests(verdict: &Verdict) -> Response {
    let refusal = Refusal { status: StatusCode::TOO_MANY_REQUESTS, error: "Rate limit exceeded".to_owned() };
    ([("retry-after", HeaderValue::from(verdict.retry_in))], refusal).into_response()
}

#[cfg(test)]
mod tests;
