//! The host's side: it starts the process that compiles, and watches its time and its output.

use std::borrow::Cow;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::super::limits::Limits;
use super::{REFUSED, SUBCOMMAND};
use crate::error::{Error, Origin, Result};

/// Processes that compile at once.
const AT_ONCE: usize = 2;
/// Threads of such a process.
const THREADS: &str = "2";
/// How much is kept of what the process says.
const WORDS: usize = 4 << 10;
/// How often the process is looked at.
const GLANCE: Duration = Duration::from_millis(4);

/// Starts processes that compile.
#[derive(Debug)]
pub(crate) struct Compiler {
    program: PathBuf,
    turns: Semaphore,
}

impl Compiler {
    /// Compiles with this binary of ours; with the running one where none is given.
    pub(crate) fn new(program: Option<PathBuf>) -> Result<Compiler> {
        let program = program.map_or_else(own_binary, Ok)?;
        Ok(Compiler { program, turns: Semaphore::new(AT_ONCE) })
    }

    /// The machine code of a component, which the process must hand over with this label.
    pub(crate) async fn compile(&self, bytes: Cow<'static, [u8]>, label: String, limits: Limits) -> Result<Vec<u8>> {
        let turn = self.turns.acquire().await;
        let program = self.program.clone();
        let work = move || {
            let end = supervise(&mut command(&program, &limits), &bytes, &limits, label.len())?;
            unpack(end, &label, &limits)
        };
        let code = tokio::task::spawn_blocking(work).await;
        drop(turn);
        code.unwrap_or_else(|_| Err(Error::host("the watch over compiling crashed")))
    }
}

/// The running binary. On Linux it is found even where an update has replaced its file.
fn own_binary() -> Result<PathBuf> {
    let linked = Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") && linked.exists() {
        return Ok(linked.to_owned());
    }
    std::env::current_exe().map_err(|error| Error::host(format!("the running program is not found: {error}")))
}

/// Nothing of the environment goes along: it may hold secrets.
fn command(program: &Path, limits: &Limits) -> Command {
    let mut command = Command::new(program);
    command
        .arg(SUBCOMMAND)
        .args(["--memory", &limits.compile_memory_bytes.to_string()])
        .args(["--seconds", &limits.compile_cpu.as_secs().max(1).to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    command.env_clear();
    // An arena of the allocator for each of many threads would use up the address space.
    command.env("RAYON_NUM_THREADS", THREADS).env("MALLOC_ARENA_MAX", "2");
    command
}

/// How the process ended.
struct End {
    /// None where it was stopped, since its time was over.
    status: Option<ExitStatus>,
    /// What it wrote, as far as that was read.
    output: Vec<u8>,
    words: Vec<u8>,
}

/// Runs the process to its end, or to that of its time.
fn supervise(command: &mut Command, bytes: &[u8], limits: &Limits, label: usize) -> Result<End> {
    let until = Instant::now() + limits.compile_time;
    let mut child = command.spawn().map_err(|error| {
        let program = command.get_program().display();
        Error::host(format!("the process that compiles (`{program}`) cannot be started: {error}"))
    })?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    Ok(thread::scope(|scope| {
        // A process that reads no more has said why, or its status does.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(bytes)));
        let output = scope.spawn(move || read(stdout, limits.compile_output_bytes + label + 1));
        let words = scope.spawn(move || read(stderr, WORDS));
        let status = wait(&mut child, until);
        End { status, output: output.join().unwrap_or_default(), words: words.join().unwrap_or_default() }
    }))
}

/// What comes out of a pipe, up to so many bytes. Then it is closed, and whoever goes on writing fails.
fn read(pipe: Option<impl Read>, most: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What was read before an error is judged like any other output.
        let _ = pipe.take(most as u64).read_to_end(&mut bytes);
    }
    bytes
}

fn wait(child: &mut Child, until: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < until => thread::sleep(GLANCE),
            _ => break,
        }
    }
    // It may have ended by itself just now; then there is nothing to kill.
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// The machine code, or why there is none.
fn unpack(end: End, label: &str, limits: &Limits) -> Result<Vec<u8>> {
    let End { status, mut output, words } = end;
    let words = String::from_utf8_lossy(&words);
    let words = words.trim().replace(|c: char| c.is_control(), " ");
    if output.len() > limits.compile_output_bytes + label.len() {
        return Err(too_large(limits));
    }
    let Some(status) = status else { return Err(too_long(limits)) };
    match status.code() {
        Some(0) if output.starts_with(label.as_bytes()) => Ok(output.split_off(label.len())),
        Some(0) => Err(Error::host("the process that compiles is not the same program as this one")
            .help("start Tidegate again; was it updated meanwhile?")),
        _ if ran_out_of_memory(&words) => Err(too_much(limits)),
        _ if ran_out_of_time(status) => Err(too_busy(limits)),
        Some(code) if code == i32::from(REFUSED) => Err(refused(&words)),
        _ => Err(refused(&format!("the compiler broke off ({status})"))),
    }
}

/// The allocator, the system or wasmtime say so, depending on who asked for the memory.
fn ran_out_of_memory(words: &str) -> bool {
    ["memory allocation of", "Cannot allocate memory", "failed to spawn thread", "out of memory"]
        .iter()
        .any(|sign| words.contains(sign))
}

#[cfg(unix)]
fn ran_out_of_time(status: ExitStatus) -> bool {
    use rustix::process::Signal;
    use std::os::unix::process::ExitStatusExt;
    let of_time = [Signal::XCPU, Signal::KILL].map(|signal| signal.as_raw());
    status.signal().is_some_and(|signal| of_time.contains(&signal))
}

#[cfg(not(unix))]
fn ran_out_of_time(_: ExitStatus) -> bool {
    false
}

fn refused(why: &str) -> Error {
    Error::plugin("plugin.refused", format!("the component cannot be compiled: {why}"))
}

fn too_long(limits: &Limits) -> Error {
    limit(format!("compiling took longer than {} s", limits.compile_time.as_secs_f64()), "compile_time")
}

fn too_busy(limits: &Limits) -> Error {
    limit(format!("compiling took more than {} s of processor time", limits.compile_cpu.as_secs()), "compile_cpu")
}

fn too_much(limits: &Limits) -> Error {
    limit(format!("compiling took more than {} bytes of memory", limits.compile_memory_bytes), "compile_memory")
}

fn too_large(limits: &Limits) -> Error {
    limit(format!("the compiled component has more than {} bytes", limits.compile_output_bytes), "compile_output")
}

fn limit(message: String, name: &str) -> Error {
    Error::new(Origin::Limit, "limit.compile", message)
        .help(format!("if you trust the component, raise the limit by `--limit {name}=…`"))
}
