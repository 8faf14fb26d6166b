//! `tidegate serve`: the connections of many tenants in one process, over an HTTP API.

mod runner;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::logging::Screen;
use super::output::Stream;
use super::sync::listen;
use super::{exit, run};
use crate::config::{self, StrategyRef};
use crate::error::{Error, Result};
use crate::plugin;
use crate::plugin::Limits;
use crate::serve::live::Live;
use crate::serve::plugin::Version;
use crate::serve::registry::Registry;
use crate::serve::rollout::Rollouts;
use crate::serve::store::{SqliteStore, Store};
use crate::serve::tenant::Role;
use crate::serve::{Clock, Refusal, Server, Settings, api, token};

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
    let server = open(&arguments, limits).await?;
    server.resume_rollouts().await.map_err(Refusal::into_error)?;
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
    let stopping = tokio::spawn(listen(stop.clone(), "the next checkpoints"));
    // The API answers until the last run has ended, so that those who watch it see its end.
    let ended = CancellationToken::new();
    let answering = tokio::spawn(api::serve(server.clone(), listener, ended.clone().cancelled_owned()));
    crate::serve::serve(&server, settings, &stop).await;
    ended.cancel();
    // Somebody may follow a run's events, and never stop.
    if let Ok(answered) = tokio::time::timeout(LAST_ANSWERS, answering).await {
        answered.map_err(|_| Error::host("the API crashed"))??;
    }
    stopping.abort();
    Ok(exit::DONE)
}

/// How long answers may take once nothing runs any more.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// Opens the data folder and puts the parts together.
async fn open(arguments: &Arguments, limits: &Limits) -> Result<Server> {
    let key = run::secret_key()?;
    if key.is_none() {
        tracing::warn!("TIDEGATE_SECRET_KEY is not set, so tenants' secrets are kept in memory only");
    }
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&arguments.data, key)?);
    let host = run::Host::new(limits)?.with_token_folder(arguments.data.join("tokens"));
    let built_in = built_in(&host).await?;
    let runner = HostedRunner::new(host, Arc::clone(&store), &arguments.data, arguments.allow_private_addresses);
    Ok(Server {
        store,
        runner: Arc::new(runner),
        registry: Arc::new(Registry::new(&arguments.data.join("plugins"), built_in)),
        rollouts: Arc::new(Rollouts::default()),
        live: Arc::new(Live::default()),
        metrics: Arc::default(),
        clock: Clock::System,
    })
}

/// The strategies that are part of this binary.
async fn built_in(host: &run::Host) -> Result<Vec<Version>> {
    let mut versions = Vec::new();
    for name in plugin::built_in_names() {
        let reference = StrategyRef::BuiltIn(name.to_owned());
        let manifest = host.engine.load(&reference).await?.describe().await?;
        versions.push(Version::new(host.engine.inspect(&reference)?, manifest, None, 0).map_err(Refusal::into_error)?);
    }
    Ok(versions)
}

/// A new server is of no use to anyone without a token.
async fn first_token(server: &Server) -> Result<()> {
    if server.store.has_token_of(Role::Operator).await.map_err(Refusal::into_error)? {
        return Ok(());
    }
    let (_, secret) =
        token::issue(server, None, Role::Operator, "first".to_owned()).await.map_err(Refusal::into_error)?;
    let secret = secret.expose_secret();
    Stream::Stdout.print(&format!("operator token, shown this once: {secret}"));
    Ok(())
}
