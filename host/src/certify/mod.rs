//! Proving a strategy: the conformance kit.
//!
//! `scenario` has the awkward sources as tables, `source` simulates them behind the host's HTTP port, `destination` is a
//! sink that knows what is durable, `course` lets something go wrong at any step of a run. A `trial` puts them
//! together, `survey` goes through all trials of a scenario, and the certificate says what came of it.
//! Nothing here knows wasm or the command line: what is certified is a [`Strategy`](crate::plugin::Strategy).

mod certificate;
mod course;
mod destination;
mod lab;
mod own;
mod recognize;
mod remembered;
mod resume;
mod scenario;
mod source;
mod survey;
mod trial;
mod verdict;

pub use certificate::{Case, Certificate, Check, Counterexample, Tally};
pub use own::OwnSource;
pub use recognize::recognize;
pub use scenario::Api;
pub use survey::{Plan, certify, scenario_names};
pub use verdict::{Fault, Finding};
