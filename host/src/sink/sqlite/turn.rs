//! Fair turns at writing one database file, among the connections of this process.
//!
//! SQLite lets one writer in at a time and lets the others poll, which starves some of them. It must not know SQL.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

static QUEUES: LazyLock<Mutex<HashMap<PathBuf, Weak<Queue>>>> = LazyLock::new(Mutex::default);

/// Those who wait to write one file, served in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    tickets: Mutex<Tickets>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Tickets {
    next: u64,
    serving: u64,
}

/// The right to write, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn(Arc<Queue>);

impl Queue {
    /// The queue of a file; one for each file in this process.
    pub(super) fn of(path: &Path) -> Arc<Queue> {
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut queues = lock(&QUEUES);
        queues.retain(|_, queue| queue.strong_count() > 0);
        if let Some(queue) = queues.get(&path).and_then(Weak::upgrade) {
            return queue;
        }
        let queue = Arc::new(Queue::default());
        queues.insert(path, Arc::downgrade(&queue));
        queue
    }

    /// Waits for one's turn.
    pub(super) fn wait(self: &Arc<Queue>) -> Turn {
        let mut tickets = lock(&self.tickets);
        let mine = tickets.next;
        tickets.next += 1;
        while tickets.serving != mine {
            tickets = self.moved.wait(tickets).unwrap_or_else(PoisonError::into_inner);
        }
        Turn(Arc::clone(self))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.0.tickets).serving += 1;
        self.0.moved.notify_all();
    }
}

// What the locks guard is never left half changed, so a panic elsewhere does not matter.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn one_at_a_time_has_its_turn() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("x.db");
        std::fs::write(&path, "").expect("a file");
        let (inside, worst) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let _turn = Queue::of(&path).wait();
                        worst.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(worst.into_inner(), 1);
    }
}
