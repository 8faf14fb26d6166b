//! `tidegate serve`: the connections of many tenants in one process, over an HTTP API.

mod runner;
mod setup;
mod token;

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::limits::Operator;
use super::logging::Screen;
use super::output::Stream;
use super::sync::listen;
use super::{exit, run};
use crate::config::StrategyRef;
use crate::error::{Error, Result};
use crate::plugin;
use crate::plugin::Limits;
use crate::serve::live::Live;
use crate::serve::plugin::Version;
use crate::serve::registry::Registry;
use crate::serve::rollout::Rollouts;
use crate::serve::store::{SqliteStore, Store};
use crate::serve::tenant::Role;
use crate::serve::{Clock, Refusal, Retention, Server, Settings, api, folder};

use runner::HostedRunner;
use setup::{Flags, Place, Setup};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    action: Option<Action>,
}

/// What is done with a server's data folder in place of serving it.
#[derive(Subcommand)]
enum Action {
    /// Make an operator's token on the data folder itself: where none is known any more, whether the server runs or not
    Token(token::Arguments),
}

pub(super) async fn execute(arguments: Arguments, screen: Screen, operator: &Operator) -> Result<u8> {
    let Arguments { place, flags, action } = arguments;
    match action {
        Some(Action::Token(arguments)) => token::execute(&place.data(&place.read_file()?)?, arguments, &screen),
        None => serve(Setup::read(&place, flags)?, screen, operator).await,
    }
}

async fn serve(setup: Setup, screen: Screen, operator: &Operator) -> Result<u8> {
    let operator = operator.over(&setup.limits)?;
    let retention = Retention { age: setup.keep_runs_for, least: setup.keep_runs };
    setup.watch.as_deref().map_or(Ok(()), folder::check)?;
    let settings = Settings { concurrent_runs: setup.concurrent_runs, drain: setup.drain, retention };
    let server = open(&setup, &operator.limits).await?;
    server.resume_rollouts().await.map_err(Refusal::into_error)?;
    let listener = TcpListener::bind(setup.listen).await.map_err(|error| {
        Error::configuration(format!("cannot listen on {}: {error}", setup.listen))
            .help("choose another address by `--listen`")
    })?;
    setup.tell(&operator.changed());
    first_token(&server).await?;
    if !screen.is_quiet {
        let address = listener.local_addr().unwrap_or(setup.listen);
        Stream::Stderr.print(&format!("serving on http://{address}; stop with Ctrl-C"));
    }
    let stop = CancellationToken::new();
    let stopping = tokio::spawn(listen(stop.clone(), "the next checkpoints"));
    // The API answers until the last run has ended, so that those who watch it see its end.
    let ended = CancellationToken::new();
    let answering = tokio::spawn(api::serve(server.clone(), listener, ended.clone().cancelled_owned()));
    let watching = setup.watch.map(|folder| tokio::spawn(folder::bring_in(server.clone(), folder)));
    crate::serve::serve(&server, settings, &stop).await;
    if let Some(watching) = watching {
        watching.abort();
    }
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
async fn open(setup: &Setup, limits: &Limits) -> Result<Server> {
    let key = run::secret_key()?;
    if key.is_none() {
        tracing::warn!("TIDEGATE_SECRET_KEY is not set, so tenants' secrets are kept in memory only");
    }
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&setup.data, key)?);
    let host = run::Host::new(limits)?.with_token_folder(setup.data.join("tokens"));
    let built_in = built_in(&host).await?;
    let runner = HostedRunner::new(host, Arc::clone(&store), &setup.data, setup.allow_private_addresses);
    Ok(Server {
        store,
        runner: Arc::new(runner),
        registry: Arc::new(Registry::new(&setup.data.join("plugins"), built_in)),
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
    let (_, secret) = crate::serve::token::issue(server, None, Role::Operator, "first".to_owned())
        .await
        .map_err(Refusal::into_error)?;
    let secret = secret.expose_secret();
    Stream::Stdout.print(&format!("operator token, shown this once: {secret}"));
    Ok(())
}
