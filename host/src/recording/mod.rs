//! What a run's strategy was told and what it did, kept in a file, so that it can be told the same again: offline, and
//! exactly.
//!
//! A strategy knows of the world what the host tells it: configuration, state, answers, time. `recorder` stands between
//! a strategy and its run and notes all of it; `player` stands in for the run and tells it again; `comparison` says where
//! two runs differ; `tape` is the file, and `exchange` a request and its answer in it. What is noted is what strategies
//! see, so it holds no secret. Nothing here knows wasm, HTTP, sinks or the command line.

mod comparison;
mod exchange;
mod player;
mod recorder;
mod tape;

pub use comparison::{Comparison, Difference, Shadow};
pub(crate) use exchange::{Answer, Asked};
pub use player::{replay, shadow};
pub use recorder::Recorder;
pub use tape::{Tape, VERSION};
