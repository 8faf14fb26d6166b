//! A run that is killed or interrupted in the middle, and the next one.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Api, ApiOptions, Workspace};

/// Starts a sync of small pages from an API that lets few requests through, so that it takes seconds.
fn start(workspace: &Workspace) -> Child {
    let mut command = workspace.command(&["sync", "users.yaml"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program starts")
}

/// Waits until some rows are committed, but not all.
fn wait_for_rows(workspace: &Workspace) -> u32 {
    let patience = Instant::now() + Duration::from_secs(60);
    while Instant::now() < patience {
        if workspace.path("test.db").exists() {
            let database = rusqlite::Connection::open(workspace.path("test.db")).expect("the database");
            let count = database.query_row("SELECT count(*) FROM user", [], |row| row.get::<_, u32>(0));
            match count {
                Ok(rows @ 1..200) => return rows,
                Ok(200..) => panic!("the run was over before it could be stopped"),
                _ => {}
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("no row was committed within a minute")
}

fn check(stop: impl Fn(&mut Child) -> Option<i32>, expected_code: Option<i32>) {
    let api = Api::with(ApiOptions { burst: Some(5) });
    let workspace = Workspace::new();
    workspace.connection("users", "offset", &api.url(), &["page_size: 5"]);
    let mut child = start(&workspace);
    let before = wait_for_rows(&workspace);
    assert_eq!(stop(&mut child), expected_code);
    let kept: u32 = workspace.query("SELECT count(*) FROM user")[0][0].parse().expect("a count");
    assert!((before..200).contains(&kept), "{before} rows before, {kept} after");
    let state = workspace.query("SELECT state FROM _tidegate_state");
    assert_eq!(state.len(), 1, "rows are committed with the state that covers them: {state:?}");

    let report = workspace.sync("users.yaml", &[]);
    assert_eq!(report["inserted"], 200 - kept, "{report}");
    assert_eq!(workspace.query("SELECT count(*), count(DISTINCT id) FROM user"), [["200", "200"]]);
}

#[test]
fn a_killed_run_is_gone_on_with_from_its_last_checkpoint() {
    let kill = |child: &mut Child| {
        child.kill().expect("it is killed");
        child.wait().expect("it ends").code()
    };
    check(kill, if cfg!(windows) { Some(1) } else { None });
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_cleanly_with_130() {
    let interrupt = |child: &mut Child| {
        let pid = child.id().to_string();
        let sent = std::process::Command::new("kill").args(["-INT", &pid]).status().expect("a signal");
        assert!(sent.success());
        child.wait().expect("it ends").code()
    };
    check(interrupt, Some(130));
}
