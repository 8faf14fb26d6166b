//! End to end, as a user runs it: the program, connection files, a database, and an API that no one here wrote.

mod architecture;
mod authentication;
mod command_line;
mod components;
mod destinations;
mod faults;
mod interruption;
mod rate_limit;
mod strategies;
mod support;
