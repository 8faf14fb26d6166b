//! The course of a run, step by step: what has happened, and what is to go wrong at which step.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::verdict::Finding;

/// Steps of a run: far more than staging the largest scenario record by record.
const STEPS: usize = 20_000;

/// A step of a run, at which something can go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The saved state is about to be loaded.
    Load,
    Loaded,
    /// A request is about to reach the source.
    Request,
    /// Its answer is about to reach the host.
    Answer,
    /// Records are about to be staged.
    Stage,
    Staged,
    /// A checkpoint is about to be sealed.
    Seal,
    Sealed,
    /// A commit is about to begin.
    Commit,
    /// The rows of a commit are durable, its state is not yet.
    RowsWritten,
    /// A commit is durable, and nobody was told so far.
    Committed,
    /// A run that went well is about to be finished.
    Finish,
    Finished,
}

/// What goes wrong at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mishap {
    /// The process is gone from this step on.
    Crash,
    /// What was committed is durable, and an error comes back.
    Unacknowledged,
    /// The destination refuses the records.
    Rejection,
    /// Another host takes the connection over, and runs to its end first.
    Takeover,
    /// The connection breaks before the source is reached, once.
    Lost,
    /// The connection breaks on the way back, once.
    AnswerLost,
    /// The source answers 503 from here on.
    Outage,
    /// The source asks to come back in ten years, from here on.
    Postponement,
}

impl Mishap {
    /// Whether every request fails from then on.
    pub(super) fn is_lasting(self) -> bool {
        matches!(self, Mishap::Outage | Mishap::Postponement)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Mishap::Crash => "crash",
            Mishap::Unacknowledged => "unacknowledged",
            Mishap::Rejection => "rejection",
            Mishap::Takeover => "takeover",
            Mishap::Lost => "lost-request",
            Mishap::AnswerLost => "lost-answer",
            Mishap::Outage => "outage",
            Mishap::Postponement => "postponement",
        }
    }

    /// Those that can happen at a step.
    pub(super) fn at(step: &Step) -> &'static [Mishap] {
        match step {
            Step::Request => &[Mishap::Crash, Mishap::Takeover, Mishap::Lost, Mishap::Outage, Mishap::Postponement],
            Step::Answer => &[Mishap::Crash, Mishap::AnswerLost],
            Step::Stage => &[Mishap::Crash, Mishap::Rejection],
            Step::Committed => &[Mishap::Crash, Mishap::Unacknowledged],
            _ => &[Mishap::Crash],
        }
    }
}

/// Something that happened, in words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Event(pub(super) String);

/// The course of one run.
#[derive(Debug)]
pub(super) struct Course {
    inner: Mutex<Inner>,
    gone: CancellationToken,
}

#[derive(Debug, Default)]
struct Inner {
    steps: Vec<Step>,
    /// What is to go wrong, at the step of this number.
    due: Option<(usize, Mishap)>,
    has_struck: bool,
    /// What goes wrong with every request from now on.
    lasting: Option<Mishap>,
    /// What was wrong with the run of another host that took over.
    rival: Option<Finding>,
    events: Vec<Event>,
}

impl Course {
    pub(super) fn new(due: Option<(usize, Mishap)>) -> Course {
        Course { inner: Mutex::new(Inner { due, ..Inner::default() }), gone: CancellationToken::new() }
    }

    /// Takes a step. Returns what goes wrong at it; nothing happens any more once the process is gone.
    pub(super) fn step(&self, step: Step) -> Option<Mishap> {
        let mut inner = self.lock();
        if self.gone.is_cancelled() {
            return Some(Mishap::Crash);
        }
        if inner.lasting.is_some() && step == Step::Request {
            return inner.lasting;
        }
        let number = inner.steps.len();
        inner.steps.push(step);
        let (_, mishap) = inner.due.filter(|(at, _)| *at == number)?;
        inner.has_struck = true;
        inner.lasting = Some(mishap).filter(|mishap| mishap.is_lasting());
        inner.events.push(Event(format!("    ! {mishap}")));
        if mishap == Mishap::Crash {
            self.gone.cancel();
        }
        Some(mishap)
    }

    /// Whether the run has taken more steps than any that ends.
    pub(super) fn is_endless(&self) -> bool {
        self.lock().steps.len() > STEPS
    }

    /// Ends when the process is gone.
    pub(super) async fn gone(&self) {
        self.gone.cancelled().await;
    }

    pub(super) fn has_struck(&self) -> bool {
        self.lock().has_struck
    }

    /// Notes what was wrong with the run of another host.
    pub(super) fn blame(&self, rival: Finding) {
        self.lock().rival = Some(rival);
    }

    /// What was wrong with the run of another host, if one took over.
    pub(super) fn rival(&self) -> Option<Finding> {
        self.lock().rival.clone()
    }

    /// Notes what happened, unless the process is gone.
    pub(super) fn note(&self, event: impl fmt::Display) {
        if !self.gone.is_cancelled() {
            self.lock().events.push(Event(event.to_string()));
        }
    }

    /// The steps taken and what happened; nothing of it is left.
    pub(super) fn take(&self) -> (Vec<Step>, Vec<Event>) {
        let mut inner = self.lock();
        (std::mem::take(&mut inner.steps), std::mem::take(&mut inner.events))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mishap::Crash => "the process dies here",
            Mishap::Unacknowledged => "the commit is durable, but an error comes back",
            Mishap::Rejection => "the destination refuses these records",
            Mishap::Takeover => "another host takes the connection over and runs to its end",
            Mishap::Lost => "the connection breaks before the source is reached",
            Mishap::AnswerLost => "the connection breaks before the answer is there",
            Mishap::Outage => "the source answers 503 from here on",
            Mishap::Postponement => "the source asks to come back in ten years",
        })
    }
}
