//! Compiling, in a process of its own.
//!
//! A stranger's component can make a compiler take any time and memory. So the host never compiles: it starts its own
//! binary once more (`parent`), which puts itself under limits and compiles (`child`), and takes what comes out of it
//! only whole, only in time, and only under the name of what went in. Both sides agree on what is written here.

mod child;
mod parent;

use sha2::{Digest, Sha256};
use wasmtime::Config;

pub use child::{Confines, compile_component};
pub(super) use parent::Compiler;

/// The hidden subcommand that compiles.
const SUBCOMMAND: &str = "compile-component";

/// The exit code of a component that is not compiled for a reason of its own.
const REFUSED: u8 = 65;

/// All settings that decide what the machine code looks like. Both processes begin with them.
pub(super) fn settings() -> Config {
    let mut config = Config::new();
    // What is loaded from memory, as all machine code is here, would need a file in memory for each image of a guest.
    config.concurrency_support(false).epoch_interruption(true).memory_init_cow(false);
    config
}

/// What stands in front of the machine code: of which component it is, and for which version of the host. The engine
/// itself refuses what was compiled for another one.
pub(super) fn label(digest: &str) -> String {
    format!("tidegate-compiled-2 {digest} {} {}\n", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH)
}

/// SHA-256 of a component, in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
