//! A component as a strategy: each call runs in a new instance, which is thrown away afterwards.

use std::sync::Arc;

use wasmtime::{Store, UpdateDeadline, WasmBacktrace};

use super::contract::{self, StrategyPre};
use super::engine::TICK;
use super::instance::Guest;
use super::limits::{LimitReached, Limits};
use super::wire::from_guest;
use super::{Manifest, Services, Strategy};
use crate::BoxFuture;
use crate::error::{Error, Origin, Result};
use crate::model::{Column, Table};

/// A component that was vetted, compiled and linked.
pub(super) struct ComponentStrategy {
    /// Its name or its file, for messages.
    name: String,
    digest: String,
    linked: StrategyPre<Guest>,
    limits: Limits,
}

impl ComponentStrategy {
    pub(super) fn new(name: String, digest: String, linked: StrategyPre<Guest>, limits: Limits) -> ComponentStrategy {
        ComponentStrategy { name, digest, linked, limits }
    }

    async fn start(&self, services: Option<Arc<dyn Services>>) -> Result<(Store<Guest>, contract::Strategy)> {
        let guest = Guest::new(&self.limits, services);
        let mut store = Store::new(self.linked.engine(), guest);
        store.limiter(|guest| guest);
        store.set_hostcall_fuel(self.limits.call_bytes);
        store.set_epoch_deadline(1);
        let Limits { busy: budget, yields, .. } = self.limits;
        store.epoch_deadline_callback(move |mut store| {
            let guest = store.data_mut();
            guest.busy += TICK;
            if guest.busy > budget {
                let message = format!("{} s of computing without fetching, staging or sealing", budget.as_secs_f64());
                return Err(LimitReached::trap("limit.busy", message));
            }
            Ok(if yields { UpdateDeadline::Yield(1) } else { UpdateDeadline::Continue(1) })
        });
        match self.linked.instantiate_async(&mut store).await {
            Ok(instance) => Ok((store, instance)),
            Err(error) => Err(self.trap(error, "its start", store.data())),
        }
    }

    /// Says in a sentence why a call ended without an answer: whose, where, by what, and with which last words.
    fn trap(&self, error: wasmtime::Error, call: &str, guest: &Guest) -> Error {
        let name = &self.name;
        if let Some(limit) = error.downcast_ref::<LimitReached>() {
            return Error::new(Origin::Limit, limit.code, format!("{name} was stopped in {call}: {limit}"))
                .help("this is more than a strategy needs: report it to its author, with its version");
        }
        let cause = match error.downcast_ref::<wasmtime::Trap>() {
            Some(trap) => trap.to_string(),
            None => error.root_cause().to_string(),
        };
        let function = error.downcast_ref::<WasmBacktrace>().and_then(own_function);
        let function = function.map_or_else(String::new, |function| format!(" in the function `{function}`"));
        let said = guest.last_words.as_ref().map_or_else(String::new, |words| format!("; it says: {words}"));
        let said = said.replace(char::is_control, " ");
        Error::plugin("plugin.trap", format!("{name} broke off in {call}{function}: {cause}{said}"))
            .help("this is a defect of the strategy: report it to its author, with its version")
    }
}

impl Strategy for ComponentStrategy {
    fn digest(&self) -> &str {
        &self.digest
    }

    fn describe(&self) -> BoxFuture<'_, Result<Manifest>> {
        Box::pin(async {
            let (mut store, strategy) = self.start(None).await?;
            let described = strategy.call_describe(&mut store).await;
            let manifest = described.map_err(|error| self.trap(error, "`describe`", store.data()))?;
            let contract::Manifest { name, version, summary, config_schema, state_version, needs } = manifest;
            Ok(Manifest { name, version, summary, config_schema, state_version, needs })
        })
    }

    fn schema<'a>(&'a self, config: &'a str) -> BoxFuture<'a, Result<Vec<Table>>> {
        Box::pin(async move {
            let (mut store, strategy) = self.start(None).await?;
            let tables = strategy.call_schema(&mut store, config).await;
            let tables = tables.map_err(|error| self.trap(error, "`schema`", store.data()))?.map_err(from_guest)?;
            tables.into_iter().map(table).collect()
        })
    }

    fn migrate_state<'a>(&'a self, from: u32, state: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let (mut store, strategy) = self.start(None).await?;
            let migrated = strategy.call_migrate_state(&mut store, from, state).await;
            migrated.map_err(|error| self.trap(error, "`migrate-state`", store.data()))?.map_err(from_guest)
        })
    }

    fn sync<'a>(
        &'a self,
        config: &'a str,
        state: Option<&'a str>,
        services: Arc<dyn Services>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let (mut store, strategy) = self.start(Some(services)).await?;
            let synced = strategy.call_sync(&mut store, config, state).await;
            synced.map_err(|error| self.trap(error, "`sync`", store.data()))?.map_err(from_guest)
        })
    }
}

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
