//! What the tests share: the real API in a process of its own, a workspace with connection files, and the program.

mod api;
mod python;
mod workspace;

pub(crate) use api::{Api, ApiOptions};
pub(crate) use workspace::{Outcome, Workspace};
