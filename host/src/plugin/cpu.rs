//! Processor time of a call: that of the threads which drive it, while they do.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

/// Counts the time of one call. Shared by what drives the call and by the call itself.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Nanoseconds of the turns that have ended.
    ended: AtomicU64,
    /// When the present turn has begun, by the clock of its thread.
    began: AtomicU64,
}

impl Meter {
    /// The time so far. Only right within a turn, on the thread that drives it.
    pub(super) fn spent(&self) -> Duration {
        Duration::from_nanos(self.ended.load(Relaxed) + thread_time().saturating_sub(self.began.load(Relaxed)))
    }

    fn begin(&self) {
        self.began.store(thread_time(), Relaxed);
    }

    fn end(&self) -> Duration {
        let turn = thread_time().saturating_sub(self.began.load(Relaxed));
        self.ended.fetch_add(turn, Relaxed);
        Duration::from_nanos(turn)
    }
}

/// A future whose turns are counted.
pub(super) struct Metered<F> {
    meter: Arc<Meter>,
    future: Pin<Box<F>>,
}

impl<F: Future> Metered<F> {
    pub(super) fn new(meter: Arc<Meter>, future: F) -> Metered<F> {
        Metered { meter, future: Box::pin(future) }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.meter.begin();
        let turn = self.future.as_mut().poll(context);
        self.meter.end();
        turn
    }
}

/// Processor time of this thread, in nanoseconds.
#[cfg(unix)]
fn thread_time() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec).unwrap_or(0), u64::try_from(time.tv_nsec).unwrap_or(0));
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// The time that passes, where a thread has no clock of its own.
#[cfg(not(unix))]
fn thread_time() -> u64 {
    use std::sync::LazyLock;
    use std::time::Instant;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
