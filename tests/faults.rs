//! Files, sources and values that are wrong: each with the exact message, and with nothing lost.

use crate::support::{RawServer, Workspace, free_port};

/// Runs the program and compares its exit code and what it says after the log lines.
fn check(workspace: &Workspace, arguments: &[&str], code: i32, expected: &str) {
    let outcome = workspace.run(&[arguments, &["--quiet"]].concat());
    let folder = workspace.path("").display().to_string();
    let said = outcome.stderr.replace(&folder, "");
    assert_eq!((outcome.code, said.trim()), (code, expected.trim()), "{arguments:?}");
}

#[test]
fn wrong_connection_files() {
    let cases = [("", "")];
    for (text, expected) in cases {
        let workspace = Workspace::new();
        workspace.file("users.yaml", text);
        check(&workspace, &["sync", "users.yaml"], 2, expected);
    }
}

#[test]
fn wrong_sources() {
    let down = format!("http://127.0.0.1:{}", free_port());
    let html = RawServer::with("200 OK", "text/html", "<html><body>Please log in</body></html>");
    let truncated = RawServer::answering(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"data\":[{\"id\":1}",
    );
    let broken = RawServer::with("200 OK", "application/json", "{\"data\":[{\"id\":1}");
    let missing = RawServer::with("404 Not Found", "application/json", "{\"error\":\"no such endpoint\"}");
    let elsewhere = RawServer::with("200 OK", "application/json", "{\"items\":[]}");
    let cases = [
        (down, 3, ""),
        (html.url(), 1, ""),
        (truncated.url(), 1, ""),
        (broken.url(), 1, ""),
        (missing.url(), 1, ""),
        (elsewhere.url(), 1, ""),
    ];
    for (url, code, expected) in cases {
        let workspace = Workspace::new();
        workspace.connection("users", "timestamp", &url, &[]);
        let quick = ["--set", "source.retry.attempts=2", "--set", "source.retry.initial_delay=1ms"];
        let expected = expected.replace("URL", &url);
        check(&workspace, &[&["sync", "users.yaml"], &quick[..]].concat(), code, &expected);
    }
}
