//! Where guests run: on threads of their own, so that nobody else waits for a guest that computes.
//!
//! There are two lanes. The fast one has as many threads as the machine has processors. A call that computes more than
//! its share goes on in the slow one, whose threads the system lets run only when nobody else wants to, and comes back
//! when it behaves again. `budget` decides; here calls are driven. What a guest asks of the host, such as a page, is done
//! by the runtime of whoever made the call, never here.

use std::future::poll_fn;
use std::num::NonZero;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::thread::available_parallelism;
use std::time::Instant;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

use super::budget::{Budget, Lane};
use super::meter::Meter;
use crate::error::{Error, Result};

/// The threads of guests.
#[derive(Debug)]
pub(super) struct Lanes {
    /// None where calls are driven by whoever makes them, as in a simulation.
    threads: Option<Threads>,
    /// Calls that go on at present.
    calls: AtomicUsize,
}

#[derive(Debug)]
struct Threads {
    fast: Owned,
    slow: Owned,
    cores: usize,
}

impl Threads {
    fn of(&self, lane: Lane) -> &Owned {
        match lane {
            Lane::Fast => &self.fast,
            Lane::Slow => &self.slow,
        }
    }
}

impl Lanes {
    /// Starts the threads.
    pub(super) fn new() -> Result<Lanes> {
        let cores = available_parallelism().map_or(1, NonZero::get);
        let fast = Owned::start("guests", cores, || {})?;
        let slow = Owned::start("slow-guests", cores.saturating_sub(1).max(1), give_way)?;
        Ok(Lanes { threads: Some(Threads { fast, slow, cores }), calls: AtomicUsize::new(0) })
    }

    /// No threads: each call is driven by whoever waits for it.
    pub(super) fn none() -> Lanes {
        Lanes { threads: None, calls: AtomicUsize::new(0) }
    }

    /// Drives a call to its end. Dropping the future ends the call.
    pub(super) async fn drive<T, F>(self: Arc<Lanes>, meter: Arc<Meter>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let mut trip = Trip { work: Box::pin(work), meter, budget: Budget::new(Instant::now()) };
        let Some(threads) = &self.threads else { return Ok(poll_fn(|context| trip.poll(context)).await) };
        let _call = Counted::new(&self.calls);
        let mut lane = Lane::Fast;
        loop {
            let stretch = Stretch { trip: Some(trip), lane, lanes: Arc::clone(&self) };
            match AbortOnDropHandle::new(threads.of(lane).handle.spawn(stretch)).await.map_err(broken_off)? {
                End::Done(value) => return Ok(value),
                End::Leaves(going_on) => trip = going_on,
            }
            lane = lane.other();
        }
    }

    /// The runtime of whoever makes a call, where calls have threads of their own.
    pub(super) fn caller(&self) -> Option<Handle> {
        self.threads.as_ref().and_then(|_| Handle::try_current().ok())
    }

    /// Which part of a processor each call may use for nothing: a quarter of one, or less where there are many.
    fn share(&self) -> f64 {
        let cores = self.threads.as_ref().map_or(1, |threads| threads.cores);
        0.25 * cores as f64 / self.calls.load(Relaxed).max(cores) as f64
    }
}

/// A call on its way.
struct Trip<F> {
    work: Pin<Box<F>>,
    meter: Arc<Meter>,
    budget: Budget,
}

impl<F: Future> Trip<F> {
    /// One turn of the call, and what it costs.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<F::Output> {
        self.meter.begin();
        let turn = self.work.as_mut().poll(context);
        let (spent, earned) = self.meter.end();
        self.budget.pay(spent, earned);
        turn
    }
}

/// A call as long as it stays in one lane.
struct Stretch<F> {
    /// None once it has ended.
    trip: Option<Trip<F>>,
    lane: Lane,
    lanes: Arc<Lanes>,
}

enum End<F: Future> {
    Done(F::Output),
    /// It goes on in the other lane.
    Leaves(Trip<F>),
}

impl<F: Future> Future for Stretch<F> {
    type Output = End<F>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<End<F>> {
        let Stretch { trip: place, lane, lanes } = &mut *self;
        // Whoever is asked again after the end has nothing to say.
        let Some(trip) = place else { return Poll::Pending };
        if let Poll::Ready(value) = trip.poll(context) {
            *place = None;
            return Poll::Ready(End::Done(value));
        }
        match trip.budget.lane(*lane, Instant::now(), lanes.share()) == *lane {
            true => Poll::Pending,
            false => place.take().map_or(Poll::Pending, |trip| Poll::Ready(End::Leaves(trip))),
        }
    }
}

fn broken_off(error: JoinError) -> Error {
    match error.is_panic() {
        true => Error::host("the host crashed in a call of a strategy; other calls go on"),
        false => Error::interrupted(),
    }
}

/// One of the calls that go on.
struct Counted<'a>(&'a AtomicUsize);

impl Counted<'_> {
    fn new(calls: &AtomicUsize) -> Counted<'_> {
        calls.fetch_add(1, Relaxed);
        Counted(calls)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// A runtime that can be dropped anywhere, its own threads included.
#[derive(Debug)]
struct Owned {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Owned {
    fn start(name: &str, threads: usize, begin: fn()) -> Result<Owned> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name(name)
            .on_thread_start(begin)
            // Whoever is woken from outside is next, however many guests compute.
            .event_interval(1)
            .global_queue_interval(1)
            .build()
            .map_err(|error| Error::host(format!("the threads of guests cannot be started: {error}")))?;
        Ok(Owned { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lets all others go first. On Linux a priority is a thread's own; elsewhere the system shares alike.
fn give_way() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(19);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use super::*;

    fn lanes() -> Arc<Lanes> {
        Arc::new(Lanes::new().expect("threads"))
    }

    async fn drive<T: Send + 'static>(lanes: &Arc<Lanes>, work: impl Future<Output = T> + Send + 'static) -> Result<T> {
        Arc::clone(lanes).drive(Arc::default(), work).await
    }

    fn thread() -> String {
        std::thread::current().name().unwrap_or_default().to_owned()
    }

    /// Computes for two milliseconds and gives way, as a guest does at each tick.
    async fn compute() {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(2) {}
        tokio::task::yield_now().await;
    }

    #[tokio::test]
    async fn whoever_computes_is_moved_and_whoever_fetches_comes_back() {
        let meter = Arc::new(Meter::default());
        let income = Arc::clone(&meter);
        let work = async move {
            let mut threads = vec![thread()];
            while income.spent() < Duration::from_millis(50) {
                compute().await;
            }
            threads.push(thread());
            income.received(100_000_000);
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            threads.push(thread());
            threads
        };
        // Beside so many, time alone brings nothing, however busy the machine is.
        let lanes = lanes();
        lanes.calls.store(1_000_000, Relaxed);
        let threads = lanes.drive(meter, work).await;
        assert_eq!(threads, Ok(vec!["guests".to_owned(), "slow-guests".to_owned(), "guests".to_owned()]));
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_ends() {
        struct Flag(Arc<AtomicBool>);
        impl Drop for Flag {
            fn drop(&mut self) {
                self.0.store(true, Relaxed);
            }
        }
        let (lanes, ended) = (lanes(), Arc::new(AtomicBool::new(false)));
        let flag = Flag(Arc::clone(&ended));
        let call = drive(&lanes, async move {
            let _flag = flag;
            loop {
                compute().await;
            }
        });
        let given_up: Result<Result<()>, _> = tokio::time::timeout(Duration::from_millis(50), call).await;
        assert!(given_up.is_err());
        while !ended.load(Relaxed) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(lanes.calls.load(Relaxed), 0);
    }

    #[tokio::test]
    async fn a_crash_in_one_call_is_its_own() {
        let lanes = lanes();
        let crashed: Result<()> = drive(&lanes, async { panic!("a defect of the host") }).await;
        let message = "the host crashed in a call of a strategy; other calls go on";
        assert_eq!(crashed.map_err(|error| error.message().to_owned()), Err(message.to_owned()));
        assert_eq!(drive(&lanes, async { 42 }).await, Ok(42));
    }

    #[tokio::test]
    async fn without_threads_a_call_runs_where_it_is_awaited() {
        let lanes = Arc::new(Lanes::none());
        assert_eq!(drive(&lanes, async { thread() }).await, Ok(thread()));
        assert!(lanes.caller().is_none());
    }
}
