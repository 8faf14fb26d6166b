//! Putting the parts of a connection together and running it.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::Instant;

use tokio_util::sync::CancellationToken;
use tracing::field::Empty;
use tracing::{Instrument, info_span};

use super::connection::Loaded;
use super::limits;
use crate::SPANS;
use crate::config::{self, Auth, Connection, Places};
use crate::error::{Error, Result};
use crate::http::{Client, Enough, FileTokens, MemoryTokens, Meter, Origins, Source, TokenStore};
use crate::model::{Owner, Report, Status};
use crate::plugin::{Engine, Limits, Manifest, Strategy};
use crate::recording::Recorder;
use crate::seal::SecretKey;
use crate::sink::{self, Mode};
use crate::sync::{self, Clock, Gauge, Hands, Job, Pace, Promises};

/// What all connections of the process share.
pub(super) struct Host {
    pub(super) engine: Engine,
    pub(super) origins: Origins,
    /// Where refresh tokens are kept, if the machine has a place for them.
    pub(super) token_folder: Option<PathBuf>,
}

impl Host {
    pub(super) fn new(limits: &Limits) -> Result<Host> {
        Ok(Host { engine: engine(limits)?, origins: Origins::default(), token_folder: token_folder() })
    }
}

impl Host {
    /// Tokens are kept there, in place of the user's own folder.
    pub(super) fn with_token_folder(self, folder: PathBuf) -> Host {
        Host { token_folder: Some(folder), ..self }
    }
}

/// An engine within the operator's limits.
pub(super) fn engine(limits: &Limits) -> Result<Engine> {
    Engine::builder().limits(*limits).build()
}

/// How connections are run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options {
    pub(super) full_refresh: bool,
    pub(super) dry_run: bool,
    pub(super) enough: Enough,
}

/// A connection with everything but its destination, which is opened when it runs.
pub(super) struct Prepared {
    pub(super) connection: Connection,
    pub(super) owner: Owner,
    /// Under which lease it is run, where runs are given out under leases.
    pub(super) lease: Option<u64>,
    pub(super) strategy: Arc<dyn Strategy>,
    pub(super) source: Source,
    pub(super) gauge: Arc<Gauge>,
    pub(super) limits: Limits,
}

impl Prepared {
    /// Records what the strategy is told and does into this file, up to so many bytes.
    pub(super) fn record(&mut self, path: &Path, most_bytes: u64) {
        let name = self.connection.strategy.to_string();
        self.strategy = Arc::new(Recorder::new(Arc::clone(&self.strategy), name, path).up_to(most_bytes));
    }
}

/// The strategy of a connection, what it says of itself, and what it and its runs may use.
pub(super) struct LoadedStrategy {
    pub(super) strategy: Arc<dyn Strategy>,
    pub(super) manifest: Manifest,
    pub(super) limits: Limits,
}

/// Loads the strategy of a connection and checks the configuration that is meant for it.
pub(super) async fn load_strategy(engine: &Engine, connection: &Connection, places: &Places) -> Result<LoadedStrategy> {
    let limits = limits::of_connection(engine.limits(), connection)?;
    let strategy = engine.load_within(&connection.strategy, limits).await?;
    let manifest = strategy.describe().await?;
    Promises::read(&manifest.needs)?;
    config::validate(&connection.config, &manifest.config_schema, places)?;
    Ok(LoadedStrategy { strategy, manifest, limits })
}

/// Does all that can be done before anything is read or written.
pub(super) async fn prepare(host: &Host, loaded: &Loaded, options: Options) -> Result<Prepared> {
    let LoadedStrategy { strategy, limits, .. } =
        load_strategy(&host.engine, &loaded.connection, &loaded.places).await?;
    let connection = limits::bound(&limits, &loaded.connection)?;
    let meter = Arc::new(Meter::until(options.enough).within(limits.requests));
    Ok(Prepared {
        strategy,
        source: open_source(host, &connection, &loaded.owner, Arc::clone(&meter))?,
        gauge: Arc::new(Gauge::new(meter)),
        connection,
        owner: loaded.owner.clone(),
        lease: None,
        limits,
    })
}

/// Opens the source of a connection. Nothing is sent yet.
fn open_source(host: &Host, connection: &Connection, owner: &Owner, meter: Arc<Meter>) -> Result<Source> {
    let client = Arc::new(Client::new(&connection.source)?);
    let tokens = token_store(connection, owner, host.token_folder.as_deref())?;
    Source::new(&connection.source, client, tokens, meter, host.origins.clone())
}

/// The source of a connection alone, for one who asks it without a run.
pub(super) fn source_alone(connection: &Connection, owner: &Owner) -> Result<Source> {
    let client = Arc::new(Client::new(&connection.source)?);
    let tokens = token_store(connection, owner, token_folder().as_deref())?;
    Source::new(&connection.source, client, tokens, Arc::new(Meter::default()), Origins::default())
}

/// Refresh tokens outlive a run, since a server may replace them by its own, if there is a key to keep them under.
fn token_store(connection: &Connection, owner: &Owner, folder: Option<&Path>) -> Result<Arc<dyn TokenStore>> {
    static WARNING: Once = Once::new();
    let Auth::OAuth2 { token_url, client_id, refresh_token: Some(token), .. } = &connection.source.auth else {
        return Ok(Arc::new(MemoryTokens::default()));
    };
    if let (Some(key), Some(folder)) = (secret_key()?, folder) {
        return Ok(Arc::new(FileTokens::new(folder, key, owner.clone(), (token_url, client_id), token)));
    }
    WARNING.call_once(|| {
        tracing::warn!(
            "TIDEGATE_SECRET_KEY is not set, so refresh tokens are not kept: where the server replaces them, the next \
             run needs a new one to be configured"
        );
    });
    Ok(Arc::new(MemoryTokens::default()))
}

/// The operator's key for what is kept on disk, if there is one.
pub(super) fn secret_key() -> Result<Option<SecretKey>> {
    SecretKey::from_environment(&|name| env::var(name).ok())
}

fn token_folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "tidegate").map(|folders| folders.data_local_dir().join("tokens"))
}

/// Runs a connection to its end, whatever that is.
pub(super) async fn run(prepared: Prepared, options: Options, interrupt: CancellationToken) -> Report {
    let span = info_span!(
        target: SPANS,
        "run",
        tidegate.tenant = prepared.owner.tenant,
        tidegate.connection = prepared.connection.name,
        tidegate.plugin.digest = prepared.strategy.digest(),
        tidegate.status = Empty,
        error.type = Empty,
    );
    let report = run_untold(prepared, options, interrupt).instrument(span.clone()).await;
    span.record("tidegate.status", report.status.as_str());
    if let Some(error) = &report.error {
        span.record("error.type", error.code());
    }
    report
}

async fn run_untold(prepared: Prepared, options: Options, interrupt: CancellationToken) -> Report {
    let Prepared { connection, owner, lease, strategy, source, gauge, limits } = prepared;
    let clock = Instant::now();
    let digest = strategy.digest().to_owned();
    let failed = |connection: &Connection, error| failed(connection, digest.clone(), clock, error);
    let destination = connection.destination.clone();
    let opened = tokio::task::spawn_blocking(move || sink::open(&destination, &owner, lease, options.dry_run)).await;
    let sink = match opened.unwrap_or_else(|_| Err(Error::host("opening the destination failed"))) {
        Ok(sink) => sink,
        Err(error) => return failed(&connection, error),
    };
    sync::run(Job {
        name: connection.name.clone(),
        strategy_name: connection.strategy.to_string(),
        strategy,
        source: Arc::new(source),
        sink,
        config: serde_json::Value::Object(connection.config).to_string(),
        mode: if options.full_refresh { Mode::FullRefresh } else { Mode::Incremental },
        pace: Pace::default(),
        hands: Hands::Thread,
        clock: Clock::system(),
        timeout: connection.run_timeout,
        limits,
        interrupt,
        gauge,
    })
    .await
}

/// The report of a run that ended before it began.
pub(super) fn failed(connection: &Connection, plugin_digest: String, clock: Instant, error: Error) -> Report {
    Report {
        name: connection.name.clone(),
        strategy: connection.strategy.to_string(),
        plugin_digest,
        status: Status::Failed,
        progress: Default::default(),
        seconds: clock.elapsed().as_secs_f64(),
        state: None,
        error: Some(error),
    }
}
