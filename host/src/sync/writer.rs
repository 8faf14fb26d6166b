//! The sink's side of a run: a worker that stages, seals and commits in the order in which the strategy asked.
//!
//! It works on a thread of its own, behind a queue that is bounded by the bytes of the records in it, so that a fast
//! source waits for a slow sink; or inline, one step at a time, for simulations. The first error ends its work; whoever
//! sends to it afterwards gets that error.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tracing::{Span, info_span};

use super::gauge::Gauge;
use super::pace::{Group, Pace};
use crate::SPANS;
use crate::error::{Error, Result};
use crate::model::{Change, State, Table};
use crate::sink::{Mode, Sink};

/// Bytes of records that may wait for the sink; a single larger batch is let through alone.
const QUEUE_BYTES: usize = 3 << 19;

/// Changes and checkpoints that may wait, however small they are.
const QUEUE_LENGTH: usize = 256;

/// Who works for the sink of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hands {
    /// A thread of its own, so that the sink writes while the strategy fetches.
    #[default]
    Thread,
    /// The run itself: each step is done when the strategy goes on. The order of all that happens is always the same,
    /// and no thread keeps a paused clock waiting.
    Inline,
}

enum Message {
    Begin { tables: Vec<Table>, mode: Mode, reply: oneshot::Sender<Result<Option<State>>> },
    Stage { table: Arc<str>, change: Change, room: Option<OwnedSemaphorePermit> },
    Seal(State),
    Close { ended_well: bool, reply: oneshot::Sender<(Result<()>, Option<State>)> },
}

/// The worker that owns the sink of a run.
pub(super) struct Writer {
    inlet: Inlet,
}

/// Where changes go in.
#[derive(Clone)]
pub(super) struct Inlet {
    way: Way,
    failure: Arc<Mutex<Option<Error>>>,
}

#[derive(Clone)]
enum Way {
    Queue { queue: mpsc::Sender<Message>, room: Arc<Semaphore> },
    Inline(Arc<Mutex<Worker>>),
}

impl Writer {
    /// Starts the work. Must be called within a tokio runtime, whose clock paces the commits.
    pub(super) fn start(sink: Box<dyn Sink>, hands: Hands, pace: Pace, gauge: Arc<Gauge>) -> Writer {
        let failure = Arc::new(Mutex::new(None));
        let worker = Worker {
            sink,
            pace,
            gauge,
            failure: Arc::clone(&failure),
            is_unsealed: false,
            unsealed: Group::default(),
            sealed: Group::default(),
            sealed_since: None,
            mode: Mode::Incremental,
            state: None,
            pending: None,
            run: Span::current(),
        };
        let way = match hands {
            Hands::Thread => {
                let (queue, outlet) = mpsc::channel(QUEUE_LENGTH);
                let runtime = Handle::current();
                thread::spawn(move || worker.run(outlet, &runtime));
                Way::Queue { queue, room: Arc::new(Semaphore::new(QUEUE_BYTES)) }
            }
            Hands::Inline => Way::Inline(Arc::new(Mutex::new(worker))),
        };
        Writer { inlet: Inlet { way, failure } }
    }

    pub(super) fn inlet(&self) -> Inlet {
        self.inlet.clone()
    }

    /// Prepares the tables. Returns the saved state.
    pub(super) async fn begin(&self, tables: Vec<Table>, mode: Mode) -> Result<Option<State>> {
        let (reply, answer) = oneshot::channel();
        self.inlet.send(Message::Begin { tables, mode, reply }).await?;
        answer.await.map_err(|_| self.inlet.failure())?
    }

    /// Commits what is sealed and, where the run ended well, finishes. Returns the state that is committed now.
    pub(super) async fn close(self, ended_well: bool) -> (Result<()>, Option<State>) {
        let (reply, answer) = oneshot::channel();
        if let Err(error) = self.inlet.send(Message::Close { ended_well, reply }).await {
            return (Err(error), None);
        }
        answer.await.unwrap_or_else(|_| (Err(self.inlet.failure()), None))
    }
}

impl Inlet {
    /// Hands a change over; waits while the queue is full.
    pub(super) async fn stage(&self, table: Arc<str>, change: Change) -> Result<()> {
        let room = match &self.way {
            Way::Queue { room, .. } => {
                let bytes = u32::try_from(change.bytes().min(QUEUE_BYTES)).unwrap_or(u32::MAX);
                Some(Arc::clone(room).acquire_many_owned(bytes).await.map_err(|_| self.failure())?)
            }
            Way::Inline(_) => None,
        };
        self.send(Message::Stage { table, change, room }).await
    }

    pub(super) async fn seal(&self, state: State) -> Result<()> {
        self.send(Message::Seal(state)).await
    }

    async fn send(&self, message: Message) -> Result<()> {
        // A failed sink still takes what is in the queue, so that its error is met here, not by a hang.
        if let Some(error) = self.recorded_failure()
            && !matches!(message, Message::Close { .. })
        {
            return Err(error);
        }
        match &self.way {
            Way::Queue { queue, .. } => queue.send(message).await.map_err(|_| self.failure()),
            Way::Inline(worker) => {
                lock(worker).take(message);
                Ok(())
            }
        }
    }

    fn recorded_failure(&self) -> Option<Error> {
        lock(&self.failure).clone()
    }

    fn failure(&self) -> Error {
        self.recorded_failure().unwrap_or_else(|| Error::sink("the sink's thread ended before the run did"))
    }
}

/// A thread that panicked while it held the lock left a whole value behind.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Worker {
    sink: Box<dyn Sink>,
    pace: Pace,
    gauge: Arc<Gauge>,
    failure: Arc<Mutex<Option<Error>>>,
    /// Whether a change was staged since the last seal.
    is_unsealed: bool,
    unsealed: Group,
    sealed: Group,
    sealed_since: Option<Instant>,
    mode: Mode,
    /// The state that is committed.
    state: Option<State>,
    /// The state of the last seal, to be committed.
    pending: Option<State>,
    /// The run, to which the work belongs in a trace.
    run: Span,
}

impl Worker {
    fn run(mut self, mut outlet: mpsc::Receiver<Message>, runtime: &Handle) {
        while let Some(wake) = runtime.block_on(self.next(&mut outlet)) {
            match wake {
                Wake::Message(Message::Close { ended_well, reply }) => {
                    let closed = self.close(ended_well);
                    // The process may end as soon as it hears: the destination must be closed by then.
                    drop(self);
                    let _ = reply.send(closed);
                    return;
                }
                Wake::Message(message) => self.take(message),
                Wake::Due => {
                    self.sealed_since = None;
                    self.note(Worker::commit);
                }
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Begin { tables, mode, reply } => {
                let begun = self.guard(|worker| worker.begin(&tables, mode));
                let _ = reply.send(begun);
            }
            Message::Stage { table, change, room } => {
                self.note(|worker| worker.stage(&table, &change));
                drop(room);
            }
            Message::Seal(state) => self.note(|worker| worker.seal(state)),
            Message::Close { ended_well, reply } => {
                let _ = reply.send(self.close(ended_well));
            }
        }
    }

    /// The next message, or the moment at which the sealed group is old enough. A commit drops what is staged and not
    /// sealed, so between a change and its seal there is no such moment; the seal looks at the age, too.
    async fn next(&self, outlet: &mut mpsc::Receiver<Message>) -> Option<Wake> {
        let Some(since) = self.sealed_since.filter(|_| !self.is_unsealed) else {
            return outlet.recv().await.map(Wake::Message);
        };
        tokio::select! {
            biased;
            message = outlet.recv() => message.map(Wake::Message),
            () = tokio::time::sleep_until(since + self.pace.interval) => Some(Wake::Due),
        }
    }

    /// Does nothing any more once the sink has failed.
    fn guard<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let failed = lock(&self.failure).clone();
        match failed {
            Some(error) => Err(error),
            None => step(self),
        }
    }

    /// Does a step, and keeps the error if it is the first.
    fn note(&mut self, step: impl FnOnce(&mut Self) -> Result<()>) {
        if let Err(error) = self.guard(step) {
            lock(&self.failure).get_or_insert(error);
        }
    }

    fn begin(&mut self, tables: &[Table], mode: Mode) -> Result<Option<State>> {
        self.state = self.sink.state()?;
        self.sink.begin(tables, mode)?;
        self.mode = mode;
        Ok(self.state.clone())
    }

    fn stage(&mut self, table: &str, change: &Change) -> Result<()> {
        let rows = change.rows().map_or(0, |rows| rows.len());
        let span = info_span!(target: SPANS, parent: &self.run, "stage", tidegate.table = table, tidegate.rows = rows);
        let _entered = span.entered();
        self.is_unsealed = true;
        self.unsealed.rows += rows;
        self.unsealed.bytes += change.bytes();
        self.sink.stage(table, change)
    }

    fn seal(&mut self, state: State) -> Result<()> {
        self.sink.seal(&state)?;
        self.pending = Some(state);
        self.sealed.rows += self.unsealed.rows;
        self.sealed.bytes += self.unsealed.bytes;
        self.unsealed = Group::default();
        self.is_unsealed = false;
        let since = *self.sealed_since.get_or_insert_with(Instant::now);
        self.sealed.age = since.elapsed();
        if self.pace.is_due(self.sealed) { self.commit() } else { Ok(()) }
    }

    fn commit(&mut self) -> Result<()> {
        let rows = self.sealed.rows;
        let _entered = info_span!(target: SPANS, parent: &self.run, "commit", tidegate.rows = rows).entered();
        self.sealed_since = None;
        self.sealed = Group::default();
        let sealed = self.pending.take();
        let counts = self.sink.commit()?;
        self.gauge.committed(counts);
        // That of a full refresh counts once the refresh has ended well.
        if self.mode == Mode::Incremental {
            self.state = sealed.or(self.state.take());
        }
        Ok(())
    }

    /// Ends the work. Returns the state that is committed now, too.
    fn close(&mut self, ended_well: bool) -> (Result<()>, Option<State>) {
        let outcome = self.wind_up(ended_well);
        (outcome, self.state.take())
    }

    /// Commits what is sealed, also when a later change was rejected: that is the last checkpoint.
    fn wind_up(&mut self, ended_well: bool) -> Result<()> {
        let failed = lock(&self.failure).take();
        let committed = if self.pending.is_some() { self.commit() } else { Ok(()) };
        if let Some(error) = failed.or(committed.err()) {
            return Err(error);
        }
        if ended_well {
            let counts = self.sink.finish()?;
            self.gauge.committed(counts);
            self.state = self.sink.state()?;
        }
        Ok(())
    }
}

enum Wake {
    Message(Message),
    Due,
}
