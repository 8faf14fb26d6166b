//! The components that were used last, ready to run again: those whose bytes never change.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::component::Ready;
use crate::config::StrategyRef;

/// How many are kept. Compiled, a strategy takes about 1 MB.
const ROOM: usize = 64;

/// The components that were used last, the last one first.
#[derive(Default)]
pub(super) struct Shelf(Mutex<VecDeque<(StrategyRef, Arc<Ready>)>>);

impl Shelf {
    fn all(&self) -> MutexGuard<'_, VecDeque<(StrategyRef, Arc<Ready>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A component that is here.
    pub(super) fn find(&self, strategy: &StrategyRef) -> Option<Arc<Ready>> {
        let mut all = self.all();
        let at = all.iter().position(|(known, _)| known == strategy)?;
        let found = all.remove(at)?;
        let ready = Arc::clone(&found.1);
        all.push_front(found);
        Some(ready)
    }

    /// Puts a component here, and takes away the one that was not used for longest. A file that may change is not kept.
    pub(super) fn put(&self, strategy: &StrategyRef, ready: &Arc<Ready>) {
        if let StrategyRef::File(_) = strategy {
            return;
        }
        let mut all = self.all();
        all.retain(|(known, _)| known != strategy);
        all.push_front((strategy.clone(), Arc::clone(ready)));
        all.truncate(ROOM);
    }
}
