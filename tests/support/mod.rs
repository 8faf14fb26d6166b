//! What the tests share: sources, a workspace with connection files, the program, and a look at what it wrote.

mod api;
pub(crate) mod compressed;
mod contents;
mod guest;
pub(crate) mod ledger;
mod python;
mod server;
mod source;
pub(crate) mod strace;
mod workspace;

pub(crate) use api::{Api, ApiOptions, free_port};
<<<<<<< HEAD
pub(crate) use contents::{Contents, Row, Sink, expected};
pub(crate) use guest::{misbehaving, textbook};
pub(crate) use server::RawServer;
pub(crate) use source::Source;
pub(crate) use workspace::{Outcome, Workspace};
=======
pub(crate) use guest::misbehaving;
pub(crate) use server::{RawServer, Server, Step};
pub(crate) use workspace::Workspace;
>>>>>>> 3a33da2 (Strike every sync with every fault of a source)
