//! All trials of a strategy: which there are, and what they show.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::certificate::{Case, Certificate, Check, Counterexample, KIT_VERSION, Tally};
use super::course::{Event, Mishap, Step};
use super::destination::Durability;
use super::lab::Lab;
use super::own::OwnSource;
use super::remembered::Remembered;
use super::resume;
use super::scenario::{self, Api, Expect, Scenario};
use super::source::mix;
use super::trial::{Arrival, Grouping, Trial, TrialEnd, conduct, refused_at_last};
use super::verdict::{Fault, Finding};
use crate::plugin::{Manifest, Strategy};

/// A strategy that fails so often in one scenario is not tried further there.
const ENOUGH_FAILURES: u64 = 25;
/// So many events at the beginning and at the end of a history are shown.
const SHOWN: usize = 100;

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
    /// Whether it counts against the strategy, too, what a source leaves out by itself.
    pub is_strict: bool,
    /// Only the scenarios whose name has this in it.
    pub scenario: Option<String>,
    /// Only this trial.
    pub trial: Option<String>,
}

impl Plan {
    /// Whether the strategy's configuration has this key.
    fn knows(&self, key: &str) -> bool {
        let schema: Value = serde_json::from_str(&self.manifest.config_schema).unwrap_or_default();
        schema["properties"].get(key).is_some()
    }
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
        .filter(|scenario| scenario.only_with.is_none_or(|key| plan.knows(key)))
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
        is_partial: plan.scenario.is_some() || plan.trial.is_some(),
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

/// Other ways to commit, in which the process dies at each of their own steps, too.
const VARIANTS: [(Check, Trial); 4] = [
    (Check::Crash, Trial { durability: Durability::RowsFirst, ..Trial::PLAIN }),
    (Check::Batching, Trial { grouping: Grouping::Rows(7), ..Trial::PLAIN }),
    (Check::Batching, Trial { grouping: Grouping::AtEnd, ..Trial::PLAIN }),
    (Check::Refresh, Trial { refreshes: true, ..Trial::PLAIN }),
];

/// Further ones for strategies that have several requests in flight.
const ARRIVALS: [(Check, Trial); 2] = [
    (Check::Batching, Trial { arrival: Arrival::OneByOne, ..Trial::PLAIN }),
    (Check::Batching, Trial { arrival: Arrival::Overtaking, ..Trial::PLAIN }),
];

/// Whether a request has set out before the answer to the one before it was there.
fn is_overlapping(steps: &[Step]) -> bool {
    let mut in_flight = 0_i32;
    steps.iter().any(|step| {
        match step {
            Step::Request => in_flight += 1,
            Step::Answer => in_flight -= 1,
            _ => {}
        }
        in_flight > 1
    })
}

/// A trial for each step of the first two runs, and each of these mishaps that can happen at it.
fn mishaps(plain: Trial, steps: &[Vec<Step>; 2], of: &dyn Fn(Mishap) -> bool) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (run, steps) in steps.iter().enumerate() {
        for (at, step) in steps.iter().enumerate() {
            let possible = Mishap::at(step).iter().filter(|mishap| of(**mishap));
            trials.extend(possible.map(|mishap| Trial { mishap: Some((run, at, *mishap)), ..plain }));
        }
    }
    trials
}

/// All trials of one scenario.
struct Survey<'a> {
    plan: &'a Plan,
    scenario: &'a Scenario,
    strategy: Arc<dyn Strategy>,
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
            is_forgiven: scenario.expect == Expect::Forgiven && !plan.is_strict,
            refusal: None,
            tallies: BTreeMap::new(),
            crash_points: 0,
            compared: 0,
            quiet_requests: 0,
            faults: BTreeMap::new(),
            counterexample: None,
            trace: String::new(),
        };
        let strategy = Arc::new(Remembered::new(Arc::clone(&plan.strategy)));
        Survey { plan, scenario, strategy, config: configuration(plan, scenario), case, trace: Sha256::new() }
    }

    fn conduct(mut self) -> Case {
        let (steps, is_declined) = self.read_plainly();
        if is_declined || self.case.tallies.get(&Check::Read).is_some_and(|tally| tally.failed > 0) {
            // What fails when nothing goes wrong fails all the more when something does.
            return self.finished();
        }
        self.try_all(Check::Crash, mishaps(Trial::PLAIN, &steps, &|mishap| mishap == Mishap::Crash), ENUMERATED);
        self.try_all(Check::Crash, self.twice(&steps), 0);
        self.try_all(Check::Takeover, mishaps(Trial::PLAIN, &steps, &|mishap| mishap == Mishap::Takeover), 0);
        let is_fault = |mishap| !matches!(mishap, Mishap::Crash | Mishap::Takeover);
        self.try_all(Check::Fault, mishaps(Trial::PLAIN, &steps, &is_fault), 0);
        let is_wanted =
            |variant: &Trial| self.plan.trial.as_ref().is_none_or(|asked| asked.starts_with(&variant.to_string()));
        let arrivals = if steps.iter().any(|steps| is_overlapping(steps)) { &ARRIVALS[..] } else { &[] };
        for (check, variant) in VARIANTS.iter().chain(arrivals).copied().filter(|(_, variant)| is_wanted(variant)) {
            let steps = self.attempt(check, variant);
            let mut trials = mishaps(variant, &steps, &|mishap| mishap == Mishap::Crash);
            if variant.refreshes {
                trials.retain(|trial| trial.mishap.is_some_and(|(run, _, _)| run == 1));
            }
            self.try_all(check, trials, 0);
        }
        self.finished()
    }

    /// Makes these trials; where there are more than the plan allows and than `least`, some that the seed draws.
    fn try_all(&mut self, check: Check, trials: Vec<Trial>, least: usize) {
        let most = self.plan.most_trials.map_or(usize::MAX, |most| most.max(least));
        let trials = match &self.plan.trial {
            Some(asked) => trials.into_iter().filter(|trial| trial.to_string() == *asked).collect(),
            None => self.draw(trials, most),
        };
        for trial in trials {
            if self.failures() >= ENOUGH_FAILURES {
                break;
            }
            self.attempt(check, trial);
        }
    }

    /// Trials in which the process dies at a step, and in the run after it once more at one that the seed draws.
    fn twice(&self, steps: &[Vec<Step>; 2]) -> Vec<Trial> {
        let crashes = mishaps(Trial::PLAIN, steps, &|mishap| mishap == Mishap::Crash);
        let again = |number: usize| mix(self.plan.seed ^ number as u64) % (steps[0].len() as u64).max(1);
        let twice = |(number, trial)| Trial { second_crash: usize::try_from(again(number)).ok(), ..trial };
        crashes.into_iter().enumerate().map(twice).collect()
    }

    fn finished(mut self) -> Case {
        self.case.trace = self.trace.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        self.case
    }

    /// The trial in which nothing goes wrong, and what follows from its end. Returns the steps of its first two runs,
    /// and whether the source has refused them.
    fn read_plainly(&mut self) -> ([Vec<Step>; 2], bool) {
        let shown = paused(async {
            let (end, lab) = self.conduct_trial(Trial::PLAIN).await;
            let is_read = end.finding.is_none() && end.refusal.is_none();
            let resumed =
                if is_read { resume::from_each_state(&lab, self.scenario, &end.endings).await } else { Vec::new() };
            (end, resumed)
        });
        let Some((mut end, resumed)) = shown else {
            let message = "the system gives no runtime to simulate in";
            self.note(Check::Read, Trial::PLAIN.to_string(), TrialEnd::broken(message));
            return Default::default();
        };
        if end.refusal.is_some() && self.scenario.expect == Expect::Read && end.finding.is_none() {
            let why = end.refusal.clone().unwrap_or_default();
            end.finding = Some(Finding::new(Fault::Refused, format!("this source is plain, but was refused: {why}")));
        }
        self.case.refusal.clone_from(&end.refusal);
        self.case.quiet_requests = end.quiet_requests;
        let (steps, is_declined) = (std::mem::take(&mut end.steps), end.is_declined);
        if self.is_asked_for(&Trial::PLAIN.to_string()) {
            self.note(Check::Read, Trial::PLAIN.to_string(), end);
        }
        for (check, name, end) in resumed {
            if self.is_asked_for(&name) {
                self.note(check, name, end);
            }
        }
        (steps, is_declined)
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

    async fn conduct_trial(&self, trial: Trial) -> (TrialEnd, Arc<Lab>) {
        let Plan { own, seed, .. } = self.plan;
        conduct(Arc::clone(&self.strategy), self.config.clone(), self.scenario, *seed, own.clone(), trial).await
    }

    /// Makes a trial. Returns the steps of its first two runs.
    fn attempt(&mut self, check: Check, trial: Trial) -> [Vec<Step>; 2] {
        let name = trial.to_string();
        let end = paused(async { self.conduct_trial(trial).await.0 });
        let Some(mut end) = end else { return Default::default() };
        if let (None, None, Some(why)) = (&self.case.refusal, &end.finding, &end.refusal) {
            end.finding = Some(refused_at_last(why));
        }
        let steps = std::mem::take(&mut end.steps);
        // A step that the run did not reach was not tried.
        let is_tried = trial.mishap.is_none() || end.has_struck || end.finding.is_some();
        if is_tried && self.is_asked_for(&name) {
            self.note(check, name, end);
        }
        steps
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
            let history = cut(end.events.into_iter().map(|Event(event)| event).collect());
            self.case.counterexample = Some(Counterexample { fault, message, trial, history });
        }
    }
}

/// A long history without its middle.
fn cut(mut history: Vec<String>) -> Vec<String> {
    let left_out = history.len().saturating_sub(2 * SHOWN);
    if left_out > 1 {
        let note = format!("    … {left_out} more events …");
        history.splice(SHOWN..SHOWN + left_out, [note]);
    }
    history
}

/// The user's configuration, and what the scenario adds, as far as the strategy knows the keys.
fn configuration(plan: &Plan, scenario: &Scenario) -> String {
    let added: Map<String, Value> = serde_json::from_str(scenario.config).unwrap_or_default();
    let mut config = plan.config.clone();
    for (key, value) in added {
        if plan.knows(&key) {
            config.entry(key).or_insert(value);
        }
    }
    Value::Object(config).to_string()
}
