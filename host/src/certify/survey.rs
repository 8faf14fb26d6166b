//! All trials of a strategy: which there are, and what they show.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::certificate::{Case, Certificate, Check, Counterexample, KIT_VERSION, Tally};
use super::course::{Event, Mishap, Step};
use super::destination::{Durability, Durable};
use super::lab::{Lab, Manner};
use super::own::OwnSource;
use super::scenario::{self, Api, Expect, Filter, Quirk, Scenario};
use super::source::mix;
use super::trial::{Grouping, Outcome, Trial, TrialEnd, conduct, judge, states};
use super::verdict::{Fault, Finding};
use crate::model::State;
use crate::plugin::{Manifest, Strategy};
use crate::sink::Mode;
use crate::sync::Pace;

/// A strategy that fails so often in one scenario is not tried further there.
const ENOUGH_FAILURES: u64 = 25;

/// Up to so many steps the process dies at each of them, also where other trials are drawn.
const ENUMERATED: usize = 150;

/// What is to be certified, and how thoroughly.
#[derive(Clone)]
pub struct Plan {
    /// The strategy.
    pub strategy: Arc<dyn Strategy>,
    /// What it says of itself.
    pub manifest: Manifest,
    /// The user's configuration; scenarios add to it what the strategy knows.
    pub config: Map<String, Value>,
    /// The API that it reads.
    pub api: Api,
    /// Its own source, in place of the simulated ones.
    pub own: Option<Arc<OwnSource>>,
    /// All that is arbitrary follows from it.
    pub seed: u64,
    /// Trials of one kind in a scenario, beyond which they are drawn by the seed. None: all. Up to 150 steps the process
    /// dies at each of them in any case.
    pub most_trials: Option<usize>,
    /// Only the scenarios whose name has this in it.
    pub scenario: Option<String>,
    /// Only this trial.
    pub trial: Option<String>,
}

/// The names of the scenarios of an API.
pub fn scenario_names(api: Api) -> Vec<&'static str> {
    scenario::of(api).iter().map(|scenario| scenario.name).collect()
}

/// Certifies a strategy, on as many threads as the machine has. `tell` hears of each case as it is done.
pub fn certify(plan: &Plan, tell: &(dyn Fn(&Case) + Sync)) -> Certificate {
    let scenarios: Vec<Scenario> = scenario::of(plan.api)
        .into_iter()
        .filter(|scenario| plan.scenario.as_ref().is_none_or(|part| scenario.name.contains(part.as_str())))
        .collect();
    let next = AtomicUsize::new(0);
    let cases = Mutex::new(Vec::new());
    let work = || {
        while let Some((place, scenario)) =
            Some(next.fetch_add(1, Relaxed)).and_then(|at| Some((at, scenarios.get(at)?)))
        {
            let case = Survey::new(plan, scenario).conduct();
            tell(&case);
            cases.lock().unwrap_or_else(PoisonError::into_inner).push((place, case));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let mut cases = cases.into_inner().unwrap_or_else(PoisonError::into_inner);
    cases.sort_by_key(|(place, _)| *place);
    let cases: Vec<Case> = cases.into_iter().map(|(_, case)| case).collect();
    Certificate {
        kit: KIT_VERSION,
        strategy: format!("{} {}", plan.manifest.name, plan.manifest.version),
        digest: plan.strategy.digest().to_owned(),
        seed: plan.seed,
        passed: !cases.is_empty() && cases.iter().all(Case::is_passed),
        cases,
    }
}

/// Runs a future in a runtime of its own, whose clock moves on by itself whenever all wait. None where the system
/// gives no runtime.
pub(super) fn paused<T>(future: impl Future<Output = T>) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().ok()?;
    Some(runtime.block_on(future))
}

/// Trials that are tried for one thing: some in any case, and of others at most so many.
struct Series {
    check: Check,
    always: Vec<Trial>,
    drawn: Vec<Trial>,
    most: usize,
}

/// All trials of one scenario.
struct Survey<'a> {
    plan: &'a Plan,
    scenario: &'a Scenario,
    config: String,
    case: Case,
    trace: Sha256,
}

impl<'a> Survey<'a> {
    fn new(plan: &'a Plan, scenario: &'a Scenario) -> Survey<'a> {
        let case = Case {
            api: plan.api,
            scenario: scenario.name.to_owned(),
            seed: plan.seed,
            refusal: None,
            tallies: BTreeMap::new(),
            crash_points: 0,
            compared: 0,
            quiet_requests: 0,
            faults: BTreeMap::new(),
            counterexample: None,
            trace: String::new(),
        };
        Survey { plan, scenario, config: configuration(plan, scenario), case, trace: Sha256::new() }
    }

    fn conduct(mut self) -> Case {
        let steps = self.read_plainly();
        if self.case.tallies.get(&Check::Read).is_some_and(|tally| tally.failed > 0) {
            // What fails when nothing goes wrong fails all the more when something does.
            return self.finished();
        }
        for Series { check, always, drawn, most } in self.series(&steps) {
            for trial in always.into_iter().chain(self.draw(drawn, most)) {
                if self.failures() >= ENOUGH_FAILURES {
                    break;
                }
                self.attempt(check, trial);
            }
        }
        self.finished()
    }

    fn finished(mut self) -> Case {
        self.case.trace = self.trace.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        self.case
    }

    /// The trial in which nothing goes wrong, and what follows from its end. Returns the steps of its first two runs.
    fn read_plainly(&mut self) -> [Vec<Step>; 2] {
        let (strategy, config) = (Arc::clone(&self.plan.strategy), self.config.clone());
        let (scenario, seed, own) = (self.scenario, self.plan.seed, self.plan.own.clone());
        let shown = paused(async {
            let (end, lab) = conduct(strategy, config, scenario, seed, own, Trial::PLAIN).await;
            let is_read = end.finding.is_none() && end.refusal.is_none();
            let resumed = if is_read { resume_from_each_state(&lab, scenario, &end.endings).await } else { Vec::new() };
            (end, resumed)
        });
        let Some((mut end, resumed)) = shown else { return Default::default() };
        if end.refusal.is_some() && self.scenario.expect == Expect::Read && end.finding.is_none() {
            let why = end.refusal.clone().unwrap_or_default();
            end.finding = Some(Finding::new(Fault::Refused, format!("this source is plain, but was refused: {why}")));
        }
        self.case.refusal.clone_from(&end.refusal);
        self.case.quiet_requests = end.quiet_requests;
        let steps = std::mem::take(&mut end.steps);
        if self.is_asked_for(&Trial::PLAIN.to_string()) {
            self.note(Check::Read, Trial::PLAIN.to_string(), end);
        }
        for (check, name, end) in resumed {
            if self.is_asked_for(&name) {
                self.note(check, name, end);
            }
        }
        steps
    }

    /// The trials in which something goes wrong, by what they are tried for.
    fn series(&self, [first, second]: &[Vec<Step>; 2]) -> Vec<Series> {
        let steps = || {
            [(0, first), (1, second)]
                .into_iter()
                .flat_map(|(run, steps)| steps.iter().enumerate().map(move |(at, step)| (run, at, step)))
        };
        let with = |of: &dyn Fn(Mishap) -> bool| -> Vec<Trial> {
            let mishaps =
                steps().flat_map(|(run, at, step)| Mishap::at(step).iter().map(move |mishap| (run, at, *mishap)));
            mishaps
                .filter(|(_, _, mishap)| of(*mishap))
                .map(|mishap| Trial { mishap: Some(mishap), ..Trial::PLAIN })
                .collect()
        };
        let crashes = with(&|mishap| mishap == Mishap::Crash);
        let twice = crashes.iter().enumerate().map(|(number, trial)| {
            let second = mix(self.plan.seed ^ number as u64) % (first.len() as u64).max(1);
            Trial { second_crash: usize::try_from(second).ok(), ..*trial }
        });
        let like = |plain: Trial| crashes.iter().map(move |trial| Trial { mishap: trial.mishap, ..plain });
        let rows_first = Trial { durability: Durability::RowsFirst, ..Trial::PLAIN };
        let in_groups = Trial { grouping: Grouping::Rows(7), ..Trial::PLAIN };
        let at_end = Trial { grouping: Grouping::AtEnd, ..Trial::PLAIN };
        let refresh = Trial { refreshes: true, ..Trial::PLAIN };
        let in_second_run = |trial: &Trial| trial.mishap.is_some_and(|(run, _, _)| run == 1);
        let most = self.plan.most_trials.unwrap_or(usize::MAX);
        vec![
            Series { check: Check::Crash, always: Vec::new(), drawn: crashes.clone(), most: most.max(ENUMERATED) },
            Series {
                check: Check::Crash,
                always: vec![rows_first],
                drawn: twice.chain(like(rows_first)).collect(),
                most,
            },
            Series {
                check: Check::Fault,
                always: Vec::new(),
                drawn: with(&|mishap| !matches!(mishap, Mishap::Crash | Mishap::Takeover)),
                most,
            },
            Series {
                check: Check::Takeover,
                always: Vec::new(),
                drawn: with(&|mishap| mishap == Mishap::Takeover),
                most,
            },
            Series {
                check: Check::Batching,
                always: vec![in_groups, at_end],
                drawn: like(in_groups).chain(like(at_end)).collect(),
                most,
            },
            Series {
                check: Check::Refresh,
                always: vec![refresh],
                drawn: like(refresh).filter(in_second_run).collect(),
                most,
            },
        ]
    }

    /// So many of these trials, drawn by the seed; all where there are no more.
    fn draw(&self, trials: Vec<Trial>, most: usize) -> Vec<Trial> {
        if trials.len() <= most {
            return trials;
        }
        let draw = |(at, trial)| (mix(self.plan.seed ^ mix(at as u64)), trial);
        let mut drawn: Vec<(u64, Trial)> = trials.into_iter().enumerate().map(draw).collect();
        drawn.sort_by_key(|(key, _)| *key);
        drawn.into_iter().take(most).map(|(_, trial)| trial).collect()
    }

    fn attempt(&mut self, check: Check, trial: Trial) {
        let name = trial.to_string();
        if !self.is_asked_for(&name) {
            return;
        }
        let (strategy, config) = (Arc::clone(&self.plan.strategy), self.config.clone());
        let (scenario, seed, own) = (self.scenario, self.plan.seed, self.plan.own.clone());
        let end = paused(async { conduct(strategy, config, scenario, seed, own, trial).await.0 });
        if let Some(end) = end {
            self.note(check, name, end);
        }
    }

    fn is_asked_for(&self, trial: &str) -> bool {
        self.plan.trial.as_ref().is_none_or(|asked| asked == trial)
    }

    fn failures(&self) -> u64 {
        self.case.faults.values().sum()
    }

    fn note(&mut self, check: Check, trial: String, end: TrialEnd) {
        for Event(event) in &end.events {
            self.trace.update(event);
        }
        self.case.compared += end.compared as u64;
        self.case.crash_points += u64::from(end.has_struck);
        let tally = self.case.tallies.entry(check).or_default();
        *tally += Tally { tried: 1, failed: u64::from(end.finding.is_some()) };
        let Some(Finding { fault, message }) = end.finding else { return };
        *self.case.faults.entry(fault).or_default() += 1;
        let is_shorter = |known: &Counterexample| end.events.len() < known.history.len();
        if self.case.counterexample.as_ref().is_none_or(is_shorter) {
            let history = end.events.into_iter().map(|Event(event)| event).collect();
            self.case.counterexample = Some(Counterexample { fault, message, trial, history });
        }
    }
}

/// The user's configuration, and what the scenario adds, as far as the strategy knows the keys.
fn configuration(plan: &Plan, scenario: &Scenario) -> String {
    let schema: Value = serde_json::from_str(&plan.manifest.config_schema).unwrap_or_default();
    let added: Map<String, Value> = serde_json::from_str(scenario.config).unwrap_or_default();
    let mut config = plan.config.clone();
    for (key, value) in added {
        if schema["properties"].get(&key).is_some() {
            config.entry(key).or_insert(value);
        }
    }
    Value::Object(config).to_string()
}

/// Begins a run with each state that was ever saved, the destination being whole; and with one from the far future.
async fn resume_from_each_state(
    lab: &Arc<Lab>,
    scenario: &Scenario,
    endings: &[State],
) -> Vec<(Check, String, TrialEnd)> {
    let states = states(lab);
    let whole = lab.destination.lock().clone();
    let mut ends = Vec::new();
    let (mut least_read, mut asked_from) = (usize::MAX, None);
    for (number, state) in states.iter().enumerate() {
        let Resumed { mut end, read, asked } = resume(lab, &whole, state.text.clone()).await;
        // How much is read follows from the state alone, unless the source answers as it likes.
        let is_fickle = scenario.filter == Filter::Ignored || scenario.quirk == Quirk::CapVaries;
        let text = &state.text;
        let moved_back = if endings.contains(state) && asked < asked_from {
            Some(format!(
                "the state {text} at the end of a run lets the next one begin further back than an earlier one"
            ))
        } else if !is_fickle && read > least_read.saturating_add(scenario.page) {
            Some(format!(
                "from the state {text} on, {read} records are read again; from an earlier one, only {least_read}"
            ))
        } else {
            None
        };
        end.finding = end.finding.or(moved_back.map(|message| Finding::new(Fault::MovedBack, message)));
        least_read = least_read.min(read);
        if endings.contains(state) {
            asked_from = asked_from.max(asked);
        }
        ends.push((Check::Resume, format!("state@{number}"), end));
    }
    if let Some(future) = states.last().and_then(|state| in_the_far_future(&state.text)) {
        let mut end = resume(lab, &whole, future).await.end;
        // A strategy may well notice that it did not write this.
        end.finding = end.finding.filter(|finding| !finding.message.starts_with("state.invalid"));
        ends.push((Check::Future, "state@2999".to_owned(), end));
    }
    ends
}

struct Resumed {
    end: TrialEnd,
    /// How many different records were read.
    read: usize,
    /// Where the first request has begun.
    asked: Option<i64>,
}

async fn resume(lab: &Arc<Lab>, whole: &Durable, state: String) -> Resumed {
    lab.destination.reset(whole, state);
    lab.pause().await;
    let run = lab.run(Manner { pace: Pace::EACH, mode: Mode::Incremental }, None).await;
    let read = lab.destination.lock().delivered();
    let mut end = TrialEnd::of(run.events);
    match run.report.map(|report| judge(&report)) {
        Some(Outcome::Faulty(finding)) => end.finding = Some(finding),
        Some(Outcome::Refused(why)) => end.refusal = Some(why),
        _ => {}
    }
    let (count, compared) = lab.compare();
    end.compared = count;
    end.finding = end.finding.or(compared.err());
    Resumed { end, read, asked: run.asked_from }
}

/// A state with all its times in the year 2999, and its numbers far up; none where it is no JSON.
fn in_the_far_future(state: &str) -> Option<String> {
    let mut state: Value = serde_json::from_str(state).ok()?;
    advance(&mut state);
    Some(state.to_string())
}

fn advance(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(advance),
        Value::Array(items) => items.iter_mut().for_each(advance),
        Value::String(text) if text.len() >= 19 && text.as_bytes()[10] == b'T' => text.replace_range(..4, "2999"),
        Value::Number(number) if number.as_u64().is_some_and(|number| number > 0) => *value = 32_472_144_000_u64.into(),
        _ => {}
    }
}
