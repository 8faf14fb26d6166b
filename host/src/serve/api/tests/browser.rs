//! A real browser, driven over its debugging pipe: messages are JSON, each ended by a zero byte.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long the page may take to show something.
const PATIENCE: Duration = Duration::from_secs(20);
/// What Chromium is called on the machines of the project.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

pub(super) struct Browser {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Option<String>,
    asked: u64,
    /// What the page complained of.
    pub(super) complaints: Vec<String>,
    _profile: TempDir,
}

/// Where Chromium is, if it is here.
pub(super) fn chromium() -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    let mut places = env::split_paths(&folders).flat_map(|folder| NAMES.map(|name| folder.join(name)));
    places.find(|place| place.is_file())
}

impl Browser {
    pub(super) fn start(chromium: PathBuf) -> Browser {
        let profile = tempfile::tempdir().expect("a folder");
        // It reads from the descriptor 3 and writes to 4.
        let process = Command::new("sh")
            .args(["-c", "exec \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null", "sh"])
            .arg(chromium)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = process.expect("a shell");
        let (to, from) = (process.stdin.take().expect("a pipe"), process.stdout.take().expect("a pipe"));
        let mut browser = Browser {
            process,
            to,
            from: BufReader::new(from),
            session: None,
            asked: 0,
            complaints: Vec::new(),
            _profile: profile,
        };
        let targets = browser.ask("Target.getTargets", json!({}));
        let pages = targets["targetInfos"].as_array().expect("targets");
        let page = pages.iter().find(|target| target["type"] == "page").expect("a page")["targetId"].clone();
        let attached = browser.ask("Target.attachToTarget", json!({"targetId": page, "flatten": true}));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let mut message = json!({"id": self.asked, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).expect("the browser hears");
        loop {
            let mut bytes = Vec::new();
            self.from.read_until(0, &mut bytes).expect("the browser speaks");
            assert_eq!(bytes.pop(), Some(0), "the browser ended");
            let said: Value = serde_json::from_slice(&bytes).expect("JSON");
            if said["id"] == self.asked {
                assert_eq!(said["error"], Value::Null, "{method}");
                return said["result"].clone();
            }
            self.hear(&said);
        }
    }

    fn hear(&mut self, said: &Value) {
        let is_exception = said["method"] == "Runtime.exceptionThrown";
        let is_error = said["method"] == "Log.entryAdded" && said["params"]["entry"]["level"] == "error";
        if is_exception || is_error {
            self.complaints.push(said["params"].to_string());
        }
    }

    pub(super) fn open(&mut self, url: &str) {
        self.ask("Page.navigate", json!({"url": url}));
    }

    /// What an expression in the page gives.
    pub(super) fn look(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true});
        let said = self.ask("Runtime.evaluate", asked);
        assert_eq!(said["exceptionDetails"], Value::Null, "{expression}");
        said["result"]["value"].clone()
    }

    /// Waits until the page shows a text.
    pub(super) fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let shown = self.look("document.body?.innerText ?? ''");
            if shown.as_str().is_some_and(|shown| shown.contains(text)) {
                return;
            }
            assert!(Instant::now() < end, "`{text}` is not in:\n{shown}\n{:#?}", self.complaints);
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Writes where the focus is.
    pub(super) fn write(&mut self, text: &str) {
        self.ask("Input.insertText", json!({"text": text}));
    }

    /// Presses a key: `Enter` or `Escape`.
    pub(super) fn press(&mut self, key: &str) {
        let code = if key == "Enter" { 13 } else { 27 };
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text});
            self.ask("Input.dispatchKeyEvent", event);
        }
    }

    /// Gives the focus to the link or button that is called so.
    pub(super) fn focus(&mut self, label: &str) {
        let find = format!(
            "[...document.querySelectorAll('a, button')].find((one) => one.textContent === {}).focus()",
            json!(label)
        );
        self.look(&find);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
