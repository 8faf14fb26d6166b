//! A server's settings: by a file, by variables, by flags, and which of them counts.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::support::Workspace;

/// What a server that starts says on standard error, up to where it serves; or all that it says, if it does not.
fn said(workspace: &Workspace, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = workspace.command(arguments);
    command.envs(variables.iter().copied()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().expect("standard error")).lines() {
        said = said + &line.expect("a line") + "\n";
        if said.contains("serving on ") {
            break;
        }
    }
    // It may have ended by itself.
    let _ = child.kill();
    child.wait().expect("it ends");
    said
}

#[test]
fn flags_overrule_variables_and_these_the_file() {
    let workspace = Workspace::new();
    workspace.file(
        "server.yaml",
        "# A server.\ndata: data\nlisten: 127.0.0.1:0\nconcurrent_runs: 3\ndrain: 7s\nkeep_runs: 5\nlimits:\n  memory: 20MiB\n  \
         instances: 50\n",
    );
    let check = |arguments: &[&str], variables: &[(&str, &str)], expected: [&str; 5]| {
        let said = said(&workspace, arguments, variables);
        let line = said.lines().find(|line| line.contains("serving with these settings"));
        let line = line.unwrap_or_else(|| panic!("{arguments:?}: {said}"));
        assert!(expected.iter().all(|setting| line.contains(setting)), "{arguments:?}: {line}");
    };
    check(
        &["serve", "--config", "server.yaml"],
        &[],
        ["concurrent_runs=3", "drain=7s", "keep_runs=5", "instances=50", "data=data"],
    );
    check(
        &["serve"],
        &[("TIDEGATE_CONFIG", "server.yaml"), ("TIDEGATE_DRAIN", "8s"), ("TIDEGATE_LIMITS", "instances=60")],
        ["concurrent_runs=3", "drain=8s", "keep_runs=5", "instances=60", "data=data"],
    );
    check(
        &["serve", "--config", "server.yaml", "--drain", "9s", "--concurrent-runs", "4", "--limit", "instances=70"],
        &[("TIDEGATE_DRAIN", "8s"), ("TIDEGATE_KEEP_RUNS", "6"), ("TIDEGATE_LIMITS", "instances=60")],
        ["concurrent_runs=4", "drain=9s", "keep_runs=6", "instances=70", "data=data"],
    );
    check(
        &["serve", "--data", "other", "--listen", "127.0.0.1:0", "--allow-private-addresses"],
        &[],
        ["concurrent_runs=64", "drain=30s", "keep_runs=20", "keep_runs_for=7776000s", "allow_private_addresses=true"],
    );
}

#[test]
fn what_is_wrong_in_the_file_is_told_with_its_place() {
    let workspace = Workspace::new();
    workspace.file("typo.yaml", "data: data\nconcurent_runs: 3\n");
    workspace.file("limit.yaml", "data: data\nlimits:\n  memry: 1MiB\n");
    workspace.file("no-folder.yaml", "concurrent_runs: 3\n");
    let cases = [
        ("typo.yaml", "typo.yaml:2:1: unknown key `concurent_runs`", "did you mean `concurrent_runs`?"),
        ("limit.yaml", "limit.yaml:3:", "memory"),
        ("no-folder.yaml", "which folder", "TIDEGATE_DATA"),
        ("absent.yaml", "absent.yaml: it cannot be read", ""),
    ];
    for (file, message, remedy) in cases {
        let said = said(&workspace, &["serve", "--config", file], &[]);
        assert!(said.contains(message) && said.contains(remedy), "{file}: {said}");
    }
}
