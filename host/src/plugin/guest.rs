//! What one call of a component has at hand: its handles and what is behind them, its time, what the host has said to it.
//!
//! It counts, and ends the call where a limit is reached. What the component can call is in `instance`.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime::{ResourceLimiter, Result as WasmResult};

use super::Services;
use super::held::{Claim, Held, Weigh};
use super::limits::{LimitReached, Limits};
use super::meter::Meter;
use super::wire::{Told, WireError};
use crate::error::{Error, Result};
use crate::http::Page;
use crate::model::Change;

/// What a component was called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// To say something of itself or of its state.
    Describe,
    /// To read the source.
    Sync,
}

impl Call {
    /// What one call of a host function, and the answer, may carry out of the component, and which limit says so.
    pub(super) fn carries(self, limits: &Limits) -> (&'static str, usize) {
        match self {
            Call::Describe => ("description_bytes", limits.description_bytes),
            Call::Sync => ("call_bytes", limits.call_bytes),
        }
    }
}

/// What the host does for a component that reads a source.
pub(super) struct Host {
    pub(super) services: Arc<dyn Services>,
    /// Where requests are sent from: the runtime of whoever made the call, so that no connection lives on a guest's
    /// thread. None where that is the very one in which the component runs.
    pub(super) runtime: Option<Handle>,
}

/// What one call of a component has at hand.
pub(super) struct Guest {
    call: Call,
    pub(super) handles: ResourceTable,
    /// The memory behind the handles.
    pub(super) held: Held,
    /// Requests that were begun and not waited for.
    pub(super) pending: usize,
    /// None while the component describes itself: it has nothing to fetch or to write then.
    pub(super) host: Option<Host>,
    pub(super) limits: Limits,
    meter: Arc<Meter>,
    /// The processor time at the last call that fetched, staged or sealed.
    active: Duration,
    /// The errors that it got from the host.
    pub(super) told: Told,
    /// The last line logged as an error. The SDK logs a panic's message before it traps.
    pub(super) last_words: Option<String>,
}

pub(super) fn given_up() -> Error {
    Error::host("a request was given up")
}

/// A request in flight, or its page that was not taken yet. Dropping it cancels the request.
#[allow(unreachable_pub, reason = "the macro of `contract` re-exports it")]
pub struct Pending(pub(super) AbortOnDropHandle<(Result<Page>, Option<Claim>)>);

impl Guest {
    pub(super) fn new(call: Call, limits: Limits, host: Option<Host>, meter: Arc<Meter>) -> Guest {
        let mut handles = ResourceTable::new();
        handles.set_max_capacity(limits.handles);
        let (held, told, active) = (Held::default(), Told::default(), Duration::ZERO);
        Guest { call, handles, held, pending: 0, host, limits, meter, active, told, last_words: None }
    }

    /// Called now and then while the component computes.
    pub(super) fn check_time(&self) -> WasmResult<()> {
        let spent = self.meter.spent();
        let Limits { busy, call_cpu, run_cpu, .. } = self.limits;
        if spent.saturating_sub(self.active) > busy {
            let message = format!("{} s of computing without fetching, staging or sealing", busy.as_secs_f64());
            return Err(LimitReached::trap("busy", message));
        }
        let (name, most) = match self.call {
            Call::Describe => ("call_cpu", call_cpu),
            Call::Sync => ("run_cpu", run_cpu),
        };
        if spent > most {
            return Err(LimitReached::trap(name, format!("more than {} s of processor time", most.as_secs_f64())));
        }
        Ok(())
    }

    /// Called now and then while the host computes for the component: as much is looked at, and given way to, as while it
    /// computes itself.
    pub(super) async fn breathe(&mut self) -> WasmResult<()> {
        self.check_time()?;
        if self.limits.yields {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Why a call ended that carried more out of the component than it may.
    pub(super) fn carried_too_much(&self) -> LimitReached {
        let (name, most) = self.call.carries(&self.limits);
        LimitReached::new(name, format!("more than {most} bytes of text and lists in one call"))
    }

    /// The services, for a call that gets the run on.
    pub(super) fn act(&mut self) -> WasmResult<Arc<dyn Services>> {
        self.active = self.meter.spent();
        self.services()
    }

    pub(super) fn services(&self) -> WasmResult<Arc<dyn Services>> {
        Ok(Arc::clone(&self.host()?.services))
    }

    pub(super) fn host(&self) -> WasmResult<&Host> {
        self.host.as_ref().ok_or_else(|| wasmtime::format_err!("only `sync` may call this function of the host"))
    }

    /// A page has come.
    pub(super) fn receive(&mut self, page: Result<Page>) -> WasmResult<Result<Resource<Page>, WireError>> {
        if let Ok(page) = &page {
            self.meter.received(page.response().body.len());
        }
        self.push(page)
    }

    pub(super) fn push<T: Weigh + Send + 'static>(
        &mut self,
        made: Result<T>,
    ) -> WasmResult<Result<Resource<T>, WireError>> {
        match made {
            Ok(value) => self.keep(value).map(Ok),
            Err(error) => Ok(Err(self.told.tell(error))),
        }
    }

    pub(super) fn keep<T: Weigh + Send + 'static>(&mut self, value: T) -> WasmResult<Resource<T>> {
        self.held.add(value.footprint());
        let (bytes, most) = (self.held.bytes(), self.limits.held_bytes);
        if bytes > most {
            return Err(LimitReached::trap("held_bytes", held_too_much(bytes, most)));
        }
        self.handle(value)
    }

    pub(super) fn handle<T: Send + 'static>(&mut self, value: T) -> WasmResult<Resource<T>> {
        let most = self.limits.handles;
        self.handles.push(value).map_err(|_| LimitReached::trap("handles", format!("more than {most} handles")))
    }

    pub(super) fn release<T: Weigh + Send + 'static>(&mut self, this: Resource<T>) -> WasmResult<()> {
        let value = self.handles.delete(this)?;
        self.held.remove(value.footprint());
        Ok(())
    }

    /// Refuses to carry more into the component than one call may, before it is made.
    pub(super) fn carry(&self, bytes: usize) -> WasmResult<()> {
        let most = self.limits.answer_bytes;
        if bytes <= most {
            return Ok(());
        }
        let message = format!("{bytes} bytes of text and lists asked for in one call, more than {most}");
        Err(LimitReached::trap("answer_bytes", message))
    }

    pub(super) async fn stage(&mut self, table: String, change: Change) -> WasmResult<Result<(), WireError>> {
        let staged = self.act()?.stage(&table, change).await;
        Ok(staged.map_err(|error| self.told.tell(error)))
    }
}

pub(super) fn held_too_much(bytes: usize, most: usize) -> String {
    format!("{bytes} bytes of pages and batches held by handles, more than {most}")
}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, _: usize, wanted: usize, _: Option<usize>) -> WasmResult<bool> {
        let most = self.limits.memory_bytes;
        if wanted <= most {
            self.meter.grown(wanted);
            return Ok(true);
        }
        Err(LimitReached::trap("memory", format!("{wanted} bytes of memory asked for, more than {most}")))
    }

    fn table_growing(&mut self, _: usize, wanted: usize, _: Option<usize>) -> WasmResult<bool> {
        let most = self.limits.table_elements;
        if wanted <= most {
            return Ok(true);
        }
        Err(LimitReached::trap("table_elements", format!("{wanted} table elements asked for, more than {most}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A guest that nobody runs, within these limits.
    fn guest(limits: Limits) -> Guest {
        Guest::new(Call::Sync, limits, None, Arc::default())
    }

    #[test]
    fn memory_and_tables_grow_up_to_their_limits() {
        let mut guest = guest(Limits { memory_bytes: 1_000, table_elements: 10, ..Limits::default() });
        let said = |grown: WasmResult<bool>| grown.map_err(|error| error.to_string());
        assert_eq!(said(guest.memory_growing(0, 1_000, None)), Ok(true));
        assert_eq!(guest.meter.read().1, 1_000);
        let memory = "1001 bytes of memory asked for, more than 1000";
        assert_eq!(said(guest.memory_growing(0, 1_001, None)), Err(memory.to_owned()));
        assert_eq!(said(guest.table_growing(0, 10, None)), Ok(true));
        assert_eq!(said(guest.table_growing(0, 11, None)), Err("11 table elements asked for, more than 10".to_owned()));
    }
}
