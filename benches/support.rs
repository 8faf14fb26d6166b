//! What the benches of whole runs share.

use std::sync::Arc;

use anyhow::Result;
use tidegate::config::{self, PrivateAddresses};
use tidegate::http::{Client, MemoryTokens, Meter, Origins, Source};

/// A source on this machine, and what counts its requests.
pub(crate) fn source(base_url: &str) -> Result<(Arc<Source>, Arc<Meter>)> {
    let mut settings = config::Source::new(base_url.parse()?);
    settings.allow_private_addresses = PrivateAddresses::OfBaseUrl;
    let meter = Arc::new(Meter::default());
    let client = Arc::new(Client::new(&settings)?);
    let (tokens, origins) = (Arc::new(MemoryTokens::default()), Origins::default());
    let source = Source::new(&settings, client, tokens, Arc::clone(&meter), origins)?;
    Ok((Arc::new(source), meter))
}
