//! Runs the connections of tenants: a document and its tenant's secrets become the same parts that `tidegate sync` puts
//! together from a file.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::super::connection::Loaded;
use super::super::run::{self, Host, LoadedStrategy, Options};
use crate::BoxFuture;
use crate::config::{self, Destination, Hosting, Input, LimitSetting, Place, StrategyRef};
use crate::error::{Error, Result};
use crate::http::Enough;
use crate::model::{Owner, Report, State, Status};
use crate::plugin::{Inspection, Limits, Manifest, Strategy};
use crate::recording::{self, Shadow, Tape};
use crate::serve::Refusal;
use crate::serve::clock::Millis;
use crate::serve::connection::Connection;
use crate::serve::plugin::Version;
use crate::serve::registry::Plugin;
use crate::serve::runner::{Order, Runner, Running};
use crate::serve::store::Store;
use crate::serve::tenant::{Name, Quotas};
use crate::sink::{self, StateStore};

/// How much of a run is recorded, in bytes.
const MOST_RECORDED: u64 = 4 << 20;

/// Everything that runs have in common. Cheap to clone.
#[derive(Clone)]
pub(super) struct HostedRunner(Arc<Inner>);

struct Inner {
    host: Host,
    store: Arc<dyn Store>,
    data: PathBuf,
    may_reach_private_addresses: bool,
}

impl HostedRunner {
    pub(super) fn new(
        host: Host,
        store: Arc<dyn Store>,
        data: &Path,
        may_reach_private_addresses: bool,
    ) -> HostedRunner {
        HostedRunner(Arc::new(Inner { host, store, data: data.to_owned(), may_reach_private_addresses }))
    }
}

impl Inner {
    /// The connection as `tidegate sync` would have read it from a file.
    async fn load(&self, connection: &Connection, plugin: &Plugin) -> Result<Loaded> {
        let secrets = self.store.secrets(&connection.tenant).await.map_err(failed)?;
        let secrets: HashMap<String, SecretString> = secrets.into_iter().collect();
        let Connection { tenant, name, definition, .. } = connection;
        let mut document = definition.document.clone();
        document.insert("name".to_owned(), name.as_str().into());
        let (mut parsed, places) = config::parse(&Input {
            file: Path::new(name.as_str()),
            text: &format!("{:#}", Value::Object(document)),
            overrides: &[],
            environment: &|name| secrets.get(name).map(|secret| secret.expose_secret().to_owned()),
            strategies: &[definition.strategy()],
            hosting: Some(Hosting {
                folder: &self.data.join("tenants").join(tenant.as_str()),
                may_reach_private_addresses: self.may_reach_private_addresses,
            }),
        })?;
        parsed.strategy = plugin.reference.clone();
        let quotas = self.store.tenant(tenant).await.map_err(failed)?.quotas;
        parsed.limits.splice(0..0, limits_of(quotas, self.host.engine.limits()));
        let owner = Owner { tenant: tenant.to_string(), connection: name.to_string() };
        Ok(Loaded { file: PathBuf::from(name.as_str()), connection: parsed, places, owner })
    }

    /// The same, with the strategy that its configuration suits.
    async fn load_with_strategy(
        &self,
        connection: &Connection,
        plugin: &Plugin,
    ) -> Result<(Loaded, Arc<dyn Strategy>)> {
        let loaded = self.load(connection, plugin).await?;
        let LoadedStrategy { strategy, .. } =
            run::load_strategy(&self.host.engine, &loaded.connection, &loaded.places).await?;
        Ok((loaded, strategy))
    }

    async fn start(&self, order: Order) -> Result<Running> {
        let loaded = self.load(&order.connection, &order.plugin).await?;
        make_folder(&loaded.connection.destination).await?;
        let options = Options { full_refresh: order.is_full_refresh, dry_run: false, enough: Enough::default() };
        let mut prepared = run::prepare(&self.host, &loaded, options).await?;
        prepared.lease = Some(order.lease.token);
        let tape = self.tape(&order.connection.tenant, &order.connection.name);
        let part = tape.with_extension("part");
        make_folder_of(&tape).await?;
        prepared.record(&part, MOST_RECORDED);
        match order.is_full_refresh {
            // It replaces all that was before, so that the way back from it leads to nothing.
            true => self.keep_state(&order, None).await?,
            false => self.settle_state(&order, &loaded).await?,
        }
        Ok(Running {
            gauge: prepared.gauge.clone(),
            report: Box::pin(async move {
                let report = run::run(prepared, options, order.interrupt).await;
                keep_tape(&report, &part, &tape).await;
                report
            }),
        })
    }

    /// Where the last good run of a connection is recorded, for new versions to be tried on.
    fn tape(&self, tenant: &Name, connection: &Name) -> PathBuf {
        self.tapes(tenant).join(format!("{connection}.tape"))
    }

    fn tapes(&self, tenant: &Name) -> PathBuf {
        self.data.join("recordings").join(tenant.as_str())
    }

    async fn forget(&self, tenant: &Name, connection: Option<&Name>) -> Result<()> {
        let forgotten = match connection {
            Some(connection) => tokio::fs::remove_file(self.tape(tenant, connection)).await,
            None => tokio::fs::remove_dir_all(self.tapes(tenant)).await,
        };
        match forgotten {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Error::host(format!("a recording cannot be removed: {error}")))
            }
            _ => Ok(()),
        }
    }

    async fn forget_before(&self, tenant: &Name, connection: &Name, before: Millis) -> Result<()> {
        let recorded = tokio::fs::metadata(self.tape(tenant, connection)).await.and_then(|tape| tape.modified());
        let before = u64::try_from(before).unwrap_or(0);
        match recorded {
            Ok(at) if at.duration_since(UNIX_EPOCH).unwrap_or_default() < Duration::from_millis(before) => {
                self.forget(tenant, Some(connection)).await
            }
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Error::host(format!("a recording cannot be looked at: {error}")))
            }
            _ => Ok(()),
        }
    }

    async fn shadow(&self, connection: &Connection, plugin: &Plugin) -> Result<Option<Shadow>> {
        let path = self.tape(&connection.tenant, &connection.name);
        let read = tokio::task::spawn_blocking(move || path.exists().then(|| Tape::read(&path)).transpose()).await;
        let tape = read.unwrap_or_else(|_| Err(Error::host("the host crashed while it read a recording")))?;
        let Some(tape) = tape else { return Ok(None) };
        let (_, strategy) = self.load_with_strategy(connection, plugin).await?;
        let state = match tape.state() {
            // A newer form has no way back to an older one, so nothing can be compared.
            Some(_) if tape.state_version() > plugin.version.state_version => return Ok(None),
            Some(state) if tape.state_version() < plugin.version.state_version => {
                Some(strategy.migrate_state(tape.state_version(), state).await?)
            }
            state => state.map(str::to_owned),
        };
        recording::shadow(&tape, &*strategy, state.as_deref()).await.map(Some)
    }

    /// Sees to it that the strategy can go on from the state. One that a version has left which was rolled back gives way
    /// to what was before that version. One of another version is kept for the way back. One of a newer form gives way to
    /// the newest one before; where there was none, all is read anew: that costs time, and loses nothing.
    async fn settle_state(&self, order: &Order, loaded: &Loaded) -> Result<()> {
        let Connection { tenant, name, .. } = &order.connection;
        let Version { digest, state_version, .. } = &*order.plugin.version;
        let mut saved = saved_state(loaded).await?;
        if saved.as_ref().is_some_and(|state| state.plugin_digest == *digest) {
            return Ok(());
        }
        if let Some(undone) = saved.as_ref().map(|state| state.plugin_digest.clone())
            && let Some(before) = self.store.way_back(tenant, name, &undone).await.map_err(failed)?
        {
            saved = before.into();
            self.replace_state(order, loaded, saved.clone()).await?;
        }
        self.keep_state(order, saved.clone()).await?;
        if saved.is_some_and(|state| state.version > *state_version) {
            let kept = self.store.kept_state(tenant, name, *state_version).await.map_err(failed)?;
            self.replace_state(order, loaded, kept).await?;
        }
        Ok(())
    }

    /// Keeps what is there from before this version goes on from it.
    async fn keep_state(&self, order: &Order, state: Option<State>) -> Result<()> {
        let Connection { tenant, name, .. } = &order.connection;
        let kept = self.store.keep_state(tenant, name, state, &order.plugin.version.digest).await;
        kept.map_err(failed)
    }

    async fn replace_state(&self, order: &Order, loaded: &Loaded, state: Option<State>) -> Result<()> {
        let Connection { tenant, name, .. } = &order.connection;
        tracing::warn!(
            tenant = tenant.as_str(),
            connection = name.as_str(),
            digest = state.as_ref().map(|state| state.plugin_digest.as_str()),
            "a state gives way to the one from before"
        );
        with_states(loaded, move |states| states.replace(state.as_ref())).await
    }

    async fn check_state(&self, connection: &Connection, plugin: &Plugin) -> Result<()> {
        let (loaded, strategy) = self.load_with_strategy(connection, plugin).await?;
        let config = Value::Object(loaded.connection.config.clone()).to_string();
        let tables = strategy.schema(&config).await?;
        self.host.engine.limits().check_tables(&tables)?;
        let version = plugin.version.state_version;
        match saved_state(&loaded).await? {
            Some(saved) if saved.version < version => {
                strategy.migrate_state(saved.version, &saved.text).await.map(drop)
            }
            _ => Ok(()),
        }
    }
}

/// What a tenant's quotas make of the host's limits. What the connection says comes afterwards, and only lowers them.
fn limits_of(quotas: Quotas, host: &Limits) -> Vec<LimitSetting> {
    let memory = quotas.memory_bytes.map(|bytes| ("memory", bytes.min(host.memory_bytes as u64).to_string()));
    let cpu = quotas.cpu_seconds.map(|seconds| {
        let most = Duration::from_secs(seconds.into()).min(host.run_cpu);
        ("run_cpu", format!("{}ms", most.as_millis()))
    });
    let setting = |(name, value): (&str, String)| LimitSetting {
        name: name.to_owned(),
        value,
        place: Place::Argument("the tenant's quotas".into()),
    };
    memory.into_iter().chain(cpu).map(setting).collect()
}

async fn saved_state(loaded: &Loaded) -> Result<Option<State>> {
    with_states(loaded, |states| states.show()).await
}

/// Does something with the states of a destination, where it may block.
async fn with_states<T: Send + 'static>(
    loaded: &Loaded,
    act: impl FnOnce(&mut dyn StateStore) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (destination, owner) = (loaded.connection.destination.clone(), loaded.owner.clone());
    let done = tokio::task::spawn_blocking(move || act(&mut *sink::open_state(&destination, &owner)?)).await;
    done.unwrap_or_else(|_| Err(Error::host("the host crashed while it looked at a state")))
}

/// The recording of a run that ended well takes the place of the one before. Without it a new version is tried on less.
async fn keep_tape(report: &Report, part: &Path, tape: &Path) {
    // A run that read nothing new says nothing of a strategy.
    let kept = match report.status == Status::Done && report.progress.rows_read > 0 {
        true => tokio::fs::rename(part, tape).await,
        false => tokio::fs::remove_file(part).await,
    };
    if let Err(error) = kept {
        tracing::warn!(connection = report.name, "the recording of a run is not kept: {error}");
    }
}

/// A tenant's folder is made when its first run begins.
async fn make_folder(destination: &Destination) -> Result<()> {
    match destination {
        Destination::Sqlite { path } | Destination::JsonlFile { path } => make_folder_of(path).await,
        Destination::JsonlStdout { .. } => Ok(()),
    }
}

async fn make_folder_of(file: &Path) -> Result<()> {
    let Some(folder) = file.parent() else { return Ok(()) };
    let made = tokio::fs::create_dir_all(folder).await;
    made.map_err(|error| Error::host(format!("the folder of `{}` cannot be made: {error}", file.display())))
}

fn failed(refusal: Refusal) -> Error {
    Error::host(format!("the store of the server failed: {refusal}"))
}

impl Runner for HostedRunner {
    fn check<'a>(&'a self, connection: &'a Connection, plugin: &'a Plugin) -> BoxFuture<'a, Result<()>> {
        Box::pin(async {
            let loaded = self.0.load(connection, plugin).await?;
            run::prepare(&self.0.host, &loaded, Options::default()).await.map(drop)
        })
    }

    fn check_state<'a>(&'a self, connection: &'a Connection, plugin: &'a Plugin) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.0.check_state(connection, plugin))
    }

    fn shadow<'a>(&'a self, connection: &'a Connection, plugin: &'a Plugin) -> BoxFuture<'a, Result<Option<Shadow>>> {
        Box::pin(self.0.shadow(connection, plugin))
    }

    fn forget<'a>(&'a self, tenant: &'a Name, connection: Option<&'a Name>) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.0.forget(tenant, connection))
    }

    fn forget_before<'a>(
        &'a self,
        tenant: &'a Name,
        connection: &'a Name,
        before: Millis,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.0.forget_before(tenant, connection, before))
    }

    fn inspect(&self, component: StrategyRef) -> BoxFuture<'_, Result<Inspection>> {
        Box::pin(async move {
            let inner = Arc::clone(&self.0);
            let looked = tokio::task::spawn_blocking(move || inner.host.engine.inspect(&component)).await;
            looked.unwrap_or_else(|_| Err(Error::host("the host crashed while it looked at a component")))
        })
    }

    fn describe(&self, component: StrategyRef) -> BoxFuture<'_, Result<Manifest>> {
        Box::pin(async move { self.0.host.engine.load(&component).await?.describe().await })
    }

    fn start(&self, order: Order) -> BoxFuture<'static, Result<Running>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.start(order).await })
    }
}
