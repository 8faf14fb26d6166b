//! One trial: a strategy reads a source, something goes wrong once or twice, and in the end the destination must equal
//! the source.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::course::{Event, Mishap, Step};
use super::destination::{Destination, Durability, Durable};
use super::lab::{Lab, Manner, RunEnd};
use super::own::OwnSource;
use super::scenario::{Expect, Scenario};
use super::verdict::{Fault, Finding};
use crate::model::{Report, State, Status};
use crate::plugin::Strategy;
use crate::sink::Mode;
use crate::sync::Pace;

/// When sealed checkpoints are committed in a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grouping {
    /// Each by itself.
    Each,
    /// Once so many rows are sealed.
    Rows(usize),
    /// All at the end of the run.
    AtEnd,
}

/// How the answers to requests come back that are in flight together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Arrival {
    /// In the order of the requests.
    InOrder,
    /// No request sets out before the answer to the one before it is there.
    OneByOne,
    /// As the seed has it: a later request may be answered before an earlier one.
    Overtaking,
}

/// Runs over an unchanged source in the trial in which nothing goes wrong. What a strategy does only now and then, such
/// as beginning anew, shows after some of them.
const QUIET_RUNS: usize = 5;
/// A state that has grown by so many bytes in them, and in each, will grow beyond what a state may have.
const GROWTH: usize = 32;

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trial {
    pub(super) grouping: Grouping,
    pub(super) durability: Durability,
    pub(super) arrival: Arrival,
    /// Whether the second run reads all anew.
    pub(super) refreshes: bool,
    /// What goes wrong, at which step of which run: 0 the first, 1 the second.
    pub(super) mishap: Option<(usize, usize, Mishap)>,
    /// At which step of the run after it the process dies once more.
    pub(super) second_crash: Option<usize>,
}

/// What a trial has shown.
pub(super) struct TrialEnd {
    pub(super) finding: Option<Finding>,
    /// Why the strategy refuses the source, in its words.
    pub(super) refusal: Option<String>,
    /// Whether it was the source that refused what it was asked for, and the strategy has passed that on.
    pub(super) is_declined: bool,
    /// The steps of the first and of the second run.
    pub(super) steps: [Vec<Step>; 2],
    pub(super) has_struck: bool,
    /// How many records were compared.
    pub(super) compared: usize,
    /// The states that complete runs have ended with, in order.
    pub(super) endings: Vec<State>,
    /// Requests of the last run, over a source that has not changed.
    pub(super) quiet_requests: u64,
    pub(super) events: Vec<Event>,
}

impl Trial {
    /// Nothing goes wrong, and each checkpoint is committed by itself.
    pub(super) const PLAIN: Trial = Trial {
        grouping: Grouping::Each,
        durability: Durability::Atomic,
        arrival: Arrival::InOrder,
        refreshes: false,
        mishap: None,
        second_crash: None,
    };

    pub(super) fn pace(&self) -> Pace {
        let open = Pace { rows: usize::MAX, bytes: usize::MAX, interval: Duration::from_secs(u64::MAX >> 1) };
        match self.grouping {
            Grouping::Each => Pace::EACH,
            Grouping::Rows(rows) => Pace { rows, ..open },
            Grouping::AtEnd => open,
        }
    }
}

/// As in `each/atomic/crash@0.17+9`: what `certify --trial` takes.
impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.grouping {
            Grouping::Each => f.write_str("each")?,
            Grouping::Rows(rows) => write!(f, "rows-{rows}")?,
            Grouping::AtEnd => f.write_str("at-end")?,
        }
        f.write_str(match self.durability {
            Durability::Atomic => "/atomic",
            Durability::RowsFirst => "/rows-first",
        })?;
        f.write_str(match self.arrival {
            Arrival::InOrder => "",
            Arrival::OneByOne => "/one-by-one",
            Arrival::Overtaking => "/overtaking",
        })?;
        if self.refreshes {
            f.write_str("/refresh")?;
        }
        if let Some((run, step, mishap)) = self.mishap {
            write!(f, "/{}@{run}.{step}", mishap.name())?;
        }
        if let Some(step) = self.second_crash {
            write!(f, "+{step}")?;
        }
        Ok(())
    }
}

/// Conducts a trial within the runtime that is current, whose clock must be paused.
pub(super) async fn conduct(
    strategy: Arc<dyn Strategy>,
    config: String,
    scenario: &Scenario,
    seed: u64,
    own: Option<Arc<OwnSource>>,
    trial: Trial,
) -> (TrialEnd, Arc<Lab>) {
    let lab = Lab::new(strategy, config, scenario, seed, Destination::new(trial.durability), own);
    if trial == Trial::PLAIN {
        lab.destination.keep_history();
    }
    let end = TrialEnd::of(Vec::new());
    let may_decline = trial == Trial::PLAIN && scenario.expect != Expect::Read;
    let mut conductor = Conductor { lab: Arc::clone(&lab), trial, may_decline, begun_at: None, end };
    if let Err(finding) = conductor.conduct().await {
        conductor.end.finding = Some(finding);
    }
    (conductor.end, lab)
}

impl TrialEnd {
    /// A trial in which this has happened, and that has shown nothing yet.
    pub(super) fn of(events: Vec<Event>) -> TrialEnd {
        TrialEnd {
            finding: None,
            refusal: None,
            is_declined: false,
            steps: [Vec::new(), Vec::new()],
            has_struck: false,
            compared: 0,
            endings: Vec::new(),
            quiet_requests: 0,
            events,
        }
    }

    /// A trial that could not be made.
    pub(super) fn broken(message: &str) -> TrialEnd {
        TrialEnd { finding: Some(Finding::new(Fault::BrokeOff, message)), ..TrialEnd::of(Vec::new()) }
    }
}

struct Conductor {
    lab: Arc<Lab>,
    trial: Trial,
    /// Whether the strategy may pass on that the source refuses what it is asked for.
    may_decline: bool,
    /// Where the first request of the last complete run has begun.
    begun_at: Option<i64>,
    end: TrialEnd,
}

impl Conductor {
    async fn conduct(&mut self) -> Result<(), Finding> {
        self.disturbed(0, Mode::Incremental).await?;
        self.lab.pause().await;
        self.tell_changes("between the runs", |world| world.pass_time());
        // Who leaves the last seconds of a source to its next run, since it may not be done with them, may do so.
        self.lab.pause().await;
        let mode = if self.trial.refreshes { Mode::FullRefresh } else { Mode::Incremental };
        self.disturbed(1, mode).await?;
        self.lab.pause().await;
        self.tell_changes("before the source comes to rest", |world| world.rest());
        self.lab.pause().await;
        self.at_rest().await
    }

    /// One of the first two runs, in which something may go wrong, and those that go on after it.
    async fn disturbed(&mut self, run: usize, mode: Mode) -> Result<(), Finding> {
        let due = self.trial.mishap.and_then(|(at, step, mishap)| (at == run).then_some((step, mishap)));
        let before = self.lab.destination.lock().clone();
        let end = self.run(mode, due).await;
        self.end.steps[run].clone_from(&end.steps);
        let is_complete = self.judge(&end)?;
        if mode == Mode::FullRefresh && !is_complete && !end.steps.contains(&Step::Finished) {
            self.nothing_shows(&before)?;
        }
        let is_well = end.report.as_ref().is_some_and(|report| report.error.is_none());
        if is_well
            && is_complete
            && end.has_struck
            && self.trial.mishap.is_some_and(|(_, _, mishap)| mishap.is_lasting())
        {
            self.nothing_concealed()?;
        }
        self.nothing_left_out(is_complete)?;
        if due.is_some() && !is_complete {
            self.lab.pause().await;
            let again = self.trial.second_crash.map(|step| (step, Mishap::Crash));
            let end = self.run(Mode::Incremental, again).await;
            let mut is_complete = self.judge(&end)?;
            if !is_complete && again.is_some() {
                self.lab.pause().await;
                let end = self.run(Mode::Incremental, None).await;
                is_complete = self.judge(&end)?;
            }
            self.nothing_left_out(is_complete)?;
        }
        Ok(())
    }

    /// The source rests: one more run makes the destination equal to it, and yet another changes nothing.
    async fn at_rest(&mut self) -> Result<(), Finding> {
        self.end.refusal = None;
        let end = self.run(Mode::Incremental, None).await;
        self.judge(&end)?;
        if self.end.refusal.is_some() {
            return Ok(());
        }
        self.compare()?;
        let mut lengths = vec![self.state_length()];
        for _ in 0..if self.trial == Trial::PLAIN { QUIET_RUNS } else { 1 } {
            self.lab.pause().await;
            self.quiet_run().await?;
            lengths.push(self.state_length());
        }
        self.compare()?;
        does_not_grow(&lengths)
    }

    /// A run over a source that has not changed.
    async fn quiet_run(&mut self) -> Result<(), Finding> {
        let quiet = self.run(Mode::Incremental, None).await;
        self.judge(&quiet)?;
        let Some(report) = &quiet.report else { return Ok(()) };
        self.end.quiet_requests = report.progress.requests;
        let counts = report.progress.committed;
        match counts.inserted + counts.updated + counts.deleted {
            0 => Ok(()),
            written => {
                // Where it lost or doubled records by that, this is what is wrong.
                self.compare()?;
                let message = format!("a run over an unchanged source wrote {written} rows");
                Err(Finding::new(Fault::Rewritten, message))
            }
        }
    }

    fn state_length(&self) -> usize {
        self.lab.destination.lock().state.as_ref().map_or(0, |state| state.text.len())
    }

    async fn run(&mut self, mode: Mode, due: Option<(usize, Mishap)>) -> RunEnd {
        let mut end = self.lab.run(Manner { pace: self.trial.pace(), arrival: self.trial.arrival, mode }, due).await;
        self.end.has_struck |= end.has_struck;
        self.end.events.append(&mut end.events);
        end
    }

    /// Whether a run has come to its end; a finding where it ended as no run may.
    fn judge(&mut self, end: &RunEnd) -> Result<bool, Finding> {
        if let Some(finding) = &end.rival {
            return Err(finding.clone());
        }
        let Some(report) = &end.report else { return Ok(false) };
        match judge(report) {
            Outcome::Complete => {
                self.end.endings.extend(report.state.clone());
                self.does_not_begin_further_back(end)?;
                Ok(true)
            }
            Outcome::Declined(why) if self.may_decline && self.end.endings.is_empty() => {
                self.end.is_declined = true;
                self.end.refusal = Some(why);
                Ok(true)
            }
            Outcome::Declined(_) if end.has_struck => Ok(false),
            Outcome::Declined(why) => Err(Finding::new(Fault::BrokeOff, why)),
            Outcome::Refused(why) => {
                self.end.refusal = Some(why);
                Ok(true)
            }
            Outcome::Faulty(finding) if end.has_struck && finding.fault == Fault::BrokeOff => Ok(false),
            Outcome::Faulty(finding) => Err(finding),
        }
    }

    /// Until a full refresh has ended well, nothing of it may be seen.
    fn nothing_shows(&self, before: &Durable) -> Result<(), Finding> {
        let now = self.lab.destination.lock();
        match now.tables == before.tables && now.state == before.state {
            true => Ok(()),
            false => Err(Finding::new(Fault::Torn, "a full refresh that did not end well has changed rows or state")),
        }
    }

    /// Where nothing goes wrong, each run begins where the one before it began, or further on.
    fn does_not_begin_further_back(&mut self, end: &RunEnd) -> Result<(), Finding> {
        if self.trial != Trial::PLAIN || end.asked_from >= self.begun_at {
            self.begun_at = end.asked_from;
            return Ok(());
        }
        let message = "this run begins further back than the one before it, which has come to its end";
        Err(Finding::new(Fault::MovedBack, message))
    }

    /// A run that ended well has read all of a source that did not change meanwhile: a later run may come too late, or
    /// be refused. Other differences have their right name only in the end.
    fn nothing_left_out(&mut self, is_complete: bool) -> Result<(), Finding> {
        if !is_complete || self.end.refusal.is_some() || !self.lab.is_simulated_at_rest() {
            return Ok(());
        }
        self.compare().or_else(|finding| if finding.fault == Fault::Lost { Err(finding) } else { Ok(()) })
    }

    /// A run that ended well although the source was out from some request on must have read everything all the same.
    fn nothing_concealed(&mut self) -> Result<(), Finding> {
        if !self.lab.rests_while_read() {
            return Ok(());
        }
        self.compare().map_err(|Finding { message, .. }| {
            Finding::new(
                Fault::Concealed,
                format!("the source has failed, the run ended well all the same, and {message}"),
            )
        })
    }

    fn compare(&mut self) -> Result<(), Finding> {
        let (count, outcome) = self.lab.compare();
        self.end.compared += count;
        outcome
    }

    fn tell_changes<C: fmt::Display>(&mut self, when: &str, change: impl FnOnce(&mut super::source::World) -> Vec<C>) {
        let changes = change(&mut self.lab.world());
        let told = changes.iter().map(|change| Event(format!("  ~ {when}, {change}")));
        self.end.events.extend(told);
    }
}

/// A source that was read when nothing went wrong is to be read afterwards, too.
pub(super) fn refused_at_last(why: &str) -> Finding {
    Finding::new(Fault::Refused, format!("this source was read when nothing went wrong, and is refused now: {why}"))
}

/// What the end of a run says of the strategy.
pub(super) enum Outcome {
    Complete,
    /// The strategy says that it cannot read this source, and why.
    Refused(String),
    /// The source refuses what it is asked for, and the strategy passes that on.
    Declined(String),
    Faulty(Finding),
}

/// Judges a run in which nothing went wrong but what the strategy did.
pub(super) fn judge(report: &Report) -> Outcome {
    let faulty = |fault, message: &str| Outcome::Faulty(Finding::new(fault, message));
    match (&report.error, report.status) {
        (Some(error), _) => match error.code() {
            "source.unsupported" | "source.loop" => Outcome::Refused(error.message().to_owned()),
            "limit.no_progress" | "limit.busy" | "limit.unsealed" | "limit.run_timeout" => {
                faulty(Fault::Endless, error.message())
            }
            "source.status" => Outcome::Declined(format!("source.status: {}", error.message())),
            "plugin.backward" => faulty(Fault::MovedBack, error.message()),
            code => faulty(Fault::BrokeOff, &format!("{code}: {}", error.message())),
        },
        (None, Status::Postponed(_)) => faulty(Fault::BrokeOff, "the source asked to come back later"),
        (None, Status::Limited) => faulty(Fault::Endless, "the run was still asking when it was stopped"),
        (None, _) => match unaccounted(report) {
            0 => Outcome::Complete,
            rows => faulty(Fault::Unaccounted, &format!("{rows} rows were staged and neither committed nor refused")),
        },
    }
}

/// The lengths of the states after runs over an unchanged source.
fn does_not_grow(lengths: &[usize]) -> Result<(), Finding> {
    let (first, last) = (lengths.first().copied().unwrap_or(0), lengths.last().copied().unwrap_or(0));
    if lengths.len() <= QUIET_RUNS || !lengths.is_sorted_by(|one, next| one < next) || last - first < GROWTH {
        return Ok(());
    }
    let message = format!("with each run over an unchanged source the state grows: {lengths:?} bytes");
    Err(Finding::new(Fault::Growing, message))
}

/// Rows that were staged by a run that ended well and that the destination has not seen.
fn unaccounted(report: &Report) -> u64 {
    let counts = report.progress.committed;
    let seen = counts.inserted + counts.updated + counts.unchanged + counts.deleted;
    report.progress.rows_read.saturating_sub(seen)
}
