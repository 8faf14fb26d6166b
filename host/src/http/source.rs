//! The story of one request: from what a strategy asked to the page that it gets.

use std::sync::Arc;

use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::credentials::{Credentials, Lease};
use super::exchange::Exchange;
use super::tokens::TokenStore;
use super::{Fetch, Meter, Origins, Page, Request, Transport};
use crate::config;
use crate::error::{Error, Result};
use crate::{BoxFuture, SPANS};

/// One source, with its credentials, its limits and its patience. Cheap to clone.
#[derive(Clone)]
pub struct Source(Arc<Inner>);

struct Inner {
    exchange: Exchange,
    credentials: Credentials,
}

impl Source {
    /// A source over a transport. Sends nothing yet. `origins` is what the connections of the process share.
    pub fn new(
        settings: &config::Source,
        transport: Arc<dyn Transport>,
        tokens: Arc<dyn TokenStore>,
        meter: Arc<Meter>,
        origins: Origins,
    ) -> Result<Source> {
        let exchange = Exchange::new(settings, transport, meter, origins)?;
        let credentials = Credentials::new(settings, tokens, exchange.scrubber())?;
        Ok(Source(Arc::new(Inner { exchange, credentials })))
    }

    /// Asks for the base URL once, without credentials. Any status, which it returns, proves that the source is there.
    pub async fn reach(&self) -> Result<u16> {
        let exchange = &self.0.exchange;
        Ok(exchange.once(&exchange.egress().probe()?).await?.status)
    }

    /// Gets a token, where the credentials are such that one is needed.
    pub async fn authenticate(&self) -> Result<()> {
        self.0.lease().await.map(drop)
    }
}

impl Fetch for Source {
    fn fetch(&self, request: Request) -> BoxFuture<'static, Result<Page>> {
        let inner = self.0.clone();
        let span = tracing::info_span!(
            target: SPANS,
            "fetch",
            http.request.method = request.method,
            server.address = Empty,
            url.path = Empty,
            http.response.status_code = Empty,
            http.request.resend_count = Empty,
            error.type = Empty,
        );
        let fetched = async move {
            let outcome = inner.fetch(request).await;
            if let Err(error) = &outcome {
                Span::current().record("error.type", error.code());
            }
            outcome
        };
        Box::pin(fetched.instrument(span))
    }
}

impl Inner {
    async fn fetch(self: &Arc<Self>, request: Request) -> Result<Page> {
        let plain = self.exchange.egress().request(&request)?;
        let asked = format!("{} {}", request.method, request.path);
        let (span, url) = (Span::current(), &plain.wire().url);
        span.record("server.address", url.host_str());
        span.record("url.path", self.exchange.scrubber().scrub(url.path()));
        let lease = self.lease().await?;
        let mut answer = self.exchange.ask(&asked, &plain, &lease.signature).await?;
        if answer.status() == 401 && self.credentials.refuse(&lease).await {
            let lease = self.lease().await?;
            answer = self.exchange.ask(&asked, &plain, &lease.signature).await?;
        }
        span.record("http.response.status_code", answer.status());
        span.record("http.request.resend_count", answer.attempts().saturating_sub(1));
        let page = answer.success(self.exchange.scrubber())?;
        self.exchange.meter().page();
        Ok(page)
    }

    /// Credentials for a request. Asking for them outlives the request that they are for: a rotated refresh token that
    /// nobody waits for any more would be lost.
    async fn lease(self: &Arc<Self>) -> Result<Lease> {
        if let Credentials::Fixed(_) = self.credentials {
            return self.credentials.lease(&self.exchange).await;
        }
        let inner = self.clone();
        let asking = tokio::spawn(async move { inner.credentials.lease(&inner.exchange).await });
        asking.await.unwrap_or_else(|_| Err(Error::interrupted()))
    }
}
