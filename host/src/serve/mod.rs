//! `tidegate serve`: the connections of many tenants, run on their schedules in one process.
//!
//! ```text
//!  api ──► store ◄── dispatcher ──► worker ──► Runner (the composition root's: sync, plugin, http, sink)
//!           ▲            │             │
//!           └─ registry ─┴── swaps ────┘
//! ```
//!
//! `store` is the port behind which tenants, connections, leases and runs are kept; `schedule` decides purely when a
//! connection is due; `dispatcher` claims what is due, as many as there is room for and fairly between tenants;
//! `worker` tells the story of one claim, from its lease to its entry in the history. Nothing here knows wasmtime, SQL
//! (but for `store::sqlite`), reqwest or the command line.

pub mod api;
pub mod canary;
pub mod clock;
pub mod connection;
mod dashboard;
mod dispatcher;
pub mod error;
pub mod folder;
pub mod live;
pub mod metrics;
pub mod plugin;
pub mod registry;
mod retention;
pub mod rollout;
pub mod run;
pub mod runner;
pub mod schedule;
pub mod store;
pub mod tenant;
#[cfg(test)]
mod tests;
pub mod token;
mod worker;

use std::sync::Arc;

use live::Live;
use metrics::Metrics;
use registry::Registry;
use rollout::Rollouts;
use runner::Runner;
use store::Store;

pub use clock::Clock;
pub use dispatcher::{Settings, serve};
pub use error::{Refusal, Result};
pub use retention::Retention;

/// What the parts of a server share. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    /// What must outlive it.
    pub store: Arc<dyn Store>,
    /// What runs connections.
    pub runner: Arc<dyn Runner>,
    /// Which strategies there are.
    pub registry: Arc<Registry>,
    /// What is being brought in.
    pub rollouts: Arc<Rollouts>,
    /// The runs that go on.
    pub live: Arc<Live>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Clock,
}
