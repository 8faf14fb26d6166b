//! Strategies that attack the host: each ends with the error that the table has for it, and nothing else happens.

mod contents;
mod made;
mod table;
mod trial;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use contents::{Contents, Leaves};
use made::MADE;
use table::{Row, TABLE};
use tidegate::error::Error;
use tokio::task::JoinSet;
use trial::{Lab, ending};

use crate::support::{hostile, hostile_sources};

#[test]
fn every_attack_is_in_the_table() {
    let written = ["examples", "wat"].into_iter().flat_map(hostile_sources);
    let written = written.map(|name| name.with_extension("").display().to_string());
    let made = MADE.iter().map(|(name, _)| (*name).to_owned());
    let listed = TABLE.iter().map(|row| row.program.to_owned());
    assert_eq!(listed.collect::<BTreeSet<_>>(), written.chain(made).collect::<BTreeSet<_>>());
}

/// The table has a process of its own, since its memory is looked at.
#[test]
fn every_attack_ends_as_the_table_says() {
    let test = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "hostile::the_table", "--ignored", "--nocapture"])
        // Else glibc keeps what large buffers took, and what is looked at is the allocator, not the host.
        .env("MALLOC_MMAP_THRESHOLD_", "131072")
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&[test.stderr, test.stdout].concat()).into_owned();
    assert!(test.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by `every_attack_ends_as_the_table_says`"]
async fn the_table() {
    let lab = Lab::new().await;
    let neighbour = lab.destination();
    lab.serve_neighbour(&neighbour).await;
    let before = resident_bytes();
    let mut wrong = Vec::new();
    for row in TABLE {
        if let Err(found) = attack(&lab, row).await {
            wrong.push(format!("{}: {found}", row.program));
        }
        lab.serve_neighbour(&neighbour).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let kept = resident_bytes().saturating_sub(before);
    assert!(kept < KEPT, "after all attacks {kept} bytes more are resident");
}

/// How much memory may be resident after all attacks that was not before; what the attacks held while they ran, added up,
/// is several times as much.
const KEPT: usize = 128 << 20;

/// The memory of this process that is in use; on systems that do not tell, none.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<usize>().ok());
    kilobytes.unwrap_or(0) << 10
}

/// Performs an attack on a destination. The error says what came of it, where that is not what the table says.
async fn attack(lab: &Lab, row: &Row<'_>) -> Result<(), String> {
    let component = component(lab, row.program);
    let destination = lab.destination();
    if !matches!(row.leaves, Leaves::Fresh(_)) {
        lab.serve_neighbour(&destination).await;
    }
    let before = Contents::of(&destination);
    let outcome = lab.attempt(&component, row, &destination).await;
    let ends = ending(&outcome, &component);
    if ends != row.ends {
        return Err(format!("it ended with {ends:?}"));
    }
    let after = Contents::of(&destination);
    if !after.are(&before, row.leaves) {
        return Err(format!("it left {after:?}"));
    }
    match outcome {
        Err(error) if !is_plain(&error) => Err(format!("its error is not plain: {:?}", error.to_string())),
        _ => Ok(()),
    }
}

/// The file of a component: compiled, assembled or made.
fn component(lab: &Lab, program: &str) -> PathBuf {
    let compiled = |program: &str| hostile().join(program).with_extension("wasm");
    match MADE.iter().find(|(name, _)| *name == program) {
        Some((name, make)) => lab.file(name, &make(&std::fs::read(compiled("honest")).expect("a component"))),
        None => compiled(program),
    }
}

/// What a guest has said reaches a terminal in an error: it must not steer it, nor begin lines of its own.
fn is_plain(error: &Error) -> bool {
    let text = error.to_string();
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default();
    let is_ours = |line: &str| ["  kept: ", "  help: "].iter().any(|word| line.starts_with(word));
    !text.contains(|c: char| c.is_control() && c != '\n') && !first.is_empty() && lines.all(is_ours)
}

/// How many components are made from the honest one by changing some of its bytes.
const MUTANTS: u64 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_mutant_of_a_component_harms_the_host() {
    let lab = Lab::new().await;
    let honest = std::fs::read(hostile().join("honest.wasm")).expect("a component");
    let neighbour = lab.destination();
    for seed in 0..MUTANTS {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut mutant = honest.clone();
        for _ in 0..=random.usize(0..4) {
            let at = random.usize(0..mutant.len());
            mutant[at] ^= 1 << random.u32(0..8);
        }
        try_mutant(&lab, &format!("seed {seed}"), &mutant).await;
    }
    for length in (0..honest.len()).step_by(honest.len() / 20) {
        let error = try_mutant(&lab, &format!("length {length}"), &honest[..length]).await;
        assert_eq!(error.expect("a truncated component is refused").code(), "plugin.refused");
    }
    lab.serve_neighbour(&neighbour).await;
}

/// How many scripts are made up for the puppet, and how long each is.
const SCRIPTS: u64 = 150;
const STEPS: usize = 120;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_order_of_calls_harms_the_host() {
    let lab = Lab::new().await;
    let puppet = hostile().join("puppet.wasm");
    let neighbour = lab.destination();
    for seed in 0..SCRIPTS {
        let mut random = fastrand::Rng::with_seed(seed);
        let script: String = (0..STEPS).map(|_| format!("{:02x}", random.u8(..))).collect();
        let config = format!(r#"{{"script":"{script}"}}"#);
        let row = Row { program: "puppet", config: &config, ends: "", leaves: Leaves::Untouched };
        if let Err(error) = lab.attempt(&puppet, &row, &lab.destination()).await {
            assert!(is_plain(&error), "seed {seed}: {error}");
            assert!(!["host.failed", "limit.run_time"].contains(&error.code()), "seed {seed}: {error}");
        }
    }
    lab.serve_neighbour(&neighbour).await;
}

/// Runs a component that may be anything; whatever it does, its error is plain, and it is not taken for the original.
async fn try_mutant(lab: &Lab, name: &str, mutant: &[u8]) -> Option<Error> {
    let component = lab.file("mutant.wasm", mutant);
    let row = Row { program: "mutant", config: "{}", ends: "[limit.run_timeout]", leaves: Leaves::Untouched };
    match lab.attempt(&component, &row, &lab.destination()).await {
        Ok(report) => {
            assert_ne!(report.plugin_digest, lab.honest().digest(), "{name}");
            None
        }
        Err(error) => {
            assert!(is_plain(&error), "{name}: {error}");
            Some(error)
        }
    }
}

/// Attacks that hold on to a processor or to memory for as long as they may.
const NOISY: [&str; 8] = [
    "spin_in_sync",
    "deep_recursion",
    "memory_growth",
    "log_storm",
    "get_storm",
    "held_for_ever",
    "handle_leak",
    "begin_and_drop",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neighbours_are_served_while_attacks_run() {
    let lab = Arc::new(Lab::new().await);
    let mut attacks = JoinSet::new();
    for row in TABLE.iter().filter(|row| NOISY.contains(&row.program)) {
        for _ in 0..4 {
            let lab = Arc::clone(&lab);
            attacks.spawn(async move { attack(&lab, row).await });
        }
    }
    let neighbour = lab.destination();
    let mut served = 0;
    while !attacks.is_empty() {
        lab.serve_neighbour(&neighbour).await;
        served += 1;
        while let Some(outcome) = attacks.try_join_next() {
            assert_eq!(outcome.expect("an attack does not crash its run"), Ok(()));
        }
    }
    assert!(served > 0);
}
