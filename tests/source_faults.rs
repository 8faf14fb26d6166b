//! All that goes wrong between a source and the program, for each of the five strategies: nothing is lost, and the
//! state never says more than what is there.
//!
//! A fault strikes in the middle of a first sync. It is survived, or the run ends with the outcome that its row names
//! and the run after it, with the source well again, brings the rest. Either way a further run has nothing to do.

mod answers;
mod table;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;

use serde_json::Value;

use crate::support::{Server, Step, Workspace, ledger};
use table::{Fault, LASTING, Outcome, TABLE};

const STRATEGIES: [(&str, &[&str]); 5] = [
    ("keyset", &[]),
    ("offset", &["page_size: 40"]),
    ("timestamp", &[]),
    ("step-size", &["step: 40", "look_back: 1", "empty_ranges: 1"]),
    ("replay", &["look_back: 1h"]),
];

/// How long a request waits to be sent again: long enough to mean it, short enough for a test.
const QUICK: [&str; 3] =
    ["source.retry.attempts=4", "source.retry.initial_delay=2ms", "source.retry.max_retry_after=3s"];

/// Which of the requests for data is the first that a fault strikes.
const FIRST_STRUCK: usize = 2;

#[test]
fn no_fault_of_a_source_loses_a_row() {
    let next = AtomicUsize::new(0);
    let failures: Vec<String> = thread::scope(|scope| {
        let work = || {
            let mut failures = Vec::new();
            while let Some(fault) = TABLE.get(next.fetch_add(1, Relaxed)) {
                failures.extend(check(fault));
            }
            failures
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_table_is_as_long_as_promised() {
    let mut names: Vec<_> = TABLE.iter().map(|fault| fault.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), TABLE.len(), "a name stands twice");
    assert!(names.len() >= 40, "{}", names.len());
}

/// A source with a fault, for one strategy.
struct Patient {
    strategy: &'static str,
    server: Server,
    is_well: Arc<AtomicBool>,
    /// How many requests the fault has struck.
    struck: Arc<AtomicUsize>,
}

impl Patient {
    fn new(strategy: &'static str, fault: &'static Fault) -> Patient {
        let is_well = Arc::new(AtomicBool::new(false));
        let struck = Arc::new(AtomicUsize::new(0));
        let (healed, strikes, asked) = (Arc::clone(&is_well), Arc::clone(&struck), AtomicUsize::new(0));
        let server = Server::start(move |target| {
            let body = ledger::page(target);
            let number = if target.starts_with("/login") { 0 } else { asked.fetch_add(1, Relaxed) + 1 };
            if number < FIRST_STRUCK || number - FIRST_STRUCK >= fault.times || healed.load(Relaxed) {
                return vec![Step::Send(answers::honest(&body))];
            }
            strikes.fetch_add(1, Relaxed);
            fault.strike(&body, target)
        });
        Patient { strategy, server, is_well, struck }
    }

    fn heal(&self) {
        self.is_well.store(true, Relaxed);
        self.server.listen();
    }
}

/// Runs a fault against all strategies, side by side, and returns what is wrong.
fn check(fault: &'static Fault) -> Vec<String> {
    let workspace = Workspace::new();
    let patients = STRATEGIES.map(|(strategy, config)| {
        let patient = Patient::new(strategy, fault);
        let table = format!("table: \"{strategy}\"");
        workspace.connection(strategy, strategy, &patient.server.url(), &[&[&*table], config].concat());
        patient
    });
    let mut failures = Vec::new();
    let mut expect = |is_right: bool, strategy: &str, run: &str, found: &dyn std::fmt::Display| {
        if !is_right {
            failures.push(format!("- {}: {strategy}: {run}: {found}", fault.name));
        }
    };

    let (code, reports) = sync(&workspace, fault);
    expect(code == fault.outcome.code(), "all", "exit code of the struck run", &code);
    for (report, patient) in reports.iter().zip(&patients) {
        expect(fault.outcome.is_met(report), patient.strategy, "struck run", report);
        let struck = patient.struck.load(Relaxed);
        expect(struck == fault.times || fault.times == LASTING && struck > 0, patient.strategy, "strikes", &struck);
        let rows = rows(&workspace, patient.strategy);
        let source = ledger::expected();
        expect(rows.iter().all(|row| source.contains(row)), patient.strategy, "rows of the struck run", &rows.len());
    }
    if !matches!(fault.outcome, Outcome::Survived) {
        patients.iter().for_each(Patient::heal);
        let (_, reports) = sync(&workspace, fault);
        for (report, patient) in reports.iter().zip(&patients) {
            expect(report["status"] == "done", patient.strategy, "run that follows", report);
        }
    }
    for patient in &patients {
        let rows = rows(&workspace, patient.strategy);
        expect(rows == ledger::expected(), patient.strategy, "rows at the end", &rows.len());
    }
    let (_, reports) = sync(&workspace, fault);
    for (report, patient) in reports.iter().zip(&patients) {
        let changes = ["inserted", "updated", "deleted"].map(|name| report[name].as_u64());
        let is_idle = report["status"] == "done" && changes == [Some(0); 3];
        expect(is_idle, patient.strategy, "run on a source that rests", report);
    }
    failures
}

/// Syncs all strategies; returns the exit code and their reports.
fn sync(workspace: &Workspace, fault: &Fault) -> (i32, Vec<Value>) {
    let files = STRATEGIES.map(|(strategy, _)| format!("{strategy}.yaml"));
    let settings = QUICK.iter().chain(fault.settings).flat_map(|setting| ["--set", *setting]);
    let arguments: Vec<&str> =
        ["sync", "--output", "json"].into_iter().chain(files.iter().map(|file| &**file)).chain(settings).collect();
    let outcome = workspace.run(&arguments);
    let reports = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    (outcome.code, reports)
}

/// The rows of a table, in the order of the source. None where nothing was ever written.
fn rows(workspace: &Workspace, table: &str) -> Vec<Vec<String>> {
    if workspace.query(&format!("SELECT 1 FROM sqlite_schema WHERE name = '{table}'")).is_empty() {
        return Vec::new();
    }
    let columns = ledger::FIELDS.map(|field| format!("\"{field}\"")).join(", ");
    workspace.query(&format!("SELECT {columns} FROM \"{table}\" ORDER BY \"updatedAt\""))
}
