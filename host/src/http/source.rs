//! The story of one request: from what a strategy asked to the page that it gets.

use std::sync::Arc;

use super::credentials::{Credentials, Lease};
use super::exchange::Exchange;
use super::tokens::TokenStore;
use super::{Fetch, Meter, Origins, Page, Request, Transport, WireRequest};
use crate::BoxFuture;
use crate::config::{self, Auth};
use crate::error::{Error, Origin, Result};

/// One source, with its credentials, its limits and its patience. Cheap to clone.
#[derive(Clone)]
pub struct Source(Arc<Inner>);

struct Inner {
    settings: config::Source,
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
        let exchange = Exchange::new(settings, transport, meter, origins);
        if let Auth::OAuth2 { token_url, .. } = &settings.auth {
            exchange.grant().destination(token_url).map_err(|error| misconfigured("source.auth.token_url", &error))?;
        }
        let credentials = Credentials::new(settings, tokens, exchange.scrubber())?;
        Ok(Source(Arc::new(Inner { settings: settings.clone(), exchange, credentials })))
    }

    /// Asks for the base URL once, without credentials. Any status, which it returns, proves that the source is there.
    pub async fn reach(&self) -> Result<u16> {
        let url = self.0.settings.base_url.clone();
        let wire = WireRequest { method: "GET".to_owned(), url, headers: Vec::new(), body: None };
        Ok(self.0.exchange.once(wire).await?.status)
    }

    /// Gets a token, where the credentials are such that one is needed.
    pub async fn authenticate(&self) -> Result<()> {
        self.0.lease().await.map(drop)
    }
}

impl Fetch for Source {
    fn fetch(&self, request: Request) -> BoxFuture<'static, Result<Page>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.fetch(request).await })
    }
}

impl Inner {
    async fn fetch(self: &Arc<Self>, request: Request) -> Result<Page> {
        let plain = self.exchange.grant().request(&request)?;
        let asked = format!("{} {}", request.method, request.path);
        let lease = self.lease().await?;
        let mut answer = self.exchange.ask(&asked, &plain, &lease.signature).await?;
        if answer.status() == 401 && self.credentials.refuse(&lease).await {
            let lease = self.lease().await?;
            answer = self.exchange.ask(&asked, &plain, &lease.signature).await?;
        }
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

/// The user's own setting asks for what the user's other settings do not allow.
fn misconfigured(place: &str, error: &Error) -> Error {
    let found = Error::new(Origin::Configuration, error.code(), error.message()).at(place);
    match error.remedy() {
        Some(remedy) => found.help(remedy),
        None => found,
    }
}
