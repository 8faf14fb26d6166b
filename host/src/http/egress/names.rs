//! From a name to the addresses that may be connected to: all of them are checked, and none is looked up twice.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::reach::Reach;
use crate::BoxFuture;
use crate::config::Source;
use crate::error::Error;

/// Finds the addresses of a name.
pub trait Names: Send + Sync {
    /// All addresses of a name at this moment.
    fn addresses(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// Asks the system's name service.
#[derive(Debug)]
pub(in crate::http) struct SystemNames;

impl Names for SystemNames {
    fn addresses(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let name = name.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()) })
    }
}

/// Looks names up for one connection. A transport connects to what it returns, and to nothing else.
#[derive(Clone)]
pub(in crate::http) struct Lookup {
    names: Arc<dyn Names>,
    reach: Reach,
}

/// Why a name leads nowhere.
#[derive(Debug)]
pub(in crate::http) enum Unreached {
    /// The name service has no answer.
    Unknown(io::Error),
    /// One of the addresses is not allowed.
    Refused(Error),
}

impl Lookup {
    /// By a name service, for the hosts of a source.
    pub(in crate::http) fn new(settings: &Source, names: Arc<dyn Names>) -> Lookup {
        Lookup { names, reach: Reach::new(settings) }
    }

    /// The addresses of a name, if every one of them is allowed: whoever may add an address to an answer cannot be
    /// sure which of them is used, but neither can we.
    pub(in crate::http) async fn addresses(&self, name: &str) -> Result<Vec<SocketAddr>, Unreached> {
        let found = self.names.addresses(name).await.map_err(Unreached::Unknown)?;
        found.iter().try_for_each(|address| self.reach.name(name, *address)).map_err(Unreached::Refused)?;
        match found.is_empty() {
            true => Err(Unreached::Unknown(io::ErrorKind::NotFound.into())),
            false => Ok(found.into_iter().map(|address| SocketAddr::new(address, 0)).collect()),
        }
    }
}
