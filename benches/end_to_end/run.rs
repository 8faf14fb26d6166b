//! One measured run, in a process of its own: so that its memory and its processor time are its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use tidegate::config::{Destination, StrategyRef};
use tidegate::plugin::{Engine, Strategy};

use crate::alone;
use crate::support::twin::Twin;
use crate::support::{self, Usage};

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// A client and a file, or SQLite with rows in memory.
    Alone,
    /// The same, each commit in the order of its keys.
    AloneSorted,
    /// Tidegate, with a native function for a strategy.
    Native,
    /// Tidegate.
    Sandboxed,
}

/// Where the records go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Into {
    /// A file of lines.
    Jsonl,
    /// A database.
    Sqlite,
}

/// What a process is to do.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Who does it.
    #[arg(long, value_enum)]
    pub(crate) kind: Kind,
    /// Where the records go.
    #[arg(long, value_enum)]
    pub(crate) into: Into,
    /// The base URL.
    #[arg(long)]
    pub(crate) url: String,
    /// Where the destinations are.
    #[arg(long)]
    pub(crate) folder: PathBuf,
}

/// What a run took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub(crate) seconds: f64,
    pub(crate) records: u64,
    /// None where the system does not tell, or where it would not be the run's own.
    pub(crate) cpu: Option<f64>,
    pub(crate) peak_bytes: Option<u64>,
    pub(crate) written_bytes: Option<u64>,
}

/// Does it in this process, and tells the parent.
pub(crate) async fn perform(options: Options) -> Result<()> {
    let cost = match options.kind {
        Kind::Alone | Kind::AloneSorted => alone(&options).await?,
        Kind::Native => whole(&options, Arc::new(Twin)).await?,
        Kind::Sandboxed => {
            let engine = Engine::builder().compiler(env!("CARGO_BIN_EXE_tidegate")).build()?;
            let keyset = engine.load(&StrategyRef::BuiltIn("keyset".to_owned())).await?;
            whole(&options, keyset).await?
        }
    };
    println!("{}", serde_json::to_string(&cost)?);
    Ok(())
}

/// Has it done by a process of its own.
pub(crate) fn spawn(Options { kind, into, url, folder }: &Options) -> Result<Cost> {
    let name = |value: Option<clap::builder::PossibleValue>| value.map(|value| value.get_name().to_owned());
    let (kind, into) = (name(kind.to_possible_value()), name(into.to_possible_value()));
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["run", "--kind", &kind.unwrap_or_default(), "--into", &into.unwrap_or_default(), "--url", url]);
    let output = command.arg("--folder").arg(folder).stderr(std::process::Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{command:?} failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn destination(folder: &Path, kind: Kind, into: Into) -> PathBuf {
    folder.join(format!("{kind:?}-{into:?}").to_lowercase())
}

async fn alone(Options { kind, into, url, folder }: &Options) -> Result<Cost> {
    let path = destination(folder, *kind, *into);
    match into {
        Into::Jsonl => {
            let (begin, before) = (Instant::now(), Usage::now());
            let records = alone::lines(url, &path).await?;
            Ok(cost(begin.elapsed().as_secs_f64(), records as u64, &before))
        }
        Into::Sqlite => {
            let (begin, records) = alone::sqlite(url, &path, *kind == Kind::AloneSorted).await?;
            let seconds = begin.elapsed().as_secs_f64();
            // The rows in memory, and what it took to get them there, are not SQLite's.
            Ok(Cost { seconds, records: records as u64, cpu: None, peak_bytes: None, written_bytes: None })
        }
    }
}

async fn whole(options: &Options, strategy: Arc<dyn Strategy>) -> Result<Cost> {
    let path = destination(&options.folder, options.kind, options.into);
    let destination = match options.into {
        Into::Jsonl => Destination::JsonlFile { path },
        Into::Sqlite => Destination::Sqlite { path },
    };
    let before = Usage::now();
    let report = support::sync(&strategy, support::source(&options.url)?, &destination, "{}".to_owned()).await?;
    Ok(cost(report.seconds, report.progress.rows_read, &before))
}

fn cost(seconds: f64, records: u64, before: &Usage) -> Cost {
    let now = Usage::now();
    let cpu = now.cpu.zip(before.cpu).map(|(now, before)| now - before);
    let written_bytes = now.written_bytes.zip(before.written_bytes).map(|(now, before)| now - before);
    Cost { seconds, records, cpu, peak_bytes: now.peak_bytes, written_bytes }
}
