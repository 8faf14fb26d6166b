//! What a certification says: by scenario, what was tried and what failed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::scenario::Api;
use super::verdict::Fault;

/// The version of the kit: raised whenever scenarios or trials are added or changed.
pub(super) const KIT_VERSION: u32 = 3;

/// What a trial is tried for. The invariants are those of docs/architecture.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Everything is read, and a second run changes nothing (I4, I6, I10).
    Read,
    /// The process dies at a step (I1, I2).
    Crash,
    /// Requests fail, records are refused, a commit goes unacknowledged (I6, I8, I11).
    Fault,
    /// Another host takes over (I7).
    Takeover,
    /// A run begins with a state that was saved once (I3, I5).
    Resume,
    /// Checkpoints are committed in other groups (I12).
    Batching,
    /// The state lies in the far future (I9).
    Future,
    /// All is read anew, and that does not end well.
    Refresh,
}

impl Check {
    /// All of them, in the order of reports.
    pub const ALL: [Check; 8] = [
        Check::Read,
        Check::Crash,
        Check::Fault,
        Check::Takeover,
        Check::Resume,
        Check::Batching,
        Check::Future,
        Check::Refresh,
    ];

    /// The word for it in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Check::Read => "read",
            Check::Crash => "crash",
            Check::Fault => "fault",
            Check::Takeover => "takeover",
            Check::Resume => "resume",
            Check::Batching => "batching",
            Check::Future => "future",
            Check::Refresh => "refresh",
        }
    }
}

/// How often something was tried, and how often it failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Trials.
    pub tried: u64,
    /// Those that showed a defect.
    pub failed: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.tried += other.tried;
        self.failed += other.failed;
    }
}

/// The shortest history that shows a defect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counterexample {
    /// The kind of the defect.
    pub fault: Fault,
    /// Where it shows, in a sentence.
    pub message: String,
    /// What was tried, as `certify --trial` takes it.
    pub trial: String,
    /// What happened, in order: runs, requests, checkpoints, mishaps.
    pub history: Vec<String>,
}

/// What came of one scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// The API.
    #[serde(serialize_with = "by_name")]
    pub api: Api,
    /// The scenario.
    pub scenario: String,
    /// The seed that all that is arbitrary follows from.
    pub seed: u64,
    /// Whether the source itself leaves records out, so that losing them does not count against the strategy.
    pub is_forgiven: bool,
    /// Why the strategy refuses this source, where it does.
    pub refusal: Option<String>,
    /// By check, what was tried.
    pub tallies: BTreeMap<Check, Tally>,
    /// Steps at which the process died, or something else went wrong.
    pub crash_points: u64,
    /// Records compared with the source.
    pub compared: u64,
    /// Requests of a run over an unchanged source.
    pub quiet_requests: u64,
    /// The trials that failed, by the kind of the defect.
    pub faults: BTreeMap<Fault, u64>,
    /// The shortest history of a failed trial.
    pub counterexample: Option<Counterexample>,
    /// SHA-256 of all that happened, in hexadecimal. The same seed gives the same.
    pub trace: String,
}

impl Case {
    /// How many trials were made.
    pub fn tried(&self) -> u64 {
        self.tallies.values().map(|tally| tally.tried).sum()
    }

    /// Whether something was tried, and nothing failed that counts.
    pub fn is_passed(&self) -> bool {
        self.tried() > 0 && (self.counterexample.is_none() || self.is_loss_of_the_source())
    }

    /// Whether records are lost that the source itself leaves out, and nothing else is wrong.
    pub fn is_loss_of_the_source(&self) -> bool {
        self.is_forgiven && !self.faults.is_empty() && self.faults.keys().all(|fault| *fault == Fault::Lost)
    }
}

/// What came of a certification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// The kit's version.
    pub kit: u32,
    /// The strategy's name and version, as it gives them.
    pub strategy: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// The seed.
    pub seed: u64,
    /// Whether only some scenarios or trials were asked for: then it certifies no more than those.
    pub is_partial: bool,
    /// Whether every trial passed.
    pub passed: bool,
    /// All scenarios.
    pub cases: Vec<Case>,
}

impl Certificate {
    /// All tallies of all scenarios together.
    pub fn totals(&self) -> BTreeMap<Check, Tally> {
        let mut totals: BTreeMap<Check, Tally> = BTreeMap::new();
        for (check, tally) in self.cases.iter().flat_map(|case| &case.tallies) {
            *totals.entry(*check).or_default() += *tally;
        }
        totals
    }

    /// How many trials showed a defect of this kind, where that counts.
    pub fn count(&self, fault: Fault) -> u64 {
        self.cases.iter().filter(|case| !case.is_passed()).filter_map(|case| case.faults.get(&fault)).sum()
    }
}

fn by_name<S: serde::Serializer>(api: &Api, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(api.name())
}
