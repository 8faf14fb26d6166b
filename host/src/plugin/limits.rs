//! Every limit of a strategy's sandbox, with its reason.

use std::time::Duration;

/// What one call of a component may use. Reaching any of them ends the run at its last checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory, in bytes. A strategy that holds handles needs about one MiB; this leaves room for one that
    /// transforms pages.
    pub memory_bytes: usize,
    /// Elements of a table. Rust components have about one a function.
    pub table_elements: usize,
    /// The call stack, in bytes: what a deep but finite recursion over a JSON document needs.
    pub stack_bytes: usize,
    /// Pages, batches and pending requests that are held at once. A strategy needs a handful for each request in
    /// flight.
    pub handles: usize,
    /// Bytes that one call of a host function may copy out of the guest: a whole page that was transformed.
    pub call_bytes: usize,
    /// Processor time between two calls that fetch, stage or seal. A page takes milliseconds.
    pub busy: Duration,
    /// The size of a component, in bytes. The built-in ones have about 300 KiB; an interpreter inside has 10 to 20 MiB.
    pub component_bytes: usize,
    /// Address space of the process that compiles, in bytes. The built-in ones take a tenth of it.
    pub compile_memory_bytes: usize,
    /// Processor time of the process that compiles, in whole seconds. The built-in ones take less than one.
    pub compile_cpu: Duration,
    /// How long compiling may take.
    pub compile_time: Duration,
    /// Machine code that a component may become, in bytes. It is about four times as large as the component.
    pub compile_output_bytes: usize,
    /// Components that run at once in this process.
    pub instances: u32,
    /// Whether a component that computes for long gives way to others now and then. A simulation, in which nobody else
    /// runs, says no, so that the order of events does not depend on the machine.
    pub yields: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_bytes: 64 << 20,
            table_elements: 100_000,
            stack_bytes: 512 << 10,
            handles: 10_000,
            call_bytes: 64 << 20,
            busy: Duration::from_secs(20),
            component_bytes: 64 << 20,
            compile_memory_bytes: 1 << 30,
            compile_cpu: Duration::from_secs(120),
            compile_time: Duration::from_secs(120),
            compile_output_bytes: 256 << 20,
            instances: 256,
            yields: true,
        }
    }
}

/// A limit that a call of a component has reached.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct LimitReached {
    /// The code of the error that it becomes.
    pub(super) code: &'static str,
    message: String,
}

impl LimitReached {
    pub(super) fn trap(code: &'static str, message: String) -> wasmtime::Error {
        LimitReached { code, message }.into()
    }
}
