//! What is counted, as Prometheus asks for it.

use super::*;

/// A run of a connection, due 2 seconds before it began, that went on for 3 seconds and ended so.
async fn count(lab: &Lab, party: &Party, status: &str) {
    let mut claim = begun(&lab.server, party.tenant, party.connection).await;
    claim.run.scheduled_for = Some(claim.run.started_at - 2_000);
    let at = claim.run.started_at + 3_000;
    lab.server.count_end(&claim, &End { status: status.to_owned(), ..failed(at) });
    end(&lab.server, &claim).await;
}

#[tokio::test]
async fn ended_runs_are_counted() {
    let lab = Lab::new().await;
    for (party, status) in [(&lab.own, "failed"), (&lab.own, "done"), (&lab.own, "failed"), (&lab.other, "done")] {
        count(&lab, party, status).await;
    }
    let begun = begun(&lab.server, lab.other.tenant, lab.other.connection).await;
    lab.server.live.begin(&begun, begun.run.started_at);
    lab.server.live.show(&begun.run.id, Arc::default(), "keyset@1.0.0".to_owned());
    let said = lab.check(Ask::new("GET", "/metrics").by(&lab.operator), 200, "").await;
    assert!(said.header("content-type").starts_with("application/openmetrics-text; version=1.0.0"));
    let text = said.text();
    let lines = [
        "# TYPE tidegate_runs counter",
        r#"tidegate_runs_total{tenant="own",plugin="keyset@1.0.0",status="failed"} 2"#,
        r#"tidegate_runs_total{tenant="own",plugin="keyset@1.0.0",status="done"} 1"#,
        r#"tidegate_runs_total{tenant="other",plugin="keyset@1.0.0",status="done"} 1"#,
        "# TYPE tidegate_rows counter",
        r#"tidegate_rows_total{tenant="own",plugin="keyset@1.0.0",change="inserted"} 21"#,
        r#"tidegate_rows_total{tenant="own",plugin="keyset@1.0.0",change="deleted"} 0"#,
        r#"tidegate_requests_total{tenant="own",plugin="keyset@1.0.0"} 9"#,
        r#"tidegate_retries_total{tenant="own",plugin="keyset@1.0.0"} 0"#,
        r#"tidegate_received_bytes_total{tenant="own",plugin="keyset@1.0.0"} 0"#,
        r#"tidegate_cpu_seconds_total{tenant="own",plugin="keyset@1.0.0"} 4.5"#,
        r#"tidegate_run_memory_bytes_bucket{le="1048576.0",plugin="keyset@1.0.0"} 0"#,
        r#"tidegate_run_memory_bytes_bucket{le="4194304.0",plugin="keyset@1.0.0"} 4"#,
        r#"tidegate_memory_bytes{tenant="other",plugin="keyset@1.0.0"} 0"#,
        "# TYPE tidegate_queue_wait_seconds histogram",
        r#"tidegate_queue_wait_seconds_bucket{le="1.0",tenant="own"} 0"#,
        r#"tidegate_queue_wait_seconds_bucket{le="5.0",tenant="own"} 3"#,
        r#"tidegate_queue_wait_seconds_sum{tenant="own"} 6.0"#,
        "# TYPE tidegate_run_time_seconds histogram",
        r#"tidegate_run_time_seconds_count{plugin="keyset@1.0.0"} 4"#,
        r#"tidegate_run_time_seconds_sum{plugin="keyset@1.0.0"} 12.0"#,
        "# TYPE tidegate_connections gauge",
        r#"tidegate_connections{tenant="own",state="failing"} 1"#,
        r#"tidegate_connections{tenant="other",state="failing"} 1"#,
        "# TYPE tidegate_running_runs gauge",
        r#"tidegate_running_runs{tenant="other"} 1"#,
        "# TYPE tidegate_rollouts gauge",
        r#"tidegate_rollouts{plugin="keyset",stage="awaiting_approval"} 1"#,
        "tidegate_store_errors_total 0",
    ];
    for line in lines {
        assert!(text.lines().any(|found| found == line), "no line `{line}` in:\n{text}");
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[tokio::test]
async fn only_operators_see_them() {
    let lab = Lab::new().await;
    lab.check(Ask::new("GET", "/metrics"), 401, "request.unauthenticated").await;
    lab.check(Ask::new("GET", "/metrics").by(&lab.own.administrator), 404, "request.absent").await;
}
