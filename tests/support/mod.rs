//! What the tests share: the real API in a process of its own, a workspace with connection files, and the program.

mod api;
mod guest;
mod python;
mod server;
mod workspace;

pub(crate) use api::{Api, ApiOptions, free_port};
pub(crate) use guest::{misbehaving, textbook};
pub(crate) use server::RawServer;
pub(crate) use workspace::Workspace;
