//! What a guest holds of the host's memory by its handles, and what was fetched for it and not yet taken.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::http::Page;
use crate::model::{Batch, Footprint};

/// Something that a handle stands for.
pub(super) trait Weigh {
    fn footprint(&self) -> Footprint;
}

impl Weigh for Page {
    fn footprint(&self) -> Footprint {
        let response = self.response();
        let headers = response.headers.iter().map(|(name, value)| name.len() + value.len());
        Footprint { document: response.body.as_ptr().addr(), shared: response.body.len(), own: headers.sum() }
    }
}

impl Weigh for Batch {
    fn footprint(&self) -> Footprint {
        Batch::footprint(self)
    }
}

/// The memory behind the handles of one guest. A document counts once, however many handles have a part in it.
#[derive(Debug, Default)]
pub(super) struct Held {
    documents: HashMap<usize, Document>,
    bytes: usize,
    waiting: Waiting,
}

#[derive(Debug, Default)]
struct Document {
    handles: usize,
    bytes: usize,
}

impl Held {
    pub(super) fn add(&mut self, Footprint { document, shared, own }: Footprint) {
        let known = self.documents.entry(document).or_default();
        known.handles += 1;
        // A page becomes greater once it is parsed.
        self.bytes += own + shared.saturating_sub(known.bytes);
        known.bytes = known.bytes.max(shared);
    }

    pub(super) fn remove(&mut self, Footprint { document, own, .. }: Footprint) {
        self.bytes = self.bytes.saturating_sub(own);
        let Some(known) = self.documents.get_mut(&document) else { return };
        known.handles -= 1;
        if known.handles == 0 {
            self.bytes = self.bytes.saturating_sub(known.bytes);
            self.documents.remove(&document);
        }
    }

    /// All that is held, and waits to be.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.waiting.0.load(Relaxed)
    }

    /// Where those pages are counted that wait to be taken.
    pub(super) fn waiting(&self) -> Waiting {
        self.waiting.clone()
    }
}

/// Pages that were begun, have come, and were not waited for.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    /// Counts so many bytes until the claim is dropped. Returns how many there are now, too.
    pub(super) fn claim(&self, bytes: usize) -> (Claim, usize) {
        let before = self.0.fetch_add(bytes, Relaxed);
        (Claim { waiting: self.clone(), bytes }, before + bytes)
    }
}

/// A part of what waits.
#[derive(Debug)]
pub(super) struct Claim {
    waiting: Waiting,
    bytes: usize,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.waiting.0.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_counts_once_and_until_its_last_handle_is_gone() {
        let mut held = Held::default();
        let page = Footprint { document: 1, shared: 100, own: 5 };
        let batch = Footprint { document: 1, shared: 300, own: 7 };
        let other = Footprint { document: 2, shared: 50, own: 0 };
        held.add(page);
        assert_eq!(held.bytes(), 105);
        held.add(batch);
        held.add(batch);
        held.add(other);
        assert_eq!(held.bytes(), 5 + 300 + 14 + 50);
        held.remove(page);
        held.remove(batch);
        assert_eq!(held.bytes(), 300 + 7 + 50);
        held.remove(batch);
        assert_eq!(held.bytes(), 50);
        held.remove(other);
        assert_eq!(held.bytes(), 0);
    }

    #[test]
    fn what_waits_counts_until_it_is_taken() {
        let held = Held::default();
        let (claim, now) = held.waiting().claim(10);
        assert_eq!((now, held.bytes()), (10, 10));
        drop(claim);
        assert_eq!(held.bytes(), 0);
    }
}
