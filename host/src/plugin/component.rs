//! A component as a strategy: each call runs in a new instance, which is thrown away afterwards.

use std::sync::Arc;

use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use wasmtime::{Store, UpdateDeadline, WasmBacktrace};

use super::contract::{self, StrategyPre};
use super::guest::{Call, Guest, Host};
use super::lanes::Lanes;
use super::limits::{LimitReached, Limits, remedy};
use super::meter::Meter;
use super::{Manifest, Services, Strategy};
use crate::BoxFuture;
use crate::error::{Error, Origin, Result};
use crate::model::{Column, Table};

/// What errors call the functions of a component.
const DESCRIBE: &str = "`describe`";
const SCHEMA: &str = "`schema`";
const MIGRATE_STATE: &str = "`migrate-state`";
const SYNC: &str = "`sync`";

/// A component that was vetted, compiled and linked.
pub(super) struct Ready {
    digest: String,
    linked: StrategyPre<Guest>,
    /// What it says of itself. It is asked once, so that what was checked is what a run goes by.
    manifest: OnceCell<Manifest>,
}

impl Ready {
    pub(super) fn new(digest: String, linked: StrategyPre<Guest>) -> Ready {
        Ready { digest, linked, manifest: OnceCell::new() }
    }
}

/// A component with the limits within which it runs.
pub(super) struct ComponentStrategy(Arc<Inner>);

struct Inner {
    /// Its name or its file, for messages.
    name: String,
    ready: Arc<Ready>,
    limits: Limits,
    house: House,
}

/// What all components of a process share.
#[derive(Clone)]
pub(super) struct House {
    /// Room for instances.
    pub(super) room: Arc<Semaphore>,
    /// Where they run.
    pub(super) lanes: Arc<Lanes>,
}

impl ComponentStrategy {
    pub(super) fn new(name: String, ready: Arc<Ready>, limits: Limits, house: House) -> ComponentStrategy {
        ComponentStrategy(Arc::new(Inner { name, ready, limits, house }))
    }

    /// Makes a call, of the function `name`, as soon as there is room for its instance. Dropping the future ends the call.
    fn make<T, F>(
        &self,
        call: Call,
        name: &'static str,
        meter: Arc<Meter>,
        work: impl FnOnce(Arc<Inner>, Arc<Meter>) -> F + Send + 'static,
    ) -> BoxFuture<'static, Result<T>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let room = inner.room(call).await?;
            let work = work(Arc::clone(&inner), Arc::clone(&meter));
            // A call that is given up keeps its room until its instance is gone.
            let work = async move {
                let _room = room;
                work.await
            };
            let made = Arc::clone(&inner.house.lanes).drive(meter, work);
            match call {
                Call::Describe => inner.in_time(name, made).await?,
                // Its run ends it in time.
                Call::Sync => made.await?,
            }
        })
    }
}

impl Inner {
    /// Waits until there is room for one more instance: a sync, as long as its run may take.
    async fn room(&self, call: Call) -> Result<OwnedSemaphorePermit> {
        let Limits { instances, call_wait, .. } = self.limits;
        if let Ok(room) = Arc::clone(&self.house.room).try_acquire_owned() {
            return Ok(room);
        }
        let room = Arc::clone(&self.house.room).acquire_owned();
        let room = match call {
            Call::Sync => Some(room.await),
            Call::Describe => timeout(call_wait, room).await.ok(),
        };
        room.and_then(|room| room.ok()).ok_or_else(|| {
            let wait = call_wait.as_secs_f64();
            let message = format!("{instances} components run at once, and none of them ended within {wait} s");
            Error::new(Origin::Limit, "limit.instances", message)
                .help("run fewer connections at once, or raise the limit by `--limit instances=…`")
        })
    }

    /// What comes of a call that may take no longer than it should, whatever it waits for.
    async fn in_time<T>(&self, name: &str, made: impl Future<Output = Result<T>>) -> Result<T> {
        let most = self.limits.call_time;
        timeout(most, made).await.unwrap_or_else(|_| {
            let message = format!("{} s went by, waiting included", most.as_secs_f64());
            Err(LimitReached::new("call_time", message).explain(&self.name, name))
        })
    }

    async fn start(
        &self,
        call: Call,
        host: Option<Host>,
        meter: Arc<Meter>,
    ) -> Result<(Store<Guest>, contract::Strategy)> {
        let mut store = Store::new(self.ready.linked.engine(), Guest::new(call, self.limits, host, meter));
        store.limiter(|guest| guest);
        store.set_hostcall_fuel(call.carries(&self.limits).1);
        store.set_epoch_deadline(1);
        let yields = self.limits.yields;
        store.epoch_deadline_callback(move |mut store| {
            store.data_mut().check_time()?;
            Ok(if yields { UpdateDeadline::Yield(1) } else { UpdateDeadline::Continue(1) })
        });
        match self.ready.linked.instantiate_async(&mut store).await {
            Ok(instance) => Ok((store, instance)),
            Err(error) => Err(self.trap(error, "its start", store.data())),
        }
    }

    /// Says in a sentence why a call ended without an answer: whose, where, by what, and with which last words.
    fn trap(&self, error: wasmtime::Error, place: &str, guest: &Guest) -> Error {
        let name = &self.name;
        if let Some(limit) = error.downcast_ref::<LimitReached>() {
            return limit.explain(name, place);
        }
        let cause = match error.downcast_ref::<wasmtime::Trap>() {
            Some(trap) => trap.to_string(),
            None => error.root_cause().to_string(),
        };
        if cause.contains(FUEL_EXHAUSTED) {
            return guest.carried_too_much().explain(name, place);
        }
        let function = error.downcast_ref::<WasmBacktrace>().and_then(own_function);
        let function = function.map_or_else(String::new, |function| format!(" in the function `{function}`"));
        let said = guest.last_words.as_ref().map_or_else(String::new, |words| format!("; it says: {words}"));
        let said = said.replace(char::is_control, " ");
        let stopped = Error::plugin("plugin.trap", format!("{name} broke off in {place}{function}: {cause}{said}"));
        match error.downcast_ref::<wasmtime::Trap>() {
            Some(wasmtime::Trap::StackOverflow) => {
                stopped.help(format!("{} (it is {} bytes now)", remedy("stack"), self.limits.stack_bytes))
            }
            _ => stopped.help("this is a defect of the strategy: report it to its author, with its version"),
        }
    }

    async fn describe(&self, meter: Arc<Meter>) -> Result<Manifest> {
        let (mut store, strategy) = self.start(Call::Describe, None, meter).await?;
        let described = strategy.call_describe(&mut store).await;
        let manifest = described.map_err(|error| self.trap(error, DESCRIBE, store.data()))?;
        let contract::Manifest { name, version, summary, config_schema, state_version, needs } = manifest;
        Ok(Manifest { name, version, summary, config_schema, state_version, needs })
    }

    async fn schema(&self, config: String, meter: Arc<Meter>) -> Result<Vec<Table>> {
        let (mut store, strategy) = self.start(Call::Describe, None, meter).await?;
        let tables = strategy.call_schema(&mut store, &config).await;
        let tables = tables
            .map_err(|error| self.trap(error, SCHEMA, store.data()))?
            .map_err(|error| store.data().told.heard(error))?;
        tables.into_iter().map(table).collect()
    }

    async fn migrate_state(&self, from: u32, state: String, meter: Arc<Meter>) -> Result<String> {
        let (mut store, strategy) = self.start(Call::Describe, None, meter).await?;
        let migrated = strategy.call_migrate_state(&mut store, from, &state).await;
        migrated
            .map_err(|error| self.trap(error, MIGRATE_STATE, store.data()))?
            .map_err(|error| store.data().told.heard(error))
    }

    async fn sync(&self, config: String, state: Option<String>, host: Host, meter: Arc<Meter>) -> Result<()> {
        let (mut store, strategy) = self.start(Call::Sync, Some(host), meter).await?;
        let synced = strategy.call_sync(&mut store, &config, state.as_deref()).await;
        synced.map_err(|error| self.trap(error, SYNC, store.data()))?.map_err(|error| store.data().told.heard(error))
    }
}

impl Strategy for ComponentStrategy {
    fn digest(&self) -> &str {
        &self.0.ready.digest
    }

    fn describe(&self) -> BoxFuture<'_, Result<Manifest>> {
        Box::pin(async {
            let describe = || {
                self.make(Call::Describe, DESCRIBE, Arc::default(), |inner, meter| async move {
                    inner.describe(meter).await
                })
            };
            self.0.ready.manifest.get_or_try_init(describe).await.cloned()
        })
    }

    fn schema<'a>(&'a self, config: &'a str) -> BoxFuture<'a, Result<Vec<Table>>> {
        let config = config.to_owned();
        self.make(
            Call::Describe,
            SCHEMA,
            Arc::default(),
            |inner, meter| async move { inner.schema(config, meter).await },
        )
    }

    fn migrate_state<'a>(&'a self, from: u32, state: &'a str) -> BoxFuture<'a, Result<String>> {
        let state = state.to_owned();
        self.make(Call::Describe, MIGRATE_STATE, Arc::default(), move |inner, meter| async move {
            inner.migrate_state(from, state, meter).await
        })
    }

    fn sync<'a>(
        &'a self,
        config: &'a str,
        state: Option<&'a str>,
        services: Arc<dyn Services>,
    ) -> BoxFuture<'a, Result<()>> {
        let (config, state) = (config.to_owned(), state.map(str::to_owned));
        let meter = services.meter();
        let host = Host { services, runtime: self.0.house.lanes.caller() };
        self.make(Call::Sync, SYNC, meter, |inner, meter| async move { inner.sync(config, state, host, meter).await })
    }
}

/// How wasmtime's error begins that says that a call carried more than its fuel allows.
const FUEL_EXHAUSTED: &str = "too much data is being copied between the host and the guest";

fn table(table: contract::Table) -> Result<Table> {
    let contract::Table { name, primary_key, columns } = table;
    let columns = columns.into_iter().map(|contract::Column { name: column, kind }| {
        let kind = kind.parse().map_err(|unknown| {
            Error::plugin("plugin.table", format!("column `{column}` of table `{name}`: {unknown}"))
        })?;
        Ok(Column { name: column, kind })
    });
    let columns = columns.collect::<Result<_>>()?;
    Ok(Table { name, primary_key, columns })
}

/// The innermost function that is the strategy's own, not one of Rust's panic machinery.
fn own_function(backtrace: &WasmBacktrace) -> Option<String> {
    const MACHINERY: [&str; 7] = ["core::", "std::", "alloc::", "<core::", "<alloc::", "rust_", "__"];
    let names = backtrace.frames().iter().filter_map(|frame| frame.func_name());
    let readable = |name: &str| {
        let name = format!("{:#}", rustc_demangle::demangle(name));
        name.trim_start_matches("_$LT$").to_owned()
    };
    names.map(readable).find(|name| !MACHINERY.iter().any(|prefix| name.starts_with(prefix)))
}
