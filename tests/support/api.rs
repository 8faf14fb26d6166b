//! The real `fivetran-api-playground`, served on a free port of loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::python;

/// Serves the package's application as it is, without its reloader and its look-up of newer versions, and prints the
/// credentials that it made up. On standard input, `touch N` makes N records newer.
const SERVER: &str = r#"
import json, logging, random, sys, threading
import flask.cli
from datetime import datetime, timedelta
import fivetran_api_playground as api

# It would stand among our own lines.
flask.cli.show_server_banner = lambda *arguments: None
port, capacity = int(sys.argv[1]), int(sys.argv[2])
logging.getLogger("werkzeug").setLevel(logging.ERROR)
api.app.config.update(RATE_LIMITING_ENABLED=capacity > 0, RATE_LIMIT_CAPACITY=max(capacity, 1), RATE_LIMIT_RPS=10)
names = ["HTTP_BASIC_USERNAME", "HTTP_BASIC_PASSWORD", "HTTP_BEARER_TOKEN", "API_KEY",
         "SESSION_AUTH_USERNAME", "SESSION_AUTH_PASSWORD"]

def touch():
    for line in sys.stdin:
        count = int(line.split()[1])
        for item in random.sample(api.items, count):
            item["job"] = item["job"] + " (new)"
            item["updatedAt"] = datetime.now().strftime(api.DATE_TIME_FORMAT)
        print("touched", flush=True)

threading.Thread(target=touch, daemon=True).start()
print(json.dumps({name: getattr(api, name) for name in names}), flush=True)
api.app.run(port=port, threaded=True)
"#;

/// How the API behaves.
#[derive(Clone, Copy, Default)]
pub(crate) struct ApiOptions {
    /// Requests in a burst before it answers 429, refilled by ten a second. None: no limit.
    pub(crate) burst: Option<u32>,
}

/// The API, while it lives.
pub(crate) struct Api {
    process: Child,
    output: BufReader<std::process::ChildStdout>,
    port: u16,
    /// The credentials that it made up, by the names of the package's variables.
    pub(crate) credentials: Value,
}

impl Api {
    pub(crate) fn start() -> Api {
        Api::with(ApiOptions::default())
    }

    pub(crate) fn with(options: ApiOptions) -> Api {
        let port = free_port();
        let mut process = Command::new(python::interpreter())
            .args(["-c", SERVER, &port.to_string(), &options.burst.unwrap_or(0).to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the API starts");
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        let mut line = String::new();
        output.read_line(&mut line).expect("its credentials");
        let credentials = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let api = Api { process, output, port, credentials };
        for _ in 0..400 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return api;
            }
            std::thread::sleep(std::time::Duration::from_millis(25));
        }
        panic!("the API does not listen on port {port}");
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn credential(&self, name: &str) -> &str {
        self.credentials[name].as_str().expect(name)
    }

    /// What a path serves under `data`.
    pub(crate) fn records(&self, path: &str) -> Vec<Value> {
        let answer = get(self.port, path);
        let mut answer: Value =
            serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"));
        match answer["data"].take() {
            Value::Array(records) => records,
            other => panic!("{path}: {other}"),
        }
    }

    /// Makes some records newer.
    pub(crate) fn touch(&mut self, count: usize) {
        let input = self.process.stdin.as_mut().expect("its input");
        writeln!(input, "touch {count}").expect("it reads");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        assert_eq!(line.trim(), "touched");
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that nothing listens on at this moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the API listens");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    body.to_owned()
}
