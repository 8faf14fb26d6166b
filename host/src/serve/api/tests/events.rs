//! Runs, while they go on and afterwards.

use std::sync::Arc;
use std::time::Duration;

use super::{Ask, Lab, begun, end};
use crate::serve::clock::Millis;
use crate::sync::Gauge;

#[tokio::test]
async fn a_run_that_ended_tells_its_log_and_its_end_at_once() {
    let lab = Lab::new().await;
    let path = format!("/v1/tenants/own/runs/{}", lab.own.run);
    let said = lab.check(Ask::new("GET", format!("{path}/events")).by(&lab.own.reader), 200, "").await;
    assert_eq!(said.header("content-type"), "text/event-stream");
    let text = said.text();
    let events: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(events, ["log", "end"], "{text}");
    assert!(text.contains("page 3 is odd") && text.contains(r#""status":"failed""#), "{text}");

    let run = lab.check(Ask::new("GET", &path).by(&lab.own.reader), 200, "").await.json();
    assert_eq!(run["status"], "failed");
    assert_eq!(run["progress"]["inserted"], 7);
    assert_eq!(run["error"]["help"], "ask its owner");
    assert_eq!(run["log"][0]["message"], "page 3 is odd");
    lab.check(Ask::new("POST", format!("{path}/cancel")).by(&lab.own.administrator), 409, "request.conflict").await;
}

#[tokio::test]
async fn a_run_that_goes_on_tells_how_far_it_is_and_can_be_cancelled() {
    let lab = Lab::new().await;
    let claim = begun(&lab.server, "own", "orders").await;
    let run = &claim.run;
    let path = format!("/v1/tenants/own/runs/{}", run.id);
    let shown = lab.check(Ask::new("GET", &path).by(&lab.own.reader), 200, "").await.json();
    assert_eq!((&shown["status"], shown["progress"].is_null()), (&"running".into(), true));
    lab.check(Ask::new("POST", format!("{path}/cancel")).by(&lab.own.administrator), 409, "request.conflict").await;

    let live = lab.server.live.begin(&claim, Millis::MAX);
    let gauge = Arc::new(Gauge::default());
    lab.server.live.show(&run.id, Arc::clone(&gauge), "keyset@1.0.0".to_owned());
    gauge.say(0, "info", "page 1");
    let shown = lab.check(Ask::new("GET", &path).by(&lab.own.reader), 200, "").await.json();
    assert_eq!(shown["progress"]["requests"], 0);
    lab.check(Ask::new("POST", format!("{path}/cancel")).by(&lab.own.administrator), 202, "").await;
    assert!(live.cancel.is_cancelled());

    let watching = lab.check(Ask::new("GET", format!("{path}/events")).by(&lab.own.reader), 200, "");
    let ending = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        gauge.say(1, "info", "page 2");
        end(&lab.server, &claim).await;
        lab.server.live.remove(&run.id);
    };
    let (said, ()) = tokio::join!(watching, ending);
    let text = said.text();
    let events: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(events, ["log", "progress", "log", "end"], "{text}");
}
