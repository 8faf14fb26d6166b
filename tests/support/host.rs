//! A server of many tenants, as an operator runs it, and those who call its API.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::Workspace;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server in a folder of its own, which outlives its processes.
pub(crate) struct Host {
    pub(crate) workspace: Workspace,
    /// What it is started with, beside what every server of a test is.
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    token: Option<String>,
    process: Option<(Child, String)>,
    client: Client,
    runtime: Runtime,
}

impl Host {
    /// A server that runs.
    pub(crate) fn start() -> Host {
        Host::start_with(&[])
    }

    /// A server that runs with these arguments more.
    pub(crate) fn start_with(arguments: &[&str]) -> Host {
        Host::start_as(arguments, &[])
    }

    /// A server that runs with these variables more.
    pub(crate) fn start_within(environment: &[(&str, &str)]) -> Host {
        Host::start_as(&[], environment)
    }

    fn start_as(arguments: &[&str], environment: &[(&str, &str)]) -> Host {
        // The first one of this process is used, whoever installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().tls_certs_only([]).no_proxy().build().expect("a client");
        let (workspace, runtime) = (Workspace::new(), Runtime::new().expect("a runtime"));
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut host = Host { workspace, arguments, environment, token: None, process: None, client, runtime };
        host.restart();
        host
    }

    /// Starts the process again, after it was stopped or killed.
    pub(crate) fn restart(&mut self) {
        let arguments = ["serve", "--data", "data", "--listen", "127.0.0.1:0", "--allow-private-addresses"];
        let mut command = self.workspace.command(&arguments);
        command.args(&self.arguments).envs(self.environment.iter().cloned());
        command.env("TIDEGATE_SECRET_KEY", "00".repeat(32)).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stderr.take().expect("standard error")).lines();
        let line = lines.by_ref().map(|line| line.expect("a line")).find(|line| line.starts_with("serving on "));
        let line = line.expect("it serves");
        let url = line.split_whitespace().nth(2).expect("its address").trim_end_matches(';').to_owned();
        // What nobody reads would block it one day.
        std::thread::spawn(move || lines.for_each(drop));
        if self.token.is_none() {
            let mut line = String::new();
            let stdout = child.stdout.take().expect("standard output");
            BufReader::new(stdout).read_line(&mut line).expect("a line");
            self.token = line.trim().rsplit(' ').next().map(str::to_owned);
        }
        self.process = Some((child, url));
    }

    /// Starts the process anew, with these arguments more than every server of a test has.
    pub(crate) fn restart_with(&mut self, arguments: &[&str]) {
        self.arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        self.kill();
        self.restart();
    }

    /// The process that runs.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.as_ref().expect("it runs").0.id()
    }

    /// Ends the process as a crash would.
    pub(crate) fn kill(&mut self) {
        let (mut child, _) = self.process.take().expect("it runs");
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
    }

    /// Asks the process to stop, and returns its exit code.
    #[cfg(unix)]
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let sent = std::process::Command::new("kill").args(["-TERM", &self.process_id().to_string()]).status();
        assert!(sent.expect("a signal").success());
        let (mut child, _) = self.process.take().expect("it runs");
        child.wait().expect("it ends").code()
    }

    /// Where it serves.
    pub(crate) fn url(&self) -> &str {
        let (_, url) = self.process.as_ref().expect("it runs");
        url
    }

    /// The operator's token.
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().expect("a token")
    }

    /// Asks the API, as the operator.
    pub(crate) fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.send(method, path, "application/json", body.to_string().into_bytes())
    }

    /// Changes what has this revision.
    pub(crate) fn patch(&self, path: &str, revision: &str, body: Value) -> (u16, Value) {
        let tag = [("if-match", format!("\"{revision}\""))];
        self.send_with("PATCH", path, "application/json", &tag, body.to_string().into_bytes())
    }

    /// Asks the API with a body of any kind.
    pub(crate) fn send(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> (u16, Value) {
        self.send_with(method, path, kind, &[], body)
    }

    fn send_with(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        headers: &[(&str, String)],
        body: Vec<u8>,
    ) -> (u16, Value) {
        let url = self.url();
        let method: Method = method.parse().expect("a method");
        let mut request = self
            .client
            .request(method, format!("{url}{path}"))
            .bearer_auth(self.token())
            .header("content-type", kind)
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        self.runtime.block_on(async {
            let response = request.send().await.expect("an answer");
            let (status, text) = (response.status().as_u16(), response.text().await.expect("a body"));
            (status, serde_json::from_str(&text).unwrap_or(Value::Null))
        })
    }

    /// What there is at a path.
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, value) = self.send("GET", path, "application/json", Vec::new());
        assert_eq!(status, 200, "{path}: {value:#}");
        value
    }

    /// Makes a tenant.
    pub(crate) fn tenant(&self, name: &str) {
        let (status, answer) = self.call("POST", "/v1/tenants", json!({ "name": name }));
        assert_eq!(status, 201, "{answer:#}");
    }

    /// Makes a connection of a tenant that reads this source by this strategy, into `<name>.db` of its folder.
    pub(crate) fn connection(&self, tenant: &str, name: &str, strategy: &str, base_url: &str) {
        let connection = json!({
            "strategy": strategy,
            "source": { "base_url": base_url, "allow_private_addresses": true },
            "destination": { "type": "sqlite", "path": format!("{name}.db") },
        });
        let path = format!("/v1/tenants/{tenant}/connections/{name}");
        let (status, answer) = self.call("PUT", &path, json!({ "connection": connection }));
        assert_eq!(status, 201, "{answer:#}");
    }

    /// Asks for a run of a connection.
    pub(crate) fn run(&self, tenant: &str, name: &str) {
        let path = format!("/v1/tenants/{tenant}/connections/{name}/runs");
        let (status, answer) = self.call("POST", &path, json!({}));
        assert_eq!(status, 202, "{answer:#}");
    }

    /// Asks for a run, and waits for its end.
    pub(crate) fn run_to_its_end(&self, tenant: &str, name: &str) -> Value {
        let latest = || {
            let runs = self.get(&format!("/v1/tenants/{tenant}/runs?connection={name}&limit=1"));
            runs["items"].get(0).cloned().unwrap_or_default()
        };
        let before = latest()["id"].clone();
        self.run(tenant, name);
        self.wait_for("the end of the run", || {
            Some(latest()).filter(|run| run["id"] != before && run["ended_at"].is_string())
        })
    }

    /// The runs of a connection, the latest first.
    pub(crate) fn runs(&self, tenant: &str, name: &str) -> Vec<Value> {
        let mut runs = Vec::new();
        let mut next = Value::from(format!("/v1/tenants/{tenant}/runs?connection={name}&limit=200"));
        while let Some(path) = next.as_str() {
            let mut page = self.get(path);
            runs.extend(page["items"].as_array().expect("runs").iter().cloned());
            next = page["next"].take();
        }
        runs
    }

    /// Waits until something is there.
    pub(crate) fn wait_for<T>(&self, what: &str, find: impl Fn() -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(found) = find() {
                return found;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{what} did not come within a minute")
    }

    /// The rows of a table that a tenant's connection wrote: how many, and how many different ones.
    pub(crate) fn rows(&self, tenant: &str, name: &str, table: &str) -> (u32, u32) {
        let path = self.workspace.path(&format!("data/tenants/{tenant}/{name}.db"));
        let Ok(database) = rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
        else {
            return (0, 0);
        };
        let query = format!("SELECT count(*), count(DISTINCT id) FROM \"{table}\"");
        database.query_row(&query, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap_or((0, 0))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.process {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
