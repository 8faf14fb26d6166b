//! The table of limits.

use std::time::Duration;

use super::amount::{Amount, Unit};
use crate::error::{Error, Result};

/// Whose a limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// That of one connection, which may lower it.
    Connection,
    /// That of the whole process.
    Process,
}

/// One limit.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// What users call it.
    pub name: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// Whose it is.
    pub scope: Scope,
    /// What it bounds, and why there.
    pub reason: &'static str,
    get: fn(&Limits) -> u64,
    set: fn(&mut Limits, u64) -> Option<()>,
}

impl Limit {
    /// Its value.
    pub fn amount(&self, limits: &Limits) -> u64 {
        (self.get)(limits)
    }

    pub(super) fn read(&self, text: &str) -> Result<u64> {
        let Limit { name, unit, .. } = self;
        match unit.read(text) {
            Some(0) => Err(Error::configuration(format!("the limit `{name}` must be greater than 0"))),
            Some(amount) => Ok(amount),
            None => {
                let message = format!("the limit `{name}` must be {}, not `{text}`", unit.example());
                Err(Error::configuration(message))
            }
        }
    }

    pub(super) fn write(&self, limits: &mut Limits, amount: u64) -> Result<()> {
        let Limit { name, unit, .. } = self;
        (self.set)(limits, amount).ok_or_else(|| {
            Error::configuration(format!("the limit `{name}` cannot be as large as {}", unit.show(amount)))
        })
    }
}

macro_rules! limits {
    ($($field:ident: $type:ty = $default:expr, $name:literal $unit:ident $scope:ident $reason:literal;)*) => {
        /// What a strategy, its run and the process may use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Limits {
            $(#[doc = $reason] pub $field: $type,)*
            /// Whether a component that computes for long gives way to others now and then. A simulation, in which
            /// nobody else runs, says no, so that the order of events does not depend on the machine.
            pub yields: bool,
        }

        impl Default for Limits {
            fn default() -> Limits {
                Limits { $($field: $default,)* yields: true }
            }
        }

        /// All limits, in the order in which they are shown.
        pub const TABLE: &[Limit] = &[$(Limit {
            name: $name,
            unit: Unit::$unit,
            scope: Scope::$scope,
            reason: $reason,
            get: |limits| limits.$field.amount(),
            set: |limits, amount| {
                limits.$field = Amount::of(amount)?;
                Some(())
            },
        },)*];
    };
}

limits! {
    memory_bytes: usize = 64 << 20, "memory" Bytes Connection
        "Linear memory of a component. One that holds handles needs about one MiB; this leaves room to transform pages.";
    table_elements: usize = 100_000, "table_elements" Count Connection
        "Elements of a component's table. Rust components have about one a function.";
    stack_bytes: usize = 512 << 10, "stack" Bytes Process
        "Call stack of a component: what a deep but finite recursion over a JSON document needs.";
    instances: u32 = 256, "instances" Count Process
        "Components that run at once in this process. Further ones wait.";
    handles: usize = 10_000, "handles" Count Connection
        "Pages, batches and begun requests that are held at once. A handful for each request in flight is needed.";
    held_bytes: usize = 256 << 20, "held_bytes" Bytes Connection
        "Memory of the host behind these handles: some hundred pages of a usual size, or one of the largest.";
    call_bytes: usize = 64 << 20, "call_bytes" Bytes Connection
        "Strings and lists that one call carries out of a component: a whole page that was transformed.";
    answer_bytes: usize = 64 << 20, "answer_bytes" Bytes Connection
        "Strings and lists that one call carries into a component: a whole page.";
    description_bytes: usize = 1 << 20, "description_bytes" Bytes Connection
        "All texts of a manifest or of a schema. Those of the built-in strategies have 20 KiB at most.";
    busy: Duration = Duration::from_secs(20), "busy" Time Connection
        "Processor time between two calls that fetch, stage or seal. A page takes milliseconds.";
    call_cpu: Duration = Duration::from_secs(60), "call_cpu" Time Connection
        "Processor time of one call that describes, declares tables or migrates a state. It takes milliseconds.";
    call_wait: Duration = Duration::from_secs(60), "call_wait" Time Connection
        "How long such a call waits for others to end where `instances` are running. A sync waits as long as it may run.";
    call_time: Duration = Duration::from_secs(120), "call_time" Time Connection
        "How long such a call may take once it has begun, its turns to wait included: twice its processor time.";
    run_cpu: Duration = Duration::from_secs(6 * 60 * 60), "run_cpu" Time Connection
        "Processor time of a whole sync: some 20 billion records.";
    run_time: Duration = Duration::from_secs(24 * 60 * 60), "run_time" Time Connection
        "How long a run may take, whatever it waits for; also the greatest `run_timeout` of a connection.";
    requests: u64 = 10_000_000, "requests" Count Connection
        "Requests of a run, retries included: a hundred a second for a day.";
    in_flight: usize = 64, "in_flight" Count Connection
        "Requests in flight of a run; also the greatest `source.max_in_flight` of a connection.";
    pending: usize = 256, "pending" Count Connection
        "Requests that were begun and not waited for, in flight or not.";
    request_bytes: usize = 1 << 20, "request_bytes" Bytes Connection
        "One request: method, path, query, headers and body. A query of some size has a few KiB.";
    response_bytes: usize = 64 << 20, "response_bytes" Bytes Connection
        "One answer, decompressed; also the greatest `source.max_body_bytes` of a connection.";
    record_bytes: usize = 16 << 20, "record_bytes" Bytes Connection
        "The text of one record. A destination holds it whole, several times over.";
    columns: usize = 2_000, "columns" Count Connection
        "Columns of a table, declared or not. SQLite has no room for more.";
    tables: usize = 1_000, "tables" Count Connection
        "Tables that a strategy declares.";
    unsealed_records: usize = 10_000_000, "unsealed_records" Count Connection
        "Records that are staged before a checkpoint. A crash costs all of them.";
    unsealed_bytes: u64 = 4 << 30, "unsealed_bytes" Bytes Connection
        "Text of the records that are staged before a checkpoint. The destination has to keep it until then.";
    state_bytes: usize = 64 << 10, "state_bytes" Bytes Connection
        "The state of a checkpoint. It says where to go on, not what was read.";
    log_lines: usize = 10_000, "log_lines" Count Connection
        "Log lines of a run; further ones are counted and dropped.";
    log_bytes: usize = 1 << 20, "log_bytes" Bytes Connection
        "Text of all log lines of a run; further ones are counted and dropped.";
    component_bytes: usize = 64 << 20, "component_bytes" Bytes Process
        "The file of a component. The built-in ones have 300 KiB; one with an interpreter inside has 10 to 20 MiB.";
    compile_memory_bytes: usize = 1 << 30, "compile_memory" Bytes Process
        "Address space of the process that compiles. The built-in strategies take less than a tenth of it.";
    compile_cpu: Duration = Duration::from_secs(120), "compile_cpu" Time Process
        "Processor time of the process that compiles, in whole seconds. The built-in strategies take less than one.";
    compile_time: Duration = Duration::from_secs(120), "compile_time" Time Process
        "How long compiling may take.";
    compile_output_bytes: usize = 256 << 20, "compile_output" Bytes Process
        "Machine code that a component may become: about four times its own size.";
}
