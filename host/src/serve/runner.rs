//! The port through which the server runs a connection: what stands behind it is put together by the composition root.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::clock::Millis;
use super::connection::Connection;
use super::registry::Plugin;
use super::store::Lease;
use super::tenant::Name;
use crate::BoxFuture;
use crate::config::StrategyRef;
use crate::error::Result;
use crate::model::Report;
use crate::plugin::{Inspection, Manifest};
use crate::recording::Shadow;
use crate::sync::Gauge;

/// What is to be run.
#[derive(Clone)]
pub struct Order {
    /// The connection.
    pub connection: Connection,
    /// Its strategy.
    pub plugin: Plugin,
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
    /// Its end.
    pub report: BoxFuture<'static, Report>,
}

/// Runs connections, and looks at the strategies that they would run by.
pub trait Runner: Send + Sync {
    /// Finds out, without asking its source, whether a connection can run: its document, its configuration.
    fn check<'a>(&'a self, connection: &'a Connection, plugin: &'a Plugin) -> BoxFuture<'a, Result<()>>;

    /// As [`Runner::check`], and whether the strategy can go on from the state that the connection has.
    fn check_state<'a>(&'a self, connection: &'a Connection, plugin: &'a Plugin) -> BoxFuture<'a, Result<()>>;

    /// Runs the strategy on what was recorded of the connection's last run, if something was, and compares the records.
    fn shadow<'a>(&'a self, connection: &'a Connection, plugin: &'a Plugin) -> BoxFuture<'a, Result<Option<Shadow>>>;

    /// Forgets what was recorded of a connection, or of all connections of a tenant, once they are deleted.
    fn forget<'a>(&'a self, tenant: &'a Name, connection: Option<&'a Name>) -> BoxFuture<'a, Result<()>>;

    /// Forgets what was recorded of a connection before then.
    fn forget_before<'a>(&'a self, tenant: &'a Name, connection: &'a Name, before: Millis)
    -> BoxFuture<'a, Result<()>>;

    /// Looks at a component without running it, and refuses one that may not run here.
    fn inspect(&self, component: StrategyRef) -> BoxFuture<'_, Result<Inspection>>;

    /// Compiles a component aside, and asks what it is.
    fn describe(&self, component: StrategyRef) -> BoxFuture<'_, Result<Manifest>>;

    /// Begins a run. An error means that it could not begin.
    fn start(&self, order: Order) -> BoxFuture<'static, Result<Running>>;
}
