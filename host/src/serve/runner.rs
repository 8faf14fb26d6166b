//! The port through which the server runs a connection: what stands behind it is put together by the composition root.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::store::Lease;
use crate::BoxFuture;
use crate::error::Result;
use crate::model::Report;
use crate::sync::Gauge;

/// What is to be run.
#[derive(Clone)]
pub struct Order {
    /// The connection.
    pub connection: Connection,
    /// Under which lease: who holds a later one commits, and this run no more.
    pub lease: Lease,
    /// Whether to read all anew.
    pub is_full_refresh: bool,
    /// Cancelled when the run is to stop at its last checkpoint.
    pub interrupt: CancellationToken,
}

/// A run that goes on.
pub struct Running {
    /// How far it is.
    pub gauge: Arc<Gauge>,
    /// The strategy's component.
    pub plugin_digest: String,
    /// Its end.
    pub report: BoxFuture<'static, Report>,
}

/// Runs connections.
pub trait Runner: Send + Sync {
    /// Finds out, without asking its source, whether a connection can run: its document, its strategy, its
    /// configuration.
    fn check<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<()>>;

    /// Begins a run. An error means that it could not begin.
    fn start(&self, order: Order) -> BoxFuture<'static, Result<Running>>;
}
