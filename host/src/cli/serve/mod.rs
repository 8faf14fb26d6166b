//! `tidegate serve`: the connections of many tenants in one process, over an HTTP API.

mod runner;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::logging::Screen;
use super::output::Stream;
use super::sync::asked_to_stop;
use super::{exit, run};
use crate::config;
use crate::error::{Error, Result};
use crate::plugin::Limits;
use crate::serve::live::Live;
use crate::serve::store::{SqliteStore, Store, Tenants};
use crate::serve::tenant::Role;
use crate::serve::{Clock, Server, Settings, api};

use runner::HostedRunner;

#[derive(Args)]
pub(super) struct Arguments {
    /// Folder for everything that is kept: tenants, connections, history, and the tenants' destinations
    #[arg(long, value_name = "DIR", env = "TIDEGATE_DATA")]
    data: PathBuf,
    /// Address to listen on. Put a proxy that speaks TLS in front of any other than loopback
    #[arg(long, value_name = "ADDRESS", env = "TIDEGATE_LISTEN", default_value = "127.0.0.1:7464")]
    listen: SocketAddr,
    /// Runs at once
    #[arg(long, value_name = "N", env = "TIDEGATE_CONCURRENT_RUNS", default_value_t = 64,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    concurrent_runs: u32,
    /// How long runs may go on to their next checkpoint once the server is to stop
    #[arg(long, value_name = "TIME", env = "TIDEGATE_DRAIN", default_value = "30s", value_parser = duration)]
    drain: Duration,
    /// Let connections reach loopback, private and other special addresses
    #[arg(long, env = "TIDEGATE_ALLOW_PRIVATE_ADDRESSES")]
    allow_private_addresses: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    config::parse_duration(text).ok_or_else(|| "write a time such as `30s` or `5m`".to_owned())
}

pub(super) async fn execute(arguments: Arguments, screen: Screen, limits: &Limits) -> Result<u8> {
    let settings = Settings { concurrent_runs: arguments.concurrent_runs, drain: arguments.drain };
    let server = open(&arguments, limits)?;
    let listener = TcpListener::bind(arguments.listen).await.map_err(|error| {
        Error::configuration(format!("cannot listen on {}: {error}", arguments.listen))
            .help("choose another address by `--listen`")
    })?;
    first_token(&server).await?;
    if !screen.is_quiet {
        let address = listener.local_addr().unwrap_or(arguments.listen);
        Stream::Stderr.print(&format!("serving on http://{address}; stop with Ctrl-C"));
    }
    let stop = CancellationToken::new();
    let stopping = tokio::spawn(listen(stop.clone()));
    let answering = tokio::spawn(api::serve(listener, server.clone(), stop.clone()));
    crate::serve::serve(&server, settings, &stop).await;
    stopping.abort();
    answering.await.map_err(|_| Error::host("the API crashed"))??;
    Ok(exit::DONE)
}

/// Opens the data folder and puts the parts together.
fn open(arguments: &Arguments, limits: &Limits) -> Result<Server> {
    let store = Arc::new(SqliteStore::open(&arguments.data, run::secret_key()?)?);
    let host = run::Host::new(limits)?.with_token_folder(arguments.data.join("tokens"));
    let runner = HostedRunner::new(host, store.clone(), &arguments.data, arguments.allow_private_addresses);
    Ok(Server { store, runner: Arc::new(runner), live: Arc::new(Live::default()), clock: Clock::System })
}

/// A new server is of no use to anyone without a token.
async fn first_token(server: &Server) -> Result<()> {
    let failed = |refusal: crate::serve::Refusal| Error::host(format!("the first token cannot be made: {refusal}"));
    if server.store.has_token_of(Role::Operator).await.map_err(failed)? {
        return Ok(());
    }
    let token = api::mint(server, None, Role::Operator, "first").await.map_err(failed)?;
    Stream::Stdout.print(&format!("operator token, shown this once: {token}"));
    Ok(())
}

/// The first Ctrl-C lets runs come to a checkpoint; the second ends the process at once.
async fn listen(stop: CancellationToken) {
    asked_to_stop().await;
    stop.cancel();
    Stream::Stderr.print("stopping at the next checkpoints; press Ctrl-C again to stop at once");
    asked_to_stop().await;
    std::process::exit(exit::INTERRUPTED.into());
}
