//! `tidegate compile-component`, which nobody but Tidegate itself starts: see `plugin/compile`.

use std::process::ExitCode;

use clap::Args;

use crate::plugin::{Confines, compile_component};

#[derive(Args)]
pub(super) struct Arguments {
    /// Address space, in bytes
    #[arg(long)]
    memory: u64,
    /// Processor time, in seconds
    #[arg(long)]
    seconds: u64,
}

/// Runs before there are threads and before anything is logged.
pub(super) fn execute(arguments: &Arguments) -> ExitCode {
    let Arguments { memory, seconds } = *arguments;
    ExitCode::from(compile_component(Confines { memory, seconds }))
}
