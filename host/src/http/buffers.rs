//! Memory for bodies, used again: the next page is about as large as the ones before.
//!
//! An allocator keeps such pieces in a heap for each thread and gives them back to the system late, or at once, and then
//! each page costs as many faults as it has kilobytes (docs/decisions/0011). One pool serves the whole process.

use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Smaller ones an allocator handles well; larger ones are rare.
const WORTH_KEEPING: RangeInclusive<usize> = 32 << 10..=1 << 20;
/// How many bytes are kept for later.
const KEPT: usize = 1 << 20;

/// What is free.
#[derive(Debug)]
struct Pool(Mutex<Vec<Vec<u8>>>);

static POOL: Pool = Pool(Mutex::new(Vec::new()));

impl Pool {
    fn take(&'static self, capacity: usize) -> Buffer {
        let fits = |free: &Vec<u8>| (capacity..=capacity.saturating_mul(2)).contains(&free.capacity());
        let found = {
            let mut free = self.free();
            free.iter().position(fits).map(|at| free.swap_remove(at))
        };
        Buffer { bytes: found.unwrap_or_else(|| Vec::with_capacity(capacity)), pool: self }
    }

    fn put_back(&self, mut bytes: Vec<u8>) {
        if !WORTH_KEEPING.contains(&bytes.capacity()) {
            return;
        }
        bytes.clear();
        let mut free = self.free();
        if free.iter().map(Vec::capacity).sum::<usize>() + bytes.capacity() <= KEPT {
            free.push(bytes);
        }
    }

    fn free(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body on its way in.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    pool: &'static Pool,
}

impl Buffer {
    /// An empty one, with room for as much as is announced.
    pub(super) fn with_capacity(capacity: usize) -> Buffer {
        POOL.take(capacity)
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn extend(&mut self, part: &[u8]) {
        self.bytes.extend_from_slice(part);
    }

    /// The whole body. Its memory comes back when the last part of it is dropped.
    pub(super) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.pool.put_back(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_a_body_is_used_again_and_is_empty() {
        static POOL: Pool = Pool(Mutex::new(Vec::new()));
        const SIZE: usize = 100_000;
        let body = || {
            let mut buffer = POOL.take(SIZE);
            assert_eq!(buffer.len(), 0);
            buffer.extend(&[7; SIZE]);
            buffer.freeze()
        };
        let first = body();
        let (place, rest) = (first.as_ptr(), first.slice(SIZE - 1..));
        drop(first);
        assert_ne!(body().as_ptr(), place, "a part of it is still in use");
        assert_eq!(rest[0], 7);
        drop(rest);
        let again = [body(), body()];
        assert!(again.iter().any(|body| body.as_ptr() == place));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        static POOL: Pool = Pool(Mutex::new(Vec::new()));
        let cases = [(1 << 10, 0), (64 << 10, 16), (1 << 20, 1), (8 << 20, 0)];
        for (size, kept) in cases {
            drop((0..100).map(|_| POOL.take(size)).collect::<Vec<_>>());
            assert_eq!(POOL.free().drain(..).count(), kept, "{size}");
        }
    }
}
