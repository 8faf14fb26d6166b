//! Definitions of connections: whose they are, and who changes them.

use super::*;
use crate::serve::schedule::Schedule;

#[tokio::test]
async fn connections_of_one_name_are_each_tenants_own() {
    let fixture = Fixture::new(&["a", "b", "c"]).await;
    fixture.put("a", "orders", None).await;
    let schedule: Schedule = serde_json::from_str(r#"{"every":"15m","jitter":"1m"}"#).expect("a schedule");
    let theirs = Definition { schedule: Some(schedule), is_paused: true, ..definition() };
    let put =
        fixture.store.put_connection(&name("b"), &name("orders"), theirs.clone(), Some(NOW), Expected::Nothing).await;
    assert!(put.expect("made").1);
    let fixture = fixture.reopen();
    assert_eq!(fixture.connection("a", "orders").await.definition, definition());
    assert_eq!(fixture.connection("b", "orders").await.definition, theirs);

    let (c, orders) = (name("c"), name("orders"));
    assert_eq!(kind(fixture.store.connection(&c, &orders).await), "absent");
    assert_eq!(kind(fixture.store.request_run(&c, &orders, true).await), "absent");
    assert_eq!(kind(fixture.store.delete_connection(&c, &orders, Expected::Anything).await), "absent");
    assert_eq!(kind(fixture.store.runs(&c, Some(&orders), all()).await), "absent");
    assert_eq!(fixture.store.connections(&c, all()).await.expect("none"), []);

    fixture.store.delete_connection(&name("a"), &orders, Expected::Anything).await.expect("deleted");
    assert_eq!(fixture.connection("b", "orders").await.definition, theirs);

    let nobody = name("nobody");
    assert_eq!(kind(fixture.store.connections(&nobody, all()).await), "absent");
    assert_eq!(kind(fixture.store.runs(&nobody, None, all()).await), "absent");
    let put = fixture.store.put_connection(&nobody, &orders, definition(), None, Expected::Anything).await;
    assert_eq!(kind(put), "absent");
}

#[tokio::test]
async fn a_change_counts_only_where_its_maker_knows_what_it_replaces() {
    let fixture = Fixture::new(&["a"]).await;
    let (a, orders) = (name("a"), name("orders"));
    let put = |expected| fixture.store.put_connection(&a, &orders, definition(), None, expected);
    let revision = async |expected| put(expected).await.map(|(connection, _)| connection.revision);
    for expected in [Expected::Something, Expected::Revision(0), Expected::Revision(1)] {
        assert_eq!(kind(put(expected).await), "absent", "{expected:?}");
    }
    let first = revision(Expected::Nothing).await.expect("made");
    let second = revision(Expected::Something).await.expect("replaced");
    assert!(second > first);
    for expected in [Expected::Nothing, Expected::Revision(first), Expected::Revision(second + 1)] {
        assert_eq!(kind(put(expected).await), "conflict", "{expected:?}");
    }
    let third = revision(Expected::Revision(second)).await.expect("replaced");

    let delete = |expected| fixture.store.delete_connection(&a, &orders, expected);
    assert_eq!(kind(delete(Expected::Revision(second)).await), "conflict");
    assert_eq!(kind(delete(Expected::Revision(third)).await), "done");
    let anew = revision(Expected::Anything).await.expect("made again");
    assert!(anew > third, "a revision came twice");
    assert_eq!(kind(put(Expected::Revision(third)).await), "conflict");
}

#[tokio::test]
async fn a_tenant_has_no_more_connections_than_its_quota_says() {
    let fixture = Fixture::new(&["b"]).await;
    fixture.tenant("a", Quotas { connections: Some(2), ..Quotas::default() }).await;
    let a = name("a");
    let put = async |connection: &str| {
        kind(fixture.store.put_connection(&a, &name(connection), definition(), None, Expected::Anything).await)
    };
    fixture.put("b", "z", None).await;
    assert_eq!([put("x").await, put("y").await, put("z").await, put("y").await], ["done", "done", "quota", "done"]);
    fixture.store.delete_connection(&a, &name("x"), Expected::Anything).await.expect("deleted");
    assert_eq!(put("z").await, "done");
}

#[tokio::test]
async fn connections_are_paged_by_name() {
    let fixture = Fixture::new(&["a", "b"]).await;
    for connection in ["z", "x", "y", "0"] {
        fixture.put("a", connection, None).await;
    }
    fixture.put("b", "w", None).await;
    for (after, limit, expected) in [(None, 2, "0 x"), (Some("x"), 2, "y z"), (Some("z"), 2, "")] {
        let page = Page { after: after.map(str::to_owned), limit };
        let found = fixture.store.connections(&name("a"), page).await.expect("a page");
        let found: Vec<&str> = found.iter().map(|connection| connection.name.as_str()).collect();
        assert_eq!(found.join(" "), expected, "{after:?}");
    }
}

#[tokio::test]
async fn connections_are_counted_by_how_they_do() {
    let fixture = Fixture::new(&["a", "b"]).await;
    for (tenant, connection) in [("a", "bad"), ("a", "good"), ("a", "busy"), ("b", "good")] {
        fixture.put(tenant, connection, Some(NOW)).await;
    }
    for claim in fixture.claim(NOW, 9).await {
        let status = if claim.lease.connection == name("bad") { "failed" } else { "done" };
        if claim.lease.connection != name("busy") {
            fixture.end(&claim, end(NOW, status), due(None)).await.expect("ended");
        }
    }
    fixture.put("b", "new", None).await;
    let paused = Definition { is_paused: true, ..definition() };
    fixture.store.put_connection(&name("b"), &name("off"), paused, None, Expected::Anything).await.expect("put");
    let counted = fixture.store.count_connections().await.expect("counts");
    let counted: Vec<_> =
        counted.iter().map(|(tenant, state, count)| (tenant.as_str(), state.as_str(), *count)).collect();
    let expected = [
        ("a", "failing", 1),
        ("a", "running", 1),
        ("a", "well", 1),
        ("b", "new", 1),
        ("b", "paused", 1),
        ("b", "well", 1),
    ];
    assert_eq!(counted, expected);
}
