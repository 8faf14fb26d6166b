//! What a guest can call: the imports of the contract, answered from handles and from the run's services.
//!
//! A guest that breaks the contract's rules (a handle that it does not own, too many handles) traps; anything else
//! that goes wrong is an error that it receives.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};
use wasmtime::{ResourceLimiter, Result as WasmResult};

use super::Services;
use super::contract;
use super::contract::tidegate::strategy::{clock, log, pages, records, state, types};
use super::limits::{LimitReached, Limits};
use super::wire::{WireError, to_guest};
use crate::error::{Error, Result};
use crate::http::{Page, Request};
use crate::model::{Batch, Change};

/// What one call of a component has at hand.
pub(super) struct Guest {
    handles: ResourceTable,
    /// None while the component describes itself: it has nothing to fetch or to write then.
    services: Option<Arc<dyn Services>>,
    limits: Limits,
    /// Processor time since the last call that fetched, staged or sealed.
    pub(super) busy: Duration,
    /// The last line logged as an error. The SDK logs a panic's message before it traps.
    pub(super) last_words: Option<String>,
}

/// A request in flight. Dropping it cancels the request.
#[allow(unreachable_pub, reason = "the macro of `contract` re-exports it")]
pub struct Pending(JoinHandle<Result<Page>>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Guest {
    pub(super) fn new(limits: &Limits, services: Option<Arc<dyn Services>>) -> Guest {
        let mut handles = ResourceTable::new();
        handles.set_max_capacity(limits.handles);
        Guest { handles, services, limits: *limits, busy: Duration::ZERO, last_words: None }
    }

    fn services(&self) -> WasmResult<Arc<dyn Services>> {
        self.services.clone().ok_or_else(|| wasmtime::format_err!("only `sync` may call this function of the host"))
    }

    fn push<T: Send + 'static>(&mut self, made: Result<T>) -> WasmResult<Result<Resource<T>, WireError>> {
        match made {
            Ok(value) => self.keep(value).map(Ok),
            Err(error) => Ok(Err(to_guest(error))),
        }
    }

    fn keep<T: Send + 'static>(&mut self, value: T) -> WasmResult<Resource<T>> {
        let most = self.limits.handles;
        self.handles.push(value).map_err(|_| LimitReached::trap("limit.handles", format!("more than {most} handles")))
    }

    async fn stage(&mut self, table: String, change: Change) -> WasmResult<Result<(), WireError>> {
        self.busy = Duration::ZERO;
        Ok(self.services()?.stage(&table, change).await.map_err(to_guest))
    }
}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, _: usize, wanted: usize, _: Option<usize>) -> WasmResult<bool> {
        let most = self.limits.memory_bytes;
        if wanted <= most {
            return Ok(true);
        }
        Err(LimitReached::trap("limit.memory", format!("{wanted} bytes of memory asked for, more than {most}")))
    }

    fn table_growing(&mut self, _: usize, wanted: usize, _: Option<usize>) -> WasmResult<bool> {
        let most = self.limits.table_elements;
        if wanted <= most {
            return Ok(true);
        }
        Err(LimitReached::trap("limit.table", format!("{wanted} table elements asked for, more than {most}")))
    }
}

/// Lets components call everything that the contract has.
pub(super) fn link(linker: &mut Linker<Guest>) -> WasmResult<()> {
    contract::Strategy::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

impl types::Host for Guest {}

impl pages::Host for Guest {
    async fn fetch(&mut self, request: pages::Request) -> WasmResult<Result<Resource<Page>, WireError>> {
        self.busy = Duration::ZERO;
        let page = self.services()?.fetch(request.into()).await;
        self.push(page)
    }

    fn begin(&mut self, request: pages::Request) -> WasmResult<Result<Resource<Pending>, WireError>> {
        let fetched = self.services()?.fetch(request.into());
        self.push(Ok(Pending(tokio::spawn(fetched))))
    }
}

impl From<pages::Request> for Request {
    fn from(request: pages::Request) -> Request {
        let pages::Request { method, path, query, headers, body } = request;
        Request { method, path, query, headers, body: body.map(Bytes::from) }
    }
}

impl pages::HostPending for Guest {
    async fn wait(&mut self, this: Resource<Pending>) -> WasmResult<Result<Resource<Page>, WireError>> {
        self.busy = Duration::ZERO;
        let mut pending = self.handles.delete(this)?;
        let page = (&mut pending.0).await.unwrap_or_else(|_| Err(Error::host("a request was given up")));
        self.push(page)
    }

    fn drop(&mut self, this: Resource<Pending>) -> WasmResult<()> {
        self.handles.delete(this)?;
        Ok(())
    }
}

impl pages::HostPage for Guest {
    fn status(&mut self, this: Resource<Page>) -> WasmResult<u16> {
        Ok(self.handles.get(&this)?.response().status)
    }

    fn header(&mut self, this: Resource<Page>, name: String) -> WasmResult<Option<String>> {
        let page = self.handles.get(&this)?;
        Ok(page.response().header(&name.to_ascii_lowercase()).map(str::to_owned))
    }

    fn get(&mut self, this: Resource<Page>, pointer: String) -> WasmResult<Option<String>> {
        Ok(self.handles.get(&this)?.get(&pointer).map(str::to_owned))
    }

    fn records(&mut self, this: Resource<Page>, pointer: String) -> WasmResult<Result<Resource<Batch>, WireError>> {
        let batch = self.handles.get(&this)?.records(&pointer);
        self.push(batch)
    }

    fn body(&mut self, this: Resource<Page>) -> WasmResult<Vec<u8>> {
        Ok(self.handles.get(&this)?.response().body.to_vec())
    }

    fn drop(&mut self, this: Resource<Page>) -> WasmResult<()> {
        self.handles.delete(this)?;
        Ok(())
    }
}

impl records::Host for Guest {
    async fn upsert(&mut self, table: String, rows: Resource<Batch>) -> WasmResult<Result<(), WireError>> {
        let rows = self.handles.get(&rows)?.clone();
        self.stage(table, Change::Upsert(rows)).await
    }

    async fn update(&mut self, table: String, rows: Resource<Batch>) -> WasmResult<Result<(), WireError>> {
        let rows = self.handles.get(&rows)?.clone();
        self.stage(table, Change::Update(rows)).await
    }

    async fn delete(&mut self, table: String, rows: Resource<Batch>) -> WasmResult<Result<(), WireError>> {
        let rows = self.handles.get(&rows)?.clone();
        self.stage(table, Change::Delete(rows)).await
    }

    async fn truncate(&mut self, table: String) -> WasmResult<Result<(), WireError>> {
        self.stage(table, Change::Truncate).await
    }
}

impl records::HostBatch for Guest {
    fn from_json(&mut self, json: Vec<u8>) -> WasmResult<Result<Resource<Batch>, WireError>> {
        let batch = Batch::from_json(json.into())
            .map_err(|error| Error::plugin("plugin.records", format!("the strategy's records: {}", error.message())));
        self.push(batch)
    }

    fn len(&mut self, this: Resource<Batch>) -> WasmResult<u32> {
        Ok(u32::try_from(self.handles.get(&this)?.len()).unwrap_or(u32::MAX))
    }

    fn span(
        &mut self,
        this: Resource<Batch>,
        field: String,
        order: String,
        until: Option<String>,
    ) -> WasmResult<Result<records::Span, WireError>> {
        let batch = self.handles.get(&this)?;
        let span = order.parse().and_then(|order| batch.span(&field, &order, until.as_deref()));
        Ok(span.map(Into::into).map_err(to_guest))
    }

    fn column(&mut self, this: Resource<Batch>, field: String) -> WasmResult<Vec<Option<String>>> {
        let batch = self.handles.get(&this)?;
        Ok(batch.column(&field).into_iter().map(|text| text.map(Into::into)).collect())
    }

    fn slice(&mut self, this: Resource<Batch>, start: u32, end: u32) -> WasmResult<Resource<Batch>> {
        let batch = self.handles.get(&this)?.slice(start as usize, end as usize);
        self.keep(batch)
    }

    fn having(&mut self, this: Resource<Batch>, field: String) -> WasmResult<Resource<Batch>> {
        let batch = self.handles.get(&this)?.having(&field);
        self.keep(batch)
    }

    fn unseen(&mut self, this: Resource<Batch>, earlier: Resource<Batch>) -> WasmResult<Resource<Batch>> {
        let batch = self.handles.get(&this)?.unseen(self.handles.get(&earlier)?);
        self.keep(batch)
    }

    fn fingerprint(&mut self, this: Resource<Batch>, fields: Vec<String>) -> WasmResult<u64> {
        Ok(self.handles.get(&this)?.fingerprint(&fields))
    }

    fn json(&mut self, this: Resource<Batch>) -> WasmResult<Vec<u8>> {
        Ok(self.handles.get(&this)?.to_json().into_bytes())
    }

    fn drop(&mut self, this: Resource<Batch>) -> WasmResult<()> {
        self.handles.delete(this)?;
        Ok(())
    }
}

impl From<crate::model::Span> for records::Span {
    fn from(span: crate::model::Span) -> records::Span {
        let crate::model::Span { least, greatest, at_greatest, ascending, absent, unreadable, beyond } = span;
        records::Span { least, greatest, at_greatest, ascending, absent, unreadable, beyond }
    }
}

impl state::Host for Guest {
    async fn checkpoint(&mut self, state: String) -> WasmResult<Result<(), WireError>> {
        self.busy = Duration::ZERO;
        Ok(self.services()?.checkpoint(state).await.map_err(to_guest))
    }
}

impl clock::Host for Guest {
    fn started(&mut self) -> WasmResult<i64> {
        Ok(self.services()?.started())
    }

    fn now(&mut self) -> WasmResult<i64> {
        Ok(self.services()?.now())
    }
}

impl log::Host for Guest {
    fn write(&mut self, level: String, message: String) -> WasmResult<()> {
        if let Some(services) = &self.services {
            services.log(&level, &message);
        }
        if level == "error" {
            self.last_words = Some(message);
        }
        Ok(())
    }
}
