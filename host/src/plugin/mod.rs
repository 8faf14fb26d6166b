//! Strategies: the port through which a run calls one, and what a run gives to it in return.
//!
//! [`Strategy`] and [`Services`] are the contract of `wit/` in Rust's words. A run knows only these two; the native
//! twin of the benches implements the first without a sandbox.

mod budget;
mod built_in;
mod cache;
mod compile;
mod component;
mod contract;
mod engine;
mod guest;
mod held;
mod instance;
mod lanes;
mod limits;
mod meter;
mod shelf;
mod vetting;
mod wire;

use std::sync::Arc;

use crate::BoxFuture;
use crate::error::Result;
use crate::http::{Page, Request};
use crate::model::{Change, Table};

pub use built_in::names as built_in_names;
pub use compile::{Confines, compile_component};
pub use engine::{Builder, CACHE_VARIABLE, Engine, Inspection};
pub(crate) use limits::cut;
pub use limits::{LIMITS_VARIABLE, Limit, Limits, Scope, TABLE as LIMITS, Unit, reached};
pub use meter::Meter;
pub use vetting::CONTRACT_VERSION;

/// What a strategy says of itself. See `manifest` in `wit/world.wit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its name, as users write it.
    pub name: String,
    /// Its own version (semantic versioning).
    pub version: String,
    /// One sentence for people.
    pub summary: String,
    /// JSON Schema of its configuration.
    pub config_schema: String,
    /// The version of the state that it reads and writes.
    pub state_version: u32,
    /// What it needs of the host beyond the contract.
    pub needs: Vec<String>,
}

/// A strategy that is ready to run. Each call is independent of the others.
pub trait Strategy: Send + Sync {
    /// SHA-256 of the component, in hexadecimal.
    fn digest(&self) -> &str;

    /// What it says of itself.
    fn describe(&self) -> BoxFuture<'_, Result<Manifest>>;

    /// The tables that it will write under this configuration (JSON text, an object).
    fn schema<'a>(&'a self, config: &'a str) -> BoxFuture<'a, Result<Vec<Table>>>;

    /// Turns a state of an older version into one of the present version.
    fn migrate_state<'a>(&'a self, from: u32, state: &'a str) -> BoxFuture<'a, Result<String>>;

    /// Reads the source from `state` on, until nothing new is left. Dropping the future ends the call.
    fn sync<'a>(
        &'a self,
        config: &'a str,
        state: Option<&'a str>,
        services: Arc<dyn Services>,
    ) -> BoxFuture<'a, Result<()>>;
}

/// What a run gives to a strategy: the imports of the contract.
pub trait Services: Send + Sync {
    /// Sends a request, with everything that the connection says about it, and waits for its page. The future owns
    /// what it needs, so that several can be in flight; dropping it cancels the request.
    fn fetch(&self, request: Request) -> BoxFuture<'static, Result<Page>>;

    /// Takes a change to a declared table into the run, in order. Waits while the sink is behind.
    fn stage<'a>(&'a self, table: &'a str, change: Change) -> BoxFuture<'a, Result<()>>;

    /// Seals what was staged so far with the state from which a later run can go on.
    fn checkpoint(&self, state: String) -> BoxFuture<'_, Result<()>>;

    /// When the run began, in milliseconds since 1970.
    fn started(&self) -> i64;

    /// The present time of the run, in milliseconds since 1970.
    fn now(&self) -> i64;

    /// Counts what the strategy uses while it reads.
    fn meter(&self) -> Arc<Meter>;

    /// Writes a line to the run's log. The level is one of those of `wit/log.wit`.
    fn log(&self, level: &str, message: &str);
}
