//! Traces of runs, as a collector receives them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{Host, Rows, variant};

const SECRET: &str = "hunter2-and-more";

/// A collector that keeps what it is told.
struct Collector {
    url: String,
    heard: Heard,
    _runtime: Runtime,
}

/// Where something was sent, with which header `x-team`, and what.
type Heard = Arc<Mutex<Vec<(String, String, String)>>>;

impl Collector {
    fn start() -> Collector {
        let heard = Heard::default();
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let router = Router::new().fallback(hear).with_state(Arc::clone(&heard));
        runtime.spawn(axum::serve(listener, router).into_future());
        Collector { url, heard, _runtime: runtime }
    }

    fn heard(&self) -> Vec<(String, String, String)> {
        self.heard.lock().expect("unpoisoned").clone()
    }

    fn spans(&self) -> Vec<Value> {
        let messages = self.heard().into_iter().map(|(_, _, body)| serde_json::from_str::<Value>(&body).expect("JSON"));
        let of = |message: Value| message["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().cloned();
        messages.filter_map(of).flatten().collect()
    }
}

async fn hear(State(heard): State<Heard>, uri: Uri, headers: HeaderMap, body: String) {
    let team = headers.get("x-team").and_then(|team| team.to_str().ok()).unwrap_or_default().to_owned();
    heard.lock().expect("unpoisoned").push((uri.path().to_owned(), team, body));
}

fn attribute(span: &Value, name: &str) -> Value {
    let attributes = span["attributes"].as_array().expect("attributes");
    let found = attributes.iter().find(|attribute| attribute["key"] == name);
    found.and_then(|found| found["value"].as_object()?.values().next().cloned()).unwrap_or_default()
}

#[test]
fn a_run_is_a_trace_of_its_requests_and_its_commits() {
    let (collector, source) = (Collector::start(), Rows::start(1_000, std::time::Duration::ZERO));
    let host = Host::start_within(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=night"),
        ("OTEL_SERVICE_NAME", "shop"),
    ]);
    let (status, rollout) = host.send("PUT", "/v1/plugins/variant", "application/wasm", variant("1.0.0", "plain"));
    assert_eq!(status, 202, "{rollout:#}");
    let path = format!("/v1/rollouts/{}", rollout["id"].as_str().expect("an identifier"));
    host.wait_for("the rollout", || Some(host.get(&path)).filter(|rollout| rollout["stage"] == "done"));
    host.tenant("acme");
    host.call("PUT", "/v1/tenants/acme/secrets/TOKEN", json!({ "value": SECRET }));
    let connection = json!({
        "strategy": "variant",
        "source": {
            "base_url": source.url(),
            "allow_private_addresses": true,
            "auth": { "type": "bearer", "token": "${TOKEN}" },
        },
        "destination": { "type": "sqlite", "path": "rows.db" },
    });
    let (status, answer) = host.call("PUT", "/v1/tenants/acme/connections/rows", json!({ "connection": connection }));
    assert_eq!(status, 201, "{answer:#}");
    let run = host.run_to_its_end("acme", "rows");
    assert_eq!(run["status"], "done", "{run:#}");
    assert!(run["progress"]["cpu_seconds"].as_f64() > Some(0.0), "{run:#}");
    assert!(run["progress"]["memory_bytes"].as_u64() >= Some(65_536), "{run:#}");

    let of_the_run = |spans: Vec<Value>| spans.into_iter().find(|span| span["name"] == "run");
    let root = host.wait_for("the trace", || of_the_run(collector.spans()));
    let expected = [
        ("tidegate.tenant", json!("acme")),
        ("tidegate.connection", json!("rows")),
        ("tidegate.plugin.digest", run["plugin_digest"].clone()),
        ("tidegate.status", json!("done")),
    ];
    for (name, value) in expected {
        assert_eq!(attribute(&root, name), value, "{root:#}");
    }
    assert_eq!(root["parentSpanId"], "");
    let spans = collector.spans();
    let ids: HashSet<_> = spans.iter().map(|span| span["spanId"].as_str().expect("an identifier")).collect();
    assert_eq!(ids.len(), spans.len());
    let named = |name: &str| spans.iter().filter(|span| span["name"] == name).cloned().collect::<Vec<_>>();
    let fetches = named("fetch");
    assert_eq!(fetches.len() as u64, run["progress"]["requests"].as_u64().expect("a number"));
    for child in fetches.iter().chain(&named("stage")).chain(&named("commit")) {
        assert_eq!((&child["traceId"], &child["parentSpanId"]), (&root["traceId"], &root["spanId"]), "{child:#}");
    }
    assert!(!named("stage").is_empty() && !named("commit").is_empty());
    let facts = [
        ("http.request.method", "GET"),
        ("server.address", "127.0.0.1"),
        ("url.path", "/rows"),
        ("http.response.status_code", "200"),
        ("http.request.resend_count", "0"),
    ];
    for (name, value) in facts {
        assert_eq!(attribute(&fetches[0], name), value, "{:#}", fetches[0]);
    }
    for (path, team, body) in collector.heard() {
        assert_eq!((&*path, &*team), ("/v1/traces", "night"));
        assert!(body.contains(r#""stringValue":"shop""#) && !body.contains(SECRET), "{body}");
    }
}
