//! Tidegate pulls data incrementally from HTTP APIs into databases; each sync strategy is a sandboxed component.

pub mod certify;
pub mod cli;
pub mod config;
pub mod error;
pub mod http;
pub mod model;
pub mod plain;
pub mod playground;
pub mod plugin;
pub mod recording;
pub mod seal;
pub mod serve;
pub mod sink;
mod suggest;
pub mod sync;

/// The target of spans that are told in traces: of `tracing`, by whoever does the work.
pub(crate) const SPANS: &str = "tidegate::spans";

/// A future that is boxed, as ports return it.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
