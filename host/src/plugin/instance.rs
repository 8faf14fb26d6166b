//! What a guest can call: the imports of the contract, answered from handles and from the run's services.
//!
//! A guest that breaks the contract's rules (a handle that it does not own, too many handles) traps; anything else
//! that goes wrong is an error that it receives.

use bytes::Bytes;
use tokio_util::task::AbortOnDropHandle;
use wasmtime::Result as WasmResult;
use wasmtime::component::{HasSelf, Linker, Resource};

use super::contract;
use super::contract::tidegate::strategy::{clock, log, pages, records, state, types};
use super::guest::{Guest, Pending, given_up, held_too_much};
use super::limits::{LimitReached, reached};
use super::wire::WireError;
use crate::error::{Error, Result};
use crate::http::{Page, Request};
use crate::model::{Batch, Change, Fingerprint};

/// Lets components call everything that the contract has.
pub(super) fn link(linker: &mut Linker<Guest>) -> WasmResult<()> {
    contract::Strategy::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

impl types::Host for Guest {}

impl pages::Host for Guest {
    async fn fetch(&mut self, request: pages::Request) -> WasmResult<Result<Resource<Page>, WireError>> {
        let fetched = self.act()?.fetch(request.into());
        let page = match &self.host()?.runtime {
            Some(runtime) => {
                let errand = AbortOnDropHandle::new(runtime.spawn(fetched));
                errand.await.unwrap_or_else(|_| Err(given_up()))
            }
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
        let pending = Pending(AbortOnDropHandle::new(match &self.host()?.runtime {
            Some(runtime) => runtime.spawn(fetched),
            None => tokio::spawn(fetched),
        }));
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
        let pending = self.handles.delete(this)?;
        self.pending -= 1;
        let (page, claim) = pending.0.await.unwrap_or_else(|_| (Err(given_up()), None));
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

/// How many bytes the host looks at for a guest before it looks at the time.
const BREATH: usize = 1 << 20;

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

    async fn fingerprint(&mut self, this: Resource<Batch>, fields: Vec<String>) -> WasmResult<u64> {
        let most = self.limits.columns;
        if fields.len() > most {
            let message = format!("a fingerprint of {} fields asked for, more than {most}", fields.len());
            return Err(LimitReached::trap("columns", message));
        }
        let batch = self.handles.get(&this)?.clone();
        let mut fingerprint = Fingerprint::new(&batch, &fields);
        let mut looked_at = 0;
        while let Some(bytes) = fingerprint.step() {
            looked_at += bytes;
            if looked_at > BREATH {
                looked_at = 0;
                self.breathe().await?;
            }
        }
        Ok(fingerprint.finish())
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
    use std::sync::Arc;

    use super::super::guest::Call;
    use super::super::limits::Limits;
    use super::*;

    #[test]
    fn last_words_are_short() {
        let mut guest = Guest::new(Call::Sync, Limits::default(), None, Arc::default());
        log::Host::write(&mut guest, "error".to_owned(), "x".repeat(1 << 20)).expect("written");
        assert_eq!(guest.last_words.map(|words| words.chars().count()), Some(1_001));
    }
}
