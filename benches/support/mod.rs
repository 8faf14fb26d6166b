//! What the benches of whole runs share.

#![allow(dead_code, reason = "each bench needs some of it")]

pub(crate) mod records;
pub(crate) mod served;
pub(crate) mod twin;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use comfy_table::{CellAlignment, Table, presets};
use tidegate::config::{self, Destination, PrivateAddresses};
use tidegate::http::{Client, MemoryTokens, Meter, Origins, Source};
use tidegate::model::{Owner, Report, Status};
use tidegate::plugin::{Limits, Strategy};
use tidegate::sink::{self, Mode};
use tidegate::sync::{self, Clock, Gauge, Hands, Job, Pace};
use tokio_util::sync::CancellationToken;

/// A source on this machine, and what counts its requests.
pub(crate) fn source(base_url: &str) -> Result<(Arc<Source>, Arc<Meter>)> {
    source_within(base_url, None)
}

/// The same, with no more than so many requests in flight.
pub(crate) fn source_within(base_url: &str, in_flight: Option<usize>) -> Result<(Arc<Source>, Arc<Meter>)> {
    let mut settings = config::Source::new(base_url.parse()?);
    settings.allow_private_addresses = PrivateAddresses::OfBaseUrl;
    settings.max_in_flight = in_flight.unwrap_or(settings.max_in_flight);
    let meter = Arc::new(Meter::default());
    let client = Arc::new(Client::new(&settings)?);
    let (tokens, origins) = (Arc::new(MemoryTokens::default()), Origins::default());
    let source = Source::new(&settings, client, tokens, Arc::clone(&meter), origins)?;
    Ok((Arc::new(source), meter))
}

/// Runs a sync to its end, as the program does.
pub(crate) async fn sync(
    strategy: &Arc<dyn Strategy>,
    (source, meter): (Arc<Source>, Arc<Meter>),
    destination: &Destination,
    config: String,
) -> Result<Report> {
    let report = sync::run(Job {
        name: "bench".to_owned(),
        strategy_name: "bench".to_owned(),
        strategy: Arc::clone(strategy),
        source,
        sink: sink::open(destination, &Owner::local("bench"), None, false)?,
        config,
        mode: Mode::Incremental,
        pace: Pace::default(),
        hands: Hands::Thread,
        clock: Clock::system(),
        timeout: Duration::from_secs(3600),
        limits: Limits::default(),
        interrupt: CancellationToken::new(),
        gauge: Arc::new(Gauge::new(meter)),
    })
    .await;
    match (report.status, &report.error) {
        (Status::Done, None) => Ok(report),
        (status, error) => bail!("a sync has {}: {error:?}", status.as_str()),
    }
}

/// A client with nothing around it.
pub(crate) fn bare_client() -> Result<reqwest::Client> {
    // It wants one even for plain HTTP; a second one is refused, which is as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder().no_proxy().build()?)
}

/// What this process has used so far, as far as the system tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Seconds of all its threads.
    pub(crate) cpu: Option<f64>,
    /// The most memory that was resident.
    pub(crate) peak_bytes: Option<u64>,
    /// What it handed to the system to be written, into files and sockets.
    pub(crate) written_bytes: Option<u64>,
}

impl Usage {
    pub(crate) fn now() -> Usage {
        let peak = figure("/proc/self/status", "VmHWM:").map(|kibibytes| kibibytes << 10);
        Usage { cpu: cpu(), peak_bytes: peak, written_bytes: figure("/proc/self/io", "wchar:") }
    }
}

/// The number behind a name in one of Linux's tables; nothing elsewhere.
pub(crate) fn figure(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(unix)]
fn cpu() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

#[cfg(not(unix))]
fn cpu() -> Option<f64> {
    None
}

/// A table with names on the left and figures on the right.
pub(crate) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(header);
    for column in 1..N {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
