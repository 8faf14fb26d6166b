//! Secrets that can be found again: planted as credentials, echoed by the source, repeated by the strategy, and looked
//! for wherever something leaves the process.

mod echo;

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::support::{Workspace, parrot};
use echo::{Echo, Issued};

/// A way to prove who one is, and the canaries in it.
struct Kind {
    name: &'static str,
    /// The lines below `auth:`; `PORT` stands for the source's.
    auth: &'static str,
    /// The names of the environment variables that hold canaries.
    configured: &'static [&'static str],
    /// What the source issues.
    issued: &'static [&'static str],
}

const KINDS: &[Kind] = &[
    Kind {
        name: "a key in a header",
        auth: "type: api_key, in: header, name: X-Api-Key, prefix: 'apiKey ', key: '${HEADERKEY}'",
        configured: &["HEADERKEY"],
        issued: &[],
    },
    Kind {
        name: "a key in the query",
        auth: "type: api_key, in: query, name: key, key: '${QUERYKEY}'",
        configured: &["QUERYKEY"],
        issued: &[],
    },
    Kind {
        name: "a password",
        auth: "type: basic, username: someone, password: '${PASSWORD}'",
        configured: &["PASSWORD"],
        issued: &[],
    },
    Kind { name: "a bearer token", auth: "type: bearer, token: '${BEARER}'", configured: &["BEARER"], issued: &[] },
    Kind {
        name: "the secret of a client",
        auth: "type: oauth2, token_url: 'http://127.0.0.1:PORT/token', client_id: me, client_secret: '${CLIENT}'",
        configured: &["CLIENT"],
        issued: &["ACCESS"],
    },
    Kind {
        name: "a refresh token",
        auth: "type: oauth2, token_url: 'http://127.0.0.1:PORT/token', client_id: me, client_secret: '${CLIENT}', \
               refresh_token: '${REFRESH}'",
        configured: &["CLIENT", "REFRESH"],
        issued: &["ACCESS", "ROTATED"],
    },
    Kind {
        name: "a session",
        auth: "type: session, login_path: /login, token_pointer: /token, prefix: 'Token ', \
               login_body: {username: someone, password: '${LOGINKEY}'}",
        configured: &["LOGINKEY"],
        issued: &["ACCESS"],
    },
];

/// What is given out in a cookie, to each of them.
const COOKIE: &str = "COOKIE";
/// A key of 32 bytes, which is none of the secrets that a source could know.
const SECRET_KEY: &str = "a0Fu1qVz9v1y2Xr0n5T8mC4eW7bL6hJ3dKpQsGtUoIw=";

/// Odd enough to be spelt differently everywhere.
fn canary(name: &str) -> String {
    format!("kAnArY-{name}/+\"=&%41 {name}<kEy>")
}

/// What betrays a canary, in whole or in part.
fn traces(name: &str) -> Vec<String> {
    let canary = canary(name);
    let mut traces = vec![format!("kAnArY-{name}"), format!("kanary-{}", name.to_lowercase())];
    for before in 0..3 {
        let longer = [&"--"[..before], &canary].concat();
        let encoded = STANDARD_NO_PAD.encode(longer);
        // Digits that do not depend on what stands around them.
        traces.push(encoded[4..16].to_owned());
    }
    traces
}

/// Where something can leave the process, and what did.
type Channels = Vec<(&'static str, Vec<u8>)>;

struct Trial<'a> {
    kind: &'a Kind,
    source: Echo,
    workspace: Workspace,
}

impl Trial<'_> {
    /// A connection to a source that knows all canaries of a kind, and may send the host elsewhere.
    fn new<'a>(kind: &'a Kind, elsewhere: &Echo) -> Trial<'a> {
        let planted = kind.configured.iter().chain(kind.issued).map(|name| canary(name)).collect();
        let issued = Issued { access: canary("ACCESS"), refresh: canary("ROTATED"), cookie: canary(COOKIE) };
        let moved = format!("http://localhost:{}/elsewhere", elsewhere.port());
        let source = Echo::start(planted, issued, &moved);
        let port = source.port().to_string();
        let workspace = Workspace::new();
        workspace.file(
            "test.yaml",
            format!(
                "strategy: {}\nsource:\n  base_url: http://127.0.0.1:{port}\n  allow_private_addresses: [127.0.0.1, \
                 localhost]\n  allowed_hosts: ['{moved}']\n  retry: {{attempts: 1}}\n  auth: {{{}}}\nconfig: {{path: \
                 /echo}}\ndestination: {{type: sqlite, path: test.db}}\n",
                parrot().display(),
                kind.auth.replace("PORT", &port)
            ),
        );
        Trial { kind, source, workspace }
    }

    /// Runs the program with all canaries in its environment; returns standard output and standard error.
    fn run(&self, arguments: &[&str]) -> (Vec<u8>, Vec<u8>) {
        self.run_with(SECRET_KEY, arguments)
    }

    fn run_with(&self, secret_key: &str, arguments: &[&str]) -> (Vec<u8>, Vec<u8>) {
        let mut command = self.workspace.command(arguments);
        let home = self.workspace.path("home");
        command.envs(self.kind.configured.iter().map(|name| (name, canary(name))));
        command.env("TIDEGATE_SECRET_KEY", secret_key).env("TIDEGATE_LOG", "trace").env("RUST_BACKTRACE", "full");
        command.env("HOME", &home).env("XDG_DATA_HOME", &home).env("XDG_CACHE_HOME", &home);
        command.env("TIDEGATE_CACHE_DIR", self.workspace.path("cache"));
        let output = command.output().expect("the program starts");
        (output.stdout, output.stderr)
    }

    fn all(&self) -> Channels {
        let end = |end: &'static str| format!("config.end={end}");
        let mut channels = Channels::new();
        let mut note = |out, err, (stdout, stderr)| channels.extend([(out, stdout), (err, stderr)]);
        note("the summary", "the log at trace", self.run(&["sync", "test.yaml"]));
        note(
            "the report as JSON",
            "the log as JSON",
            self.run(&["sync", "test.yaml", "--output", "json", "--log", "json"]),
        );
        note(
            "the report of a failure",
            "its message",
            self.run(&["sync", "test.yaml", "--output", "json", "--set", &end("fail")]),
        );
        note(
            "the report of a crash",
            "its message",
            self.run(&["sync", "test.yaml", "--output", "json", "--set", &end("panic")]),
        );
        note("check", "check, on standard error", self.run(&["check", "test.yaml"]));
        note("schema", "schema, on standard error", self.run(&["schema", "test.yaml"]));
        note("state show", "state show, on standard error", self.run(&["state", "show", "test.yaml"]));
        let component = parrot().display().to_string();
        note("describe", "describe, on standard error", self.run(&["describe", &component]));
        let refused = ["sync", "test.yaml", "--output", "json", "--set", "config.path=/refused"];
        note("the report of a refusal", "its message", self.run(&refused));
        note("a redirect", "its message", self.run(&["sync", "test.yaml", "--set", "config.path=/moved"]));
        let lines = "destination={type: jsonl, path: rows.jsonl}";
        let to_lines = ["sync", "test.yaml", "--record", "run.tape", "--set", lines];
        note("the summary of lines", "its log", self.run(&to_lines));
        let to_output = ["sync", "test.yaml", "--set", "destination={type: jsonl, path: '-', state: state.json}"];
        note("lines on standard output", "its log", self.run(&to_output));
        channels
    }

    /// What is left in files, by their endings.
    fn files(&self) -> Channels {
        let mut files = Channels::new();
        let mut folders = vec![self.workspace.path("")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => files.push((kind_of_file(&path), std::fs::read(&path).expect("a file"))),
                }
            }
        }
        files
    }
}

fn kind_of_file(path: &Path) -> &'static str {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("db" | "db-wal" | "db-shm") => "the database",
        Some("jsonl") => "the file of lines",
        Some("json") => "the file of the state",
        Some("tape") => "the recording",
        Some("sealed") => "the kept token",
        Some("yaml") => "the connection file",
        _ if path.components().any(|part| part.as_os_str() == "cache") => "the compiled cache",
        _ => "another file",
    }
}

/// Where the strategy's own words get to, so that there is something to be looked for.
const REPEATED: [&str; 10] = [
    "the log at trace",
    "the log as JSON",
    "the report as JSON",
    "the report of a failure",
    "the report of a refusal",
    "state show",
    "lines on standard output",
    "the database",
    "the file of lines",
    "the recording",
];

#[test]
fn no_canary_gets_out() {
    let elsewhere = Echo::start(Vec::new(), Issued::default(), "/");
    for kind in KINDS {
        let name = kind.name;
        let trial = Trial::new(kind, &elsewhere);
        let mut channels = trial.all();
        channels.extend(trial.files());
        channels.push(("what another origin was told", elsewhere.heard().into_bytes()));
        assert_complete(name, &channels, kind.issued.contains(&"ROTATED"));
        for canary in kind.configured.iter().chain(kind.issued).chain([&COOKIE]) {
            for trace in traces(canary) {
                let found = channels.iter().find(|(_, text)| memchr::memmem::find(text, trace.as_bytes()).is_some());
                if let Some((channel, text)) = found {
                    panic!("{name}: {canary} gets out by {channel}, as {trace}:\n{}", String::from_utf8_lossy(text));
                }
            }
        }
        // They went where they belong, or this test would prove nothing.
        let heard = trial.source.heard();
        for canary in kind.configured {
            assert!(traces(canary).iter().any(|trace| heard.contains(trace)), "{name}: {canary} in {heard}");
        }
    }
}

#[test]
fn a_refresh_token_is_kept_under_a_key_or_not_at_all() {
    const LOST: &str = "refresh tokens are not kept";
    let kind = KINDS.iter().find(|kind| kind.issued.contains(&"ROTATED")).expect("a kind with refresh tokens");
    for (secret_key, used, warnings) in [(SECRET_KEY, ["REFRESH", "ROTATED"], 0), ("", ["REFRESH", "REFRESH"], 1)] {
        let trial = Trial::new(kind, &Echo::start(Vec::new(), Issued::default(), "/"));
        for _ in 0..2 {
            let (_, log) = trial.run_with(secret_key, &["sync", "test.yaml"]);
            let log = String::from_utf8_lossy(&log).into_owned();
            assert_eq!(log.matches(LOST).count(), warnings, "{log}");
        }
        let heard = trial.source.heard();
        let sent = heard.lines().filter_map(|line| line.split_once("refresh_token=kAnArY-"));
        let sent: Vec<_> = sent.map(|(_, token)| &token[..used[0].len()]).collect();
        assert_eq!(sent, used, "{heard}");
        assert_eq!(trial.files().iter().any(|(name, _)| *name == "the kept token"), !secret_key.is_empty());
    }
}

/// At least twelve channels, and those that repeat what was heard do so.
fn assert_complete(kind: &str, channels: &Channels, keeps_token: bool) {
    let mut names: Vec<_> = channels.iter().filter(|(_, text)| !text.is_empty()).map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() >= 12, "{kind}: {names:?}");
    if cfg!(unix) {
        assert_eq!(names.contains(&"the kept token"), keeps_token, "{kind}: {names:?}");
    }
    assert!(names.contains(&"what another origin was told"), "{kind}: {names:?}");
    for channel in REPEATED {
        let texts = || channels.iter().filter(|(name, _)| *name == channel);
        let is_there = texts().any(|(_, text)| memchr::memmem::find(text, b"[secret]").is_some());
        let shown: Vec<_> = texts().map(|(_, text)| String::from_utf8_lossy(text)).collect();
        assert!(is_there, "{kind}: {channel} repeats nothing: {shown:?}");
    }
}
