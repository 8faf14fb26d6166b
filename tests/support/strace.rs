//! Makes a chosen call on a destination's files fail, or kills the process there, by `strace`.

use std::process::Command;

use super::{Outcome, Sink, Workspace, tools};

/// What happens at a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Blow {
    /// The process is killed before the call is made.
    Kill,
    /// The call is not made, and fails with this error.
    Fail(&'static str),
}

/// Whether `strace` is there and may do its work.
pub(crate) fn is_there() -> bool {
    tools::works(Command::new("strace").args(["-qq", "-e", "trace=none", "true"]), "strace")
}

/// The calls by which a destination is read and written.
pub(crate) fn calls(sink: Sink) -> &'static [&'static str] {
    match sink {
        Sink::Sqlite => &["openat", "pread64", "pwrite64", "ftruncate", "fsync", "fdatasync", "unlink"],
        Sink::Jsonl => &["openat", "read", "write", "ftruncate", "fdatasync"],
    }
}

/// Runs the program; the blow falls at the `n`th such call of a thread that concerns the destination. None where there
/// was no such call.
pub(crate) fn run(
    workspace: &Workspace,
    sink: Sink,
    call: &str,
    n: usize,
    blow: Blow,
    arguments: &[&str],
) -> Option<Outcome> {
    let blow = match blow {
        Blow::Kill => "signal=KILL".to_owned(),
        Blow::Fail(error) => format!("error={error}"),
    };
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:{blow}:when={n}"));
    // Calls may name a file by either path.
    let name = |file: &&str| [(*file).to_owned(), workspace.path(file).display().to_string()];
    let files: Vec<String> = sink.files().iter().flat_map(name).collect();
    let mut starter = vec!["strace", "-f", "--quiet=all", "-o", "calls", "-e", &trace, "-e", &inject];
    starter.extend(files.iter().flat_map(|file| ["-P", file]));
    let outcome = workspace.run_under(&starter, arguments);
    let calls = std::fs::read_to_string(workspace.path("calls")).expect("what strace saw");
    // Of a call that was not made because of a signal, strace tells no result.
    (outcome.code == -1 || calls.contains("(INJECTED)")).then_some(outcome)
}
