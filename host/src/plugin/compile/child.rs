//! The process that compiles: it confines itself, reads a component from standard input, and writes its machine code to
//! standard output.

use std::io::{self, Read, Write};

use super::{REFUSED, digest, label, settings};

/// How much of the machine the process may use. Where the system cannot hold a process to it, only the parent does.
#[derive(Clone, Copy, Debug)]
pub struct Confines {
    /// Address space, in bytes.
    pub memory: u64,
    /// Processor time, in seconds.
    pub seconds: u64,
}

/// Compiles the component on standard input. Returns the exit code; why it is not 0 is told in one line on standard
/// error.
pub fn compile_component(confines: Confines) -> u8 {
    confine(confines);
    match compile() {
        Ok(()) => 0,
        Err(why) => {
            let line = why.replace(|c: char| c.is_control(), " ");
            // Nobody is left to be told where this fails.
            let _ = io::stderr().write_all(line.as_bytes());
            REFUSED
        }
    }
}

fn compile() -> Result<(), String> {
    let mut component = Vec::new();
    io::stdin().lock().read_to_end(&mut component).map_err(|error| error.to_string())?;
    let engine = wasmtime::Engine::new(&settings()).map_err(|error| format!("{error:#}"))?;
    let code = engine.precompile_component(&component).map_err(|error| format!("{error:#}"))?;
    let mut output = io::stdout().lock();
    let label = label(&digest(&component));
    let written = output.write_all(label.as_bytes()).and_then(|()| output.write_all(&code));
    written.and_then(|()| output.flush()).map_err(|error| error.to_string())
}

/// Gives up what a compiler does not need. A limit that the system does not know leaves the others in force.
#[cfg(unix)]
fn confine(confines: Confines) {
    use rustix::process::{Resource, Rlimit, nice, setrlimit};
    let limit = |resource, soft: u64, hard: u64| {
        let _ = setrlimit(resource, Rlimit { current: Some(soft), maximum: Some(hard) });
    };
    // The first second ends it with a signal that tells why, the next one for good.
    limit(Resource::Cpu, confines.seconds, confines.seconds.saturating_add(1));
    #[cfg(not(target_os = "openbsd"))]
    limit(Resource::As, confines.memory, confines.memory);
    limit(Resource::Core, 0, 0);
    limit(Resource::Fsize, 0, 0);
    limit(Resource::Nofile, 32, 32);
    let _ = nice(10);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
}

#[cfg(not(unix))]
fn confine(_: Confines) {}
