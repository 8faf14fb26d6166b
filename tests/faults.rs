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
    let cases = [
        (
            "",
            "error: users.yaml:1:1: the key `strategy` is missing\n\
             \x20 help: for example `strategy: keyset`",
        ),
        (
            "strategy: keyset\n",
            "error: users.yaml:1:1: the key `source` is missing\n\
             \x20 1 │ strategy: …\n\
             \x20   │ ^\n\
             \x20 help: for example `source: {base_url: \"https://api.example.com/v1\"}`",
        ),
        (
            "strategy: keyset\n\
             sorce:\n\
             \x20 base_url: http://127.0.0.1:9\n\
             destination:\n\
             \x20 type: sqlite\n\
             \x20 path: test.db\n",
            "error: users.yaml:2:1: unknown key `sorce`\n\
             \x20 2 │ sorce:\n\
             \x20   │ ^\n\
             \x20 help: did you mean `source`?",
        ),
        (
            "strategy: keyset\n\
             source:\n\
             \x20 base_url: 17\n\
             destination:\n\
             \x20 type: sqlite\n\
             \x20 path: test.db\n",
            "error: users.yaml:3:13: `source.base_url` must be text, not a whole number\n\
             \x20 3 │   base_url: …\n\
             \x20   │             ^\n\
             \x20 help: put it in quotes",
        ),
        (
            "strategy: keyset\n\
             source:\n\
             \x20 base_url: ftp://example.com\n\
             destination:\n\
             \x20 type: sqlite\n\
             \x20 path: test.db\n",
            "error: users.yaml:3:13: `source.base_url` must be an address that begins with `https://` or `http://`\n\
             \x20 3 │   base_url: …\n\
             \x20   │             ^",
        ),
        (
            "strategy: keyset\n\
             source:\n\
             \x20 base_url: https://user:hunter2@example.com\n\
             destination:\n\
             \x20 type: sqlite\n\
             \x20 path: test.db\n",
            "error: users.yaml:3:13: `source.base_url` must not have a user name or a password in it\n\
             \x20 3 │   base_url: …\n\
             \x20   │             ^\n\
             \x20 help: put them under `source.auth`, with `type: basic`",
        ),
        (
            "strategy: keyste\n\
             source:\n\
             \x20 base_url: http://127.0.0.1:9\n\
             destination:\n\
             \x20 type: sqlite\n\
             \x20 path: test.db\n",
            "error: users.yaml:1:11: `strategy` has an unknown value `keyste`\n\
             \x20 1 │ strategy: …\n\
             \x20   │           ^\n\
             \x20 help: did you mean `keyset`?",
        ),
        (
            "strategy: ./missing.wasm\n\
             source:\n\
             \x20 base_url: http://127.0.0.1:9\n\
             destination:\n\
             \x20 type: sqlite\n\
             \x20 path: test.db\n",
            "error: the strategy `./missing.wasm` cannot be read: there is no such file\n\
             \x20 help: give the path of a component, or one of the built-in strategies: keyset, offset, replay, step-size, timestamp",
        ),
        (
            "strategy: keyset\n\
             source:\n\
             \x20 base_url: http://127.0.0.1:9\n\
             config:\n\
             \x20 page_siz: 10\n\
             destination:\n\
             \x20 type: sqlite\n\
             \x20 path: test.db\n",
            "error: users.yaml:5:3: unknown key `page_siz` in `config`\n\
             \x20 5 │   page_siz: …\n\
             \x20   │   ^\n\
             \x20 help: did you mean `page_size`?",
        ),
        (
            "strategy: keyset\n\
             source:\n\
             \x20 base_url: http://127.0.0.1:9\n\
             config:\n\
             \x20 scroll_with_since: maybe\n\
             destination:\n\
             \x20 type: sqlite\n\
             \x20 path: test.db\n",
            "error: users.yaml:5:3: `config.scroll_with_since` must be true or false, not text\n\
             \x20 5 │   scroll_with_since: …\n\
             \x20   │   ^",
        ),
        (
            "strategy: keyset\n\
             source:\n\
             \x20 base_url: http://127.0.0.1:9\n\
             config:\n\
             \x20 filter: sometimes\n\
             destination:\n\
             \x20 type: sqlite\n\
             \x20 path: test.db\n",
            "error: users.yaml:5:3: `config.filter` has an unknown value\n\
             \x20 5 │   filter: …\n\
             \x20   │   ^\n\
             \x20 help: it can be `inclusive`, `exclusive` or `unknown`",
        ),
        (
            "strategy: keyset\n\
             source:\n\
             \x20 base_url: http://127.0.0.1:9\n\
             config:\n\
             \x20 table: ${TABLE}\n\
             destination:\n\
             \x20 type: sqlite\n\
             \x20 path: test.db\n",
            "error: users.yaml:5:10: environment variables are not put into `config`, which the strategy gets to see\n\
             \x20 5 │   table: …\n\
             \x20   │          ^\n\
             \x20 help: keep secrets under `source.auth`; write `$${` for the characters `${` themselves",
        ),
        (
            "strategy: keyset\n\
             source:\n\
             \x20 base_url: http://127.0.0.1:9\n\
             \x20 auth:\n\
             \x20   type: bearer\n\
             \x20   token: ${NO_SUCH_TOKEN}\n\
             destination:\n\
             \x20 type: sqlite\n\
             \x20 path: test.db\n",
            "error: users.yaml:6:12: the environment variable `NO_SUCH_TOKEN` is not set\n\
             \x20 6 │     token: …\n\
             \x20   │            ^\n\
             \x20 help: set it, or give a default: `${NO_SUCH_TOKEN:-default}`",
        ),
        (
            "strategy: keyset\n\
             source:\n\
             \x20 base_url: http://127.0.0.1:9\n\
             destination:\n\
             \x20 type: postgres\n\
             \x20 path: x\n",
            "error: users.yaml:5:9: `destination.type` has an unknown value `postgres`\n\
             \x20 5 │   type: …\n\
             \x20   │         ^\n\
             \x20 help: it can be `sqlite` or `jsonl`",
        ),
        (
            "strategy: [keyset\n\
             source:\n\
             \x20 base_url: http://127.0.0.1:9\n\
             destination:\n\
             \x20 type: sqlite\n\
             \x20 path: test.db\n",
            "error: users.yaml:2:7: not valid YAML: illegal placement of ':' indicator\n\
             \x20 2 │ source:\n\
             \x20   │       ^",
        ),
        (
            "strategy: keyset\n\
             strategy: keyset\n\
             source:\n\
             \x20 base_url: http://127.0.0.1:9\n\
             destination:\n\
             \x20 type: sqlite\n\
             \x20 path: test.db\n",
            "error: users.yaml:2:1: the key `strategy` is here twice; the first is at users.yaml:1:1\n\
             \x20 2 │ strategy: …\n\
             \x20   │ ^",
        ),
        (
            "strategy: keyset\n\
             source:\n\
             \x20 base_url: http://127.0.0.1:9\n\
             destination:\n\
             \x20 type: sqlite\n\
             \x20 path: test.db\n",
            "error: users: configuration: 127.0.0.1 is a loopback address, which this connection does not allow\n\
             \x20 kept: nothing was written in this run\n\
             \x20 help: if you trust it, set `source.allow_private_addresses: true`",
        ),
    ];
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
    let not_json = "help: check the path and the base URL; `tidegate check FILE` shows what the source answers";
    let cases = [
        (
            down,
            3,
            "source: GET /pagination/keyset: cannot connect to URL: connection refused",
            "help: is source.base_url right, and is the source running?",
        ),
        (
            html.url(),
            1,
            "source: GET /pagination/keyset: the answer is not JSON: a value was expected, not `<` at byte 0; its \
             content type is `text/html`",
            not_json,
        ),
        (
            truncated.url(),
            1,
            "source: GET /pagination/keyset: the body broke off after 17 bytes: end of file before message length reached",
            "",
        ),
        (
            broken.url(),
            1,
            "source: GET /pagination/keyset: the answer is not JSON: the text ends where `,` or `]` was expected at byte \
             17; its content type is `application/json`",
            not_json,
        ),
        (
            missing.url(),
            1,
            "source: GET /pagination/keyset: 404 Not Found; the source says: \"{\"error\":\"no such endpoint\"}\"",
            "help: check source.base_url and the path",
        ),
        (
            elsewhere.url(),
            1,
            "plugin: GET /pagination/keyset: nothing at `/data`: the document has `/items`",
            "help: set the record pointer of the configuration to the place of the list of records",
        ),
    ];
    for (url, code, message, help) in cases {
        let workspace = Workspace::new();
        workspace.connection("users", "keyset", &url, &[]);
        let quick = ["--set", "source.retry.attempts=2", "--set", "source.retry.initial_delay=1ms"];
        let message = message.replace("URL", &url);
        let expected = format!("error: users: {message}\n  kept: nothing was written in this run\n  {help}");
        check(&workspace, &[&["sync", "users.yaml"], &quick[..]].concat(), code, &expected);
    }
}
