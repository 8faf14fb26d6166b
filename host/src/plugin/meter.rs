//! What a call uses: the processor time of the threads which drive it, while they do, and its memory.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What a byte of a page earns: the work on it in a fast guest, twice over.
const PER_BYTE: u64 = 10;

/// Counts the time of one call, in nanoseconds, and its memory. Shared by what drives the call, by the call itself, and by
/// those who watch it.
#[derive(Debug, Default)]
pub struct Meter {
    /// The time of the turns that have ended.
    ended: AtomicU64,
    /// When the present turn has begun, by the clock of its thread.
    began: AtomicU64,
    /// What the present turn has earned.
    earned: AtomicU64,
    /// The greatest size of a linear memory.
    memory: AtomicU64,
}

impl Meter {
    /// The processor time of the turns that have ended, and the greatest size of a linear memory, in bytes.
    pub fn read(&self) -> (Duration, u64) {
        (Duration::from_nanos(self.ended.load(Relaxed)), self.memory.load(Relaxed))
    }

    /// The time so far. Only right within a turn, on the thread that drives it.
    pub(super) fn spent(&self) -> Duration {
        Duration::from_nanos(self.ended.load(Relaxed) + thread_time().saturating_sub(self.began.load(Relaxed)))
    }

    /// A turn begins on this thread.
    pub(super) fn begin(&self) {
        self.began.store(thread_time(), Relaxed);
    }

    /// The turn ends on this thread. Returns what it has cost, and what it has earned.
    pub(super) fn end(&self) -> (Duration, Duration) {
        let turn = thread_time().saturating_sub(self.began.load(Relaxed));
        self.ended.fetch_add(turn, Relaxed);
        (Duration::from_nanos(turn), Duration::from_nanos(self.earned.swap(0, Relaxed)))
    }

    /// A memory of the call has grown to so many bytes.
    pub(super) fn grown(&self, bytes: usize) {
        self.memory.fetch_max(bytes as u64, Relaxed);
    }

    /// The call has got so many bytes, on which it may work.
    pub(super) fn received(&self, bytes: usize) {
        self.earned.fetch_add((bytes as u64).saturating_mul(PER_BYTE), Relaxed);
    }
}

/// Processor time of this thread, in nanoseconds.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "macos", target_os = "freebsd"))]
fn thread_time() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec).unwrap_or(0), u64::try_from(time.tv_nsec).unwrap_or(0));
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// The time that passes, where a thread has no clock of its own.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "macos", target_os = "freebsd")))]
fn thread_time() -> u64 {
    use std::sync::LazyLock;
    use std::time::Instant;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
