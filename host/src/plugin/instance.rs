//! What a guest can call: the imports of the contract, answered from handles and from the run's services.
//!
//! A guest that breaks the contract's rules (a handle that it does not own, too many handles) traps; anything else
//! that goes wrong is an error that it receives.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};
use wasmtime::{ResourceLimiter, Result as WasmResult};

use super::Services;
use super::contract;
use super::contract::tidegate::strategy::{clock, log, pages, records, state, types};
use super::cpu::Meter;
use super::held::{Claim, Held, Weigh};
use super::limits::{LimitReached, Limits, reached};
use super::wire::{Told, WireError};
use crate::error::{Error, Result};
use crate::http::{Page, Request};
use crate::model::{Batch, Change};

/// What a component was called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// To say something of itself or of its state.
    Describe,
    /// To read the source.
    Sync,
}

impl Call {
    /// What one call of a host function, and the answer, may carry out of the component.
    pub(super) fn fuel(self, limits: &Limits) -> usize {
        match self {
            Call::Describe => limits.description_bytes,
            Call::Sync => limits.call_bytes,
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
    handles: ResourceTable,
    /// The memory behind the handles.
    held: Held,
    /// Requests that were begun and not waited for.
    pending: usize,
    /// None while the component describes itself: it has nothing to fetch or to write then.
    host: Option<Host>,
    limits: Limits,
    meter: Arc<Meter>,
    /// The processor time at the last call that fetched, staged or sealed.
    active: Duration,
    /// The errors that it got from the host.
    pub(super) told: Told,
    /// The last line logged as an error. The SDK logs a panic's message before it traps.
    pub(super) last_words: Option<String>,
}

/// A request that the host sends, as long as the guest waits for it.
struct Errand(JoinHandle<Result<Page>>);

impl Errand {
    async fn done(mut self) -> Result<Page> {
        (&mut self.0).await.unwrap_or_else(|_| Err(given_up()))
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn given_up() -> Error {
    Error::host("a request was given up")
}

/// A request in flight, or its page that was not taken yet. Dropping it cancels the request.
#[allow(unreachable_pub, reason = "the macro of `contract` re-exports it")]
pub struct Pending(JoinHandle<(Result<Page>, Option<Claim>)>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

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

    /// Why a call ended that carried more out of the component than it may.
    pub(super) fn carried_too_much(&self) -> LimitReached {
        let name = match self.call {
            Call::Describe => "description_bytes",
            Call::Sync => "call_bytes",
        };
        let most = self.call.fuel(&self.limits);
        LimitReached::new(name, format!("more than {most} bytes of text and lists in one call"))
    }

    /// The services, for a call that gets the run on.
    fn act(&mut self) -> WasmResult<Arc<dyn Services>> {
        self.active = self.meter.spent();
        self.services()
    }

    fn services(&self) -> WasmResult<Arc<dyn Services>> {
        Ok(Arc::clone(&self.host()?.services))
    }

    fn host(&self) -> WasmResult<&Host> {
        self.host.as_ref().ok_or_else(|| wasmtime::format_err!("only `sync` may call this function of the host"))
    }

    /// A page has come.
    fn receive(&mut self, page: Result<Page>) -> WasmResult<Result<Resource<Page>, WireError>> {
        if let Ok(page) = &page {
            self.meter.received(page.response().body.len());
        }
        self.push(page)
    }

    fn push<T: Weigh + Send + 'static>(&mut self, made: Result<T>) -> WasmResult<Result<Resource<T>, WireError>> {
        match made {
            Ok(value) => self.keep(value).map(Ok),
            Err(error) => Ok(Err(self.told.tell(error))),
        }
    }

    fn keep<T: Weigh + Send + 'static>(&mut self, value: T) -> WasmResult<Resource<T>> {
        self.held.add(value.footprint());
        let (bytes, most) = (self.held.bytes(), self.limits.held_bytes);
        if bytes > most {
            return Err(LimitReached::trap("held_bytes", held_too_much(bytes, most)));
        }
        self.handle(value)
    }

    fn handle<T: Send + 'static>(&mut self, value: T) -> WasmResult<Resource<T>> {
        let most = self.limits.handles;
        self.handles.push(value).map_err(|_| LimitReached::trap("handles", format!("more than {most} handles")))
    }

    fn release<T: Weigh + Send + 'static>(&mut self, this: Resource<T>) -> WasmResult<()> {
        let value = self.handles.delete(this)?;
        self.held.remove(value.footprint());
        Ok(())
    }

    /// Refuses to carry more into the component than one call may, before it is made.
    fn carry(&self, bytes: usize) -> WasmResult<()> {
        let most = self.limits.answer_bytes;
        if bytes <= most {
            return Ok(());
        }
        let message = format!("{bytes} bytes of text and lists asked for in one call, more than {most}");
        Err(LimitReached::trap("answer_bytes", message))
    }

    async fn stage(&mut self, table: String, change: Change) -> WasmResult<Result<(), WireError>> {
        let staged = self.act()?.stage(&table, change).await;
        Ok(staged.map_err(|error| self.told.tell(error)))
    }
}

fn held_too_much(bytes: usize, most: usize) -> String {
    format!("{bytes} bytes of pages and batches held by handles, more than {most}")
}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, _: usize, wanted: usize, _: Option<usize>) -> WasmResult<bool> {
        let most = self.limits.memory_bytes;
        if wanted <= most {
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

/// Lets components call everything that the contract has.
pub(super) fn link(linker: &mut Linker<Guest>) -> WasmResult<()> {
    contract::Strategy::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

impl types::Host for Guest {}

impl pages::Host for Guest {
    async fn fetch(&mut self, request: pages::Request) -> WasmResult<Result<Resource<Page>, WireError>> {
        let fetched = self.act()?.fetch(request.into());
        let page = match &self.host()?.runtime {
            Some(runtime) => Errand(runtime.spawn(fetched)).done().await,
            None => fetched.await,
        };
        self.receive(page)
    }

    fn begin(&mut self, request: pages::Request) -> WasmResult<Result<Resource<Pending>, WireError>> {
        let fetched = self.services()?.fetch(request.into());
        let most = self.limits.pending;
        if self.pending == most {
            let message = format!("more than {most} requests begun and not waited for");
            return Err(LimitReached::trap("pending", message));
        }
        let (waiting, most) = (self.held.waiting(), self.limits.held_bytes);
        let fetched = async move {
            let page = fetched.await;
            let Ok(page) = page else { return (page, None) };
            let (claim, bytes) = waiting.claim(page.response().body.len());
            match bytes > most {
                true => (Err(reached("held_bytes", held_too_much(bytes, most))), None),
                false => (Ok(page), Some(claim)),
            }
        };
        let pending = Pending(match &self.host()?.runtime {
            Some(runtime) => runtime.spawn(fetched),
            None => tokio::spawn(fetched),
        });
        self.pending += 1;
        self.handle(pending).map(Ok)
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
        self.act()?;
        let mut pending = self.handles.delete(this)?;
        self.pending -= 1;
        let (page, claim) = (&mut pending.0).await.unwrap_or_else(|_| (Err(given_up()), None));
        drop(claim);
        self.receive(page)
    }

    fn drop(&mut self, this: Resource<Pending>) -> WasmResult<()> {
        self.handles.delete(this)?;
        self.pending -= 1;
        Ok(())
    }
}

impl pages::HostPage for Guest {
    fn status(&mut self, this: Resource<Page>) -> WasmResult<u16> {
        Ok(self.handles.get(&this)?.response().status)
    }

    fn header(&mut self, this: Resource<Page>, name: String) -> WasmResult<Option<String>> {
        let page = self.handles.get(&this)?;
        let value = page.response().header(&name.to_ascii_lowercase());
        self.carry(value.map_or(0, str::len))?;
        Ok(value.map(str::to_owned))
    }

    fn get(&mut self, this: Resource<Page>, pointer: String) -> WasmResult<Option<String>> {
        let text = self.handles.get(&this)?.get(&pointer);
        self.carry(text.map_or(0, str::len))?;
        Ok(text.map(str::to_owned))
    }

    fn records(&mut self, this: Resource<Page>, pointer: String) -> WasmResult<Result<Resource<Batch>, WireError>> {
        let batch = self.handles.get(&this)?.records(&pointer);
        self.push(batch)
    }

    fn body(&mut self, this: Resource<Page>) -> WasmResult<Vec<u8>> {
        let body = &self.handles.get(&this)?.response().body;
        self.carry(body.len())?;
        Ok(body.to_vec())
    }

    fn drop(&mut self, this: Resource<Page>) -> WasmResult<()> {
        self.release(this)
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

/// What an optional text costs in a list, beyond its own bytes.
const LIST_ELEMENT: usize = 16;

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
        Ok(span.map(Into::into).map_err(|error| self.told.tell(error)))
    }

    fn column(&mut self, this: Resource<Batch>, field: String) -> WasmResult<Vec<Option<String>>> {
        let batch = self.handles.get(&this)?;
        self.carry(batch.len() * LIST_ELEMENT)?;
        let values = batch.column(&field);
        let texts: usize = values.iter().flatten().map(|text| text.len()).sum();
        self.carry(texts + values.len() * LIST_ELEMENT)?;
        Ok(values.into_iter().map(|text| text.map(Into::into)).collect())
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
        let batch = self.handles.get(&this)?;
        self.carry(batch.bytes())?;
        Ok(batch.to_json().into_bytes())
    }

    fn drop(&mut self, this: Resource<Batch>) -> WasmResult<()> {
        self.release(this)
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
        let sealed = self.act()?.checkpoint(state).await;
        Ok(sealed.map_err(|error| self.told.tell(error)))
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
        if let Some(host) = &self.host {
            host.services.log(&level, &message);
        }
        if level == "error" {
            self.last_words = Some(beginning(message));
        }
        Ok(())
    }
}

/// As much of the last words as an error can show.
fn beginning(mut words: String) -> String {
    const MOST: usize = 1_000;
    if let Some((end, _)) = words.char_indices().nth(MOST) {
        words.truncate(end);
        words.push('…');
        words.shrink_to_fit();
    }
    words
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
        let memory = "1001 bytes of memory asked for, more than 1000";
        assert_eq!(said(guest.memory_growing(0, 1_001, None)), Err(memory.to_owned()));
        assert_eq!(said(guest.table_growing(0, 10, None)), Ok(true));
        assert_eq!(said(guest.table_growing(0, 11, None)), Err("11 table elements asked for, more than 10".to_owned()));
    }

    #[test]
    fn last_words_are_short() {
        let mut guest = guest(Limits::default());
        log::Host::write(&mut guest, "error".to_owned(), "x".repeat(1 << 20)).expect("written");
        assert_eq!(guest.last_words.map(|words| words.chars().count()), Some(1_001));
    }
}
