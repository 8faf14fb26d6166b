//! Log lines on standard error, and the screen that they share with live progress.

use std::io::{self, IsTerminal, Write};

use indicatif::{MultiProgress, ProgressDrawTarget};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, registry};

use super::traces::{self, Exporter};
use super::{Format, Globals};
use crate::error::Result;

/// Overrides which log lines are shown, as in `TIDEGATE_LOG=debug`.
const FILTER_VARIABLE: &str = "TIDEGATE_LOG";

/// What is shown while a command works.
#[derive(Clone)]
pub(super) struct Screen {
    /// Where progress lines are drawn, if there are any.
    pub(super) progress: Option<MultiProgress>,
    pub(super) is_quiet: bool,
}

/// Starts logging as the user wants it, and traces where the environment does.
pub(super) fn start(globals: &Globals, is_simulating: bool) -> Result<(Screen, Option<Exporter>)> {
    let is_live = !globals.quiet && globals.log == Format::Text && io::stderr().is_terminal();
    let progress = is_live.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));
    let default = match (globals.quiet, is_live) {
        (true, _) => "off",
        _ if is_simulating => "off",
        (false, true) => "warn,tidegate::strategy=info",
        (false, false) => "warn,tidegate=info",
    };
    let filter = EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new(default));
    let lines = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_ansi(false)
        .with_writer(Lines { progress: progress.clone() });
    let lines = match globals.log {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    let lines = lines.with_filter(filter.and(filter_fn(|metadata| !traces::is_of_a_trace(metadata))));
    let started = if is_simulating { None } else { traces::start(&|name| std::env::var(name).ok())? };
    let (collector, exporter) = started.unzip();
    let collector = collector.map(|collector| collector.with_filter(filter_fn(traces::is_of_a_trace)));
    // A program that embeds this one may have started its own.
    drop(registry().with(lines).with(collector).try_init());
    Ok((Screen { progress, is_quiet: globals.quiet }, exporter))
}

/// Writes whole lines to standard error, above the progress that is drawn there.
#[derive(Clone)]
struct Lines {
    progress: Option<MultiProgress>,
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let write = || io::stderr().lock().write_all(line);
        match &self.progress {
            Some(progress) => progress.suspend(write)?,
            None => write()?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Lines;

    fn make_writer(&self) -> Lines {
        self.clone()
    }
}
