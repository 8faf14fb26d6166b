//! The command line: one file a subcommand, the only place that prints, and the place where all parts are put
//! together.
//!
//! `connection` reads connection files, `run` wires a connection's parts and runs it; the subcommands use both. `remote`
//! asks a server in place of that. What is
//! decided here is decided by pure functions: `exit` (which exit code), `summary` (what a report looks like),
//! `options` (what a schema says to people), `excerpt` (which part of a file is shown with an error).

mod certify;
mod check;
mod compile;
mod completions;
mod connection;
mod demo;
mod describe;
mod excerpt;
mod exit;
mod init;
mod limits;
mod logging;
mod options;
mod output;
mod playground;
mod progress;
mod remote;
mod replay;
mod run;
mod schema;
mod serve;
mod state;
mod summary;
mod sync;
mod traces;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::error::{Error, Result};
use limits::Operator;

const EXIT_CODES: &str = "Exit codes:
  0    done
  1    a sync failed
  2    wrong usage or configuration
  3    the source or the server refused the credentials or could not be reached
  4    some of several connections failed
  75   the source asks to come back later; the summary says when
  130  interrupted after a checkpoint; the next run goes on from there";

/// Pulls data incrementally from HTTP APIs into databases.
#[derive(Parser)]
#[command(name = "tidegate", version, about, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Globals {
    /// How log lines look. With `json`, and where standard error is no terminal, there is no live progress
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    log: Format,
    /// Nothing but errors and what was asked for: no progress, no log, no summary
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Set a limit of the sandbox, as in `memory=128MiB`; `tidegate limits` lists them. May be repeated
    #[arg(long = "limit", global = true, value_name = "NAME=VALUE")]
    limits: Vec<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Run connections, side by side
    Sync(sync::Arguments),
    /// Run the connections of many tenants on their schedules, over an HTTP API
    Serve(serve::Arguments),
    /// Make and bound the tenants of a server, and their tokens
    Tenants(remote::tenants::Arguments),
    /// Put, see and run connections of a server
    Connections(remote::connections::Arguments),
    /// Put and remove secrets of a server's connections
    Secrets(remote::secrets::Arguments),
    /// Bring strategies to a server while it runs, and see them
    Plugins(remote::plugins::Arguments),
    /// See and cancel runs of a server
    Runs(remote::runs::Arguments),
    /// Check connections without writing anything: configuration, strategy, source, credentials, destination
    Check(check::Arguments),
    /// Prove that a strategy loses nothing, against simulated sources and with a crash at every step
    Certify(certify::Arguments),
    /// Run a strategy on what was recorded, and say where it behaves otherwise
    Replay(replay::Arguments),
    /// Say what a strategy is, and which configuration it takes
    Describe(describe::Arguments),
    /// Show the tables that a connection writes
    Schema(schema::Arguments),
    /// Write a commented connection file for a strategy
    Init(init::Arguments),
    /// Show or change the saved state of a connection
    State(state::Arguments),
    /// Serve an API with invented records on this machine, to try strategies on
    Playground(playground::Arguments),
    /// See it work: a source on this machine, all strategies, one database, a change, a second run
    Demo(demo::Arguments),
    /// Show the limits of the sandbox, what they are now, and why
    Limits(limits::Arguments),
    /// Write a completion script for a shell
    Completions(completions::Arguments),
    /// What Tidegate starts to compile a component
    #[command(hide = true)]
    CompileComponent(compile::Arguments),
}

/// For people or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Runs the program. Wrong usage ends the process here, with exit code 2.
pub fn main() -> ExitCode {
    keep_the_heap_small();
    let Cli { globals, command } = Cli::parse();
    if let Command::CompileComponent(arguments) = &command {
        return compile::execute(arguments);
    }
    // The runs that a certification simulates are thousands, and what they log is not of this machine.
    let is_simulating = matches!(command, Command::Certify(_));
    let (screen, traces) = match logging::start(&globals, is_simulating) {
        Ok(started) => started,
        Err(error) => return failed(&error),
    };
    let code = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(async {
                outlive_limit_on_file_sizes();
                let limits = Operator::read(globals.limits)?;
                execute(command, screen, &limits).await
            });
            runtime.shutdown_background();
            code
        }
        Err(error) => Err(Error::host(format!("no threads can be started: {error}"))),
    };
    drop(traces);
    code.map_or_else(|error| failed(&error), ExitCode::from)
}

fn failed(error: &Error) -> ExitCode {
    output::error(error);
    ExitCode::from(exit::of_error(error))
}

/// Pages come in on one thread and go out on another, some hundred kilobytes each. Left to itself, glibc keeps such memory
/// in a heap for each thread: twice of what is in use (docs/decisions/0011).
fn keep_the_heap_small() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: the two settings have no preconditions, and no other thread is there yet.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, 64 << 10);
            libc::mallopt(libc::M_ARENA_MAX, 2);
        }
    }
}

/// Lets a write beyond the limit on file sizes (`ulimit -f`) fail, as on a full disk, where a signal would end the
/// process without a word. Once there is a listener, tokio never gives the signal back.
fn outlive_limit_on_file_sizes() {
    #[cfg(all(unix, not(any(target_arch = "mips", target_arch = "mips64"))))]
    {
        use tokio::signal::unix::{SignalKind, signal};
        const SIGXFSZ: i32 = 25;
        let _ = signal(SignalKind::from_raw(SIGXFSZ));
    }
}

async fn execute(command: Command, screen: logging::Screen, operator: &Operator) -> Result<u8> {
    let limits = &operator.limits;
    match command {
        Command::Sync(arguments) => sync::execute(arguments, screen, limits).await,
        Command::Serve(arguments) => serve::execute(arguments, screen, operator).await,
        Command::Tenants(arguments) => remote::tenants::execute(arguments, screen).await,
        Command::Connections(arguments) => remote::connections::execute(arguments, screen).await,
        Command::Secrets(arguments) => remote::secrets::execute(arguments, screen).await,
        Command::Plugins(arguments) => remote::plugins::execute(arguments, screen).await,
        Command::Runs(arguments) => remote::runs::execute(arguments, screen).await,
        Command::Check(arguments) => check::execute(arguments, limits).await,
        Command::Certify(arguments) => certify::execute(arguments, screen, limits).await,
        Command::Replay(arguments) => replay::execute(arguments, limits).await,
        Command::Describe(arguments) => describe::execute(arguments, limits).await,
        Command::Schema(arguments) => schema::execute(arguments, limits).await,
        Command::Init(arguments) => init::execute(arguments, limits).await,
        Command::State(arguments) => state::execute(arguments, limits).await,
        Command::Playground(arguments) => playground::execute(arguments, screen).await,
        Command::Demo(arguments) => demo::execute(arguments, screen, limits).await,
        Command::Limits(arguments) => limits::execute(&arguments, operator),
        Command::Completions(arguments) => completions::execute(arguments),
        // It is done before there are any threads.
        Command::CompileComponent(_) => Ok(exit::DONE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn no_two_options_of_a_command_have_one_name() {
        Cli::command().debug_assert();
    }
}
