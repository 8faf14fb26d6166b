//! What the tests share: sources, a workspace with connection files, the program, and a look at what it wrote.

mod api;
pub(crate) mod compressed;
mod contents;
mod guest;
mod host;
pub(crate) mod ledger;
mod python;
mod rows;
mod server;
mod source;
pub(crate) mod strace;
pub(crate) mod tools;
mod workspace;

pub(crate) use api::{Api, ApiOptions, free_port};
pub(crate) use contents::{Contents, Row, Sink, expected};
pub(crate) use guest::{engine, hostile, hostile_sources, immoderate, misbehaving, parrot, textbook, variant};
pub(crate) use host::Host;
pub(crate) use rows::Rows;
pub(crate) use server::{RawServer, Server, Step};
pub(crate) use source::Source;
pub(crate) use workspace::{Outcome, Workspace};
