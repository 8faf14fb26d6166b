//! End to end, as a user runs it: the program, connection files, a database, and an API that no one here wrote.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod architecture;
mod authentication;
mod canaries;
mod certification;
mod command_line;
mod components;
mod destinations;
mod egress;
#[cfg(unix)]
mod failing_disk;
mod faults;
mod hostile;
mod hosting;
mod interruption;
#[cfg(unix)]
mod kills;
mod limits;
mod rate_limit;
mod recording;
mod remote;
mod sandbox;
mod settings;
mod source_faults;
mod strategies;
mod support;
mod traces;
