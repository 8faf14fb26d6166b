//! Claims, leases, ends, and what they leave in the history.

use super::*;
use crate::model::LogLine;
use crate::serve::connection::RunError;
use crate::serve::run::Run;
use crate::serve::store::Lease;

fn lost() -> Next {
    Next { due_at: Some(NOW), trigger: Trigger::Retry }
}

#[tokio::test]
async fn a_crowd_of_one_tenant_does_not_starve_another() {
    let fixture = Fixture::new(&["crowd", "single"]).await;
    for number in 0..1_000 {
        fixture.put("crowd", &format!("c{number:03}"), Some(NOW - 1_000 + number)).await;
    }
    fixture.put("single", "only", Some(NOW)).await;
    assert_eq!(fixture.claimed(NOW, 2).await, ["crowd/c000", "single/only"]);
    assert_eq!(fixture.claimed(NOW, 2).await, ["crowd/c001", "crowd/c002"]);
    // Three of the crowd go on, and none of a tenant that comes now.
    fixture.tenant("new", Quotas::default()).await;
    for connection in ["x", "y", "z"] {
        fixture.put("new", connection, Some(NOW)).await;
    }
    assert_eq!(fixture.claimed(NOW, 4).await, ["new/x", "new/y", "new/z", "crowd/c003"]);
}

#[tokio::test]
async fn only_what_is_due_is_claimed_and_only_once() {
    let fixture = Fixture::new(&["a"]).await;
    for (connection, due_at) in [("later", Some(NOW + 1)), ("never", None), ("now", Some(NOW)), ("past", Some(0))] {
        fixture.put("a", connection, due_at).await;
    }
    let paused = Definition { is_paused: true, ..definition() };
    let (a, idle) = (name("a"), name("paused"));
    fixture.store.put_connection(&a, &idle, paused, Some(0), Expected::Nothing).await.expect("put");
    assert_eq!(fixture.store.next_due().await.expect("known"), Some(0));
    assert_eq!(fixture.claimed(NOW, 0).await, Vec::<String>::new());
    assert_eq!(fixture.claimed(NOW, 9).await, ["a/past", "a/now"]);
    assert_eq!(fixture.claimed(NOW, 9).await, Vec::<String>::new());
    assert_eq!(fixture.store.next_due().await.expect("known"), Some(NOW + 1));
    fixture.store.request_run(&a, &idle, false).await.expect("asked");
    assert_eq!(fixture.claimed(NOW, 9).await, ["a/paused"]);
    assert_eq!(fixture.claimed(NOW + 1, 9).await, ["a/later"]);
    assert_eq!(fixture.store.next_due().await.expect("known"), None);
}

#[tokio::test]
async fn a_tenant_runs_no_more_at_once_than_its_quota_says() {
    let fixture = Fixture::new(&[]).await;
    fixture.tenant("a", Quotas { concurrent_runs: Some(2), ..Quotas::default() }).await;
    for connection in ["x", "y", "z"] {
        fixture.put("a", connection, Some(NOW)).await;
    }
    let claims = fixture.claim(NOW, 9).await;
    assert_eq!(claims.len(), 2);
    assert_eq!(fixture.claimed(NOW, 9).await, Vec::<String>::new());
    assert_eq!(fixture.store.next_due().await.expect("known"), None, "it would be asked for again and again");
    fixture.end(&claims[0], end(NOW, "done"), due(None)).await.expect("ended");
    assert_eq!(fixture.claimed(NOW, 9).await, ["a/z"]);
}

#[tokio::test]
async fn a_tenant_that_used_up_its_day_waits_for_the_next() {
    let quotas = [
        Quotas { requests_per_day: Some(3), ..Quotas::default() },
        Quotas { bytes_per_day: Some(500), ..Quotas::default() },
        Quotas { requests_per_day: Some(4), bytes_per_day: Some(501), ..Quotas::default() },
    ];
    let fixture = Fixture::new(&[]).await;
    for (number, quotas) in quotas.into_iter().enumerate() {
        fixture.tenant(&format!("t{number}"), quotas).await;
        fixture.put(&format!("t{number}"), "x", Some(NOW)).await;
    }
    for claim in fixture.claim(NOW, 9).await {
        fixture.end(&claim, end(NOW, "done"), due(Some(NOW + 1))).await.expect("ended");
    }
    assert_eq!(fixture.claimed(NOW + 1, 9).await, ["t2/x"]);
    // Deleting gives nothing back.
    fixture.store.delete_connection(&name("t0"), &name("x"), Expected::Anything).await.expect("deleted");
    fixture.put("t0", "x", Some(NOW + 1)).await;
    assert_eq!(fixture.claimed(NOW + 1, 9).await, Vec::<String>::new());
    assert_eq!(fixture.claimed(NOW + DAY, 9).await, ["t0/x", "t1/x"]);
}

#[tokio::test]
async fn a_used_up_tenant_is_next_due_on_the_next_day() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = crate::serve::Clock::Simulated(crate::sync::Clock::starting_at(NOW));
    let store = SqliteStore::open(folder.path(), None).expect("opened").with_clock(clock);
    let fixture = Fixture { store: Arc::new(store), folder };
    fixture.tenant("a", Quotas { requests_per_day: Some(1), ..Quotas::default() }).await;
    fixture.put("a", "x", Some(NOW)).await;
    let claims = fixture.claim(NOW, 1).await;
    fixture.end(&claims[0], end(NOW, "done"), due(Some(NOW + 1))).await.expect("ended");
    let tomorrow = (NOW.div_euclid(DAY) + 1) * DAY;
    assert_eq!(fixture.store.next_due().await.expect("known"), Some(tomorrow));
}

#[tokio::test]
async fn runs_say_why_they_began_and_which_firing_they_are() {
    let fixture = Fixture::new(&["a"]).await;
    let retry = Next { due_at: Some(NOW + 5), trigger: Trigger::Retry };
    let (a, x) = (name("a"), name("x"));
    fixture.put("a", "x", Some(NOW - 7)).await;
    let begin = async |now, next| {
        let claim = fixture.claim(now, 1).await.pop().expect("a claim");
        fixture.end(&claim, end(now, "done"), next).await.expect("ended");
        (claim.run.trigger, claim.run.scheduled_for, claim.run.is_full_refresh)
    };
    assert_eq!(begin(NOW, retry).await, (Trigger::Schedule, Some(NOW - 7), false));
    assert_eq!(begin(NOW + 5, due(Some(NOW + 9))).await, (Trigger::Retry, None, false));
    fixture.store.request_run(&a, &x, true).await.expect("asked");
    fixture.store.request_run(&a, &x, false).await.expect("asked again");
    assert_eq!(begin(NOW + 6, due(Some(NOW + 9))).await, (Trigger::Manual, None, true));
    fixture.store.request_run(&a, &x, false).await.expect("asked");
    assert_eq!(begin(NOW + 9, due(None)).await, (Trigger::Manual, Some(NOW + 9), false));
    assert_eq!(fixture.claimed(NOW + DAY, 1).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_firing_begins_one_run() {
    let fixture = Fixture::new(&["a"]).await;
    fixture.put("a", "x", Some(NOW)).await;
    let claim = fixture.claim(NOW, 1).await.pop().expect("a claim");
    // Who changed the connection looked at the clock before the firing.
    fixture.put("a", "x", Some(NOW)).await;
    fixture.end(&claim, end(NOW, "done"), due(Some(NOW + 9))).await.expect("ended");
    let again = fixture.claim(NOW, 1).await.pop().expect("a claim");
    assert_eq!((claim.run.scheduled_for, again.run.scheduled_for), (Some(NOW), None));
    let firings = fixture.store.runs(&name("a"), None, all()).await.expect("runs");
    assert_eq!(firings.iter().filter(|run| run.scheduled_for == Some(NOW)).count(), 1);
}

#[tokio::test]
async fn what_is_asked_for_during_a_run_begins_afterwards() {
    let fixture = Fixture::new(&["a"]).await;
    fixture.put("a", "x", Some(NOW)).await;
    let claim = fixture.claim(NOW, 1).await.pop().expect("a claim");
    fixture.store.request_run(&name("a"), &name("x"), true).await.expect("asked");
    assert_eq!(fixture.claimed(NOW, 1).await, Vec::<String>::new());
    fixture.end(&claim, end(NOW, "done"), due(Some(NOW + DAY))).await.expect("ended");
    let claim = fixture.claim(NOW, 1).await.pop().expect("a claim");
    assert_eq!((claim.run.trigger, claim.run.is_full_refresh), (Trigger::Manual, true));
}

#[tokio::test]
async fn a_definition_that_came_during_a_run_keeps_its_own_time() {
    let fixture = Fixture::new(&["a"]).await;
    for (connection, changed, expected) in [("x", Some(NOW + 5), Some(NOW + 5)), ("y", None, None)] {
        fixture.put("a", connection, Some(NOW)).await;
        let claim = fixture.claim(NOW, 1).await.pop().expect("a claim");
        fixture.put("a", connection, changed).await;
        fixture.end(&claim, end(NOW, "failed"), lost()).await.expect("ended");
        assert_eq!(fixture.connection("a", connection).await.health.due_at, expected, "{connection}");
    }
}

#[tokio::test]
async fn who_lost_the_lease_writes_nothing() {
    let fixture = Fixture::new(&["a", "b"]).await;
    fixture.put("a", "x", Some(NOW)).await;
    fixture.put("b", "x", None).await;
    let first = fixture.claim(NOW, 1).await.pop().expect("a claim");
    assert_eq!(fixture.store.recover(NOW + MINUTE).await.expect("recovered"), 0, "it is held till then");
    assert_eq!(fixture.store.renew(vec![first.lease.clone()], NOW + 2 * MINUTE).await.expect("renewed"), []);
    assert_eq!(fixture.store.recover(NOW + 2 * MINUTE).await.expect("recovered"), 0);
    assert_eq!(fixture.store.recover(NOW + 2 * MINUTE + 1).await.expect("recovered"), 1);

    let second = fixture.claim(NOW + 3 * MINUTE, 1).await.pop().expect("a claim");
    assert!(second.lease.token > first.lease.token);
    assert_eq!(second.run.trigger, Trigger::Retry);
    assert!(second.run.id > first.run.id);
    let stale = vec![first.lease.clone(), second.lease.clone()];
    let lost = fixture.store.renew(stale, NOW + 9 * MINUTE).await.expect("renewed");
    assert_eq!(lost, std::slice::from_ref(&first.lease));
    let before = fixture.connection("a", "x").await;
    let forged = Claim { run: first.run.clone(), ..second.clone() };
    let elsewhere = Lease { tenant: name("b"), ..second.lease.clone() };
    for claim in [&first, &forged, &Claim { lease: elsewhere, ..second.clone() }] {
        assert_eq!(kind(fixture.end(claim, end(NOW, "done"), due(None)).await), "absent");
    }
    assert_eq!(fixture.connection("a", "x").await, before);
    let run = fixture.store.run(&name("a"), &first.run.id).await.expect("a run");
    assert_eq!(run.end.expect("an end").status, "lost");
    fixture.end(&second, end(NOW, "done"), due(None)).await.expect("ended");
    assert_eq!(kind(fixture.end(&second, end(NOW, "failed"), due(None)).await), "absent");
    assert_eq!(fixture.connection("a", "x").await.health.last_status.as_deref(), Some("done"));
}

#[tokio::test]
async fn what_ran_when_the_server_went_down_runs_again() {
    let fixture = Fixture::new(&["a"]).await;
    fixture.put("a", "x", None).await;
    fixture.put("a", "y", Some(NOW + DAY)).await;
    fixture.store.request_run(&name("a"), &name("x"), true).await.expect("asked");
    let claim = fixture.claim(NOW, 9).await.pop().expect("a claim");
    fixture.put("a", "x", None).await;
    let fixture = fixture.reopen();
    assert_eq!(fixture.connection("a", "x").await.health.running, Some(claim.run.id.clone()));
    assert_eq!(kind(fixture.store.delete_connection(&name("a"), &name("x"), Expected::Anything).await), "conflict");
    // Nobody else can hold a lease, so none is waited for.
    let later = NOW + 1;
    assert_eq!(fixture.store.recover(later).await.expect("recovered"), 1);
    assert_eq!(fixture.store.recover(later).await.expect("recovered"), 0);
    let health = fixture.connection("a", "x").await.health;
    assert_eq!((health.running, health.due_at, health.failures), (None, Some(later), 0));
    assert_eq!(health.last_status.as_deref(), Some("lost"));
    let again = fixture.claim(later, 9).await.pop().expect("a claim");
    assert_eq!((again.run.trigger, again.run.is_full_refresh), (Trigger::Retry, true));
}

#[tokio::test]
async fn a_full_refresh_is_asked_for_until_it_is_done_or_cancelled() {
    let cases = [
        ("failed", Some(NOW), true),
        ("postponed", Some(NOW), true),
        ("interrupted", Some(NOW), true),
        ("failed", None, false),
        ("cancelled", Some(NOW), false),
        ("done", Some(NOW), false),
    ];
    let fixture = Fixture::new(&["a"]).await;
    for (number, (status, next, expected)) in cases.into_iter().enumerate() {
        let connection = format!("c{number}");
        fixture.put("a", &connection, None).await;
        fixture.store.request_run(&name("a"), &name(&connection), true).await.expect("asked");
        let claim = fixture.claim(NOW, 1).await.pop().expect("a claim");
        fixture.end(&claim, end(NOW, status), Next { due_at: next, ..lost() }).await.expect("ended");
        fixture.store.request_run(&name("a"), &name(&connection), false).await.expect("asked");
        let again = fixture.claim(NOW, 1).await.pop().expect("a claim");
        assert_eq!(again.run.is_full_refresh, expected, "{status} {next:?}");
    }
}

#[tokio::test]
async fn health_is_what_the_last_runs_were() {
    let fixture = Fixture::new(&["a"]).await;
    let error = RunError {
        origin: "source".to_owned(),
        code: "source.status".to_owned(),
        message: "it is down".to_owned(),
        help: None,
    };
    let failed = Some(error.message.clone());
    // How a run ends; then the failures in a row, since when, when all was read last, and why the last failed.
    let cases = [
        ("failed", 1, Some(1), None, failed.clone()),
        ("postponed", 1, Some(1), None, failed.clone()),
        ("failed", 2, Some(1), None, failed.clone()),
        ("done", 0, None, Some(4), None),
        ("interrupted", 0, None, Some(4), None),
        ("failed", 1, Some(6), Some(4), failed.clone()),
        ("cancelled", 1, Some(6), Some(4), failed),
    ];
    fixture.put("a", "x", Some(NOW)).await;
    for (at, (status, failures, since, done, why)) in (1..).zip(cases) {
        let claim = fixture.claim(NOW + at, 1).await.pop().expect("a claim");
        let end = End { error: (status == "failed").then(|| error.clone()), ..end(NOW + at, status) };
        fixture.end(&claim, end, due(Some(NOW + at + 1))).await.expect("ended");
        let health = fixture.connection("a", "x").await.health;
        let found = (health.failures, health.failing_since, health.last_done_at);
        assert_eq!(found, (failures, since.map(|since| NOW + since), done.map(|done| NOW + done)), "{at} {status}");
        assert_eq!(health.last_error.map(|error| error.message), why, "{at} {status}");
        assert_eq!((health.last_status.as_deref(), health.last_ended_at), (Some(status), Some(NOW + at)));
    }
}

#[tokio::test]
async fn the_history_is_each_tenants_own_the_latest_first() {
    let fixture = Fixture::new(&["a", "b"]).await;
    let line = LogLine { at: NOW, level: "warn".to_owned(), message: "slow".to_owned() };
    let mut runs: Vec<Run> = Vec::new();
    for (at, (tenant, connection)) in (0..).zip([("a", "x"), ("a", "y"), ("b", "x"), ("a", "x")]) {
        fixture.put(tenant, connection, Some(NOW + at)).await;
        let claim = fixture.claim(NOW + at, 1).await.pop().expect("a claim");
        let end = End { log: vec![line.clone()], retry_at: Some(NOW + DAY), ..end(NOW + at, "postponed") };
        fixture.end(&claim, end.clone(), due(None)).await.expect("ended");
        runs.push(Run { end: Some(end), ..claim.run });
    }
    let (a, b, x) = (name("a"), name("b"), name("x"));
    assert_eq!(fixture.store.run(&a, &runs[0].id).await.expect("a run"), runs[0]);
    assert_eq!(kind(fixture.store.run(&b, &runs[0].id).await), "absent");

    let ids = |numbers: &[usize]| numbers.iter().map(|number| runs[*number].id.clone()).collect::<Vec<_>>();
    let cases = [
        (&a, None, None, 9, ids(&[3, 1, 0])),
        (&a, None, Some(3), 1, ids(&[1])),
        (&a, Some(&x), None, 9, ids(&[3, 0])),
        (&a, Some(&x), Some(3), 9, ids(&[0])),
        (&b, None, None, 9, ids(&[2])),
        (&b, Some(&x), Some(2), 9, ids(&[])),
    ];
    for (tenant, connection, after, limit, expected) in cases {
        let page = Page { after: after.map(|number: usize| runs[number].id.clone()), limit };
        let found = fixture.store.runs(tenant, connection, page).await.expect("runs");
        assert!(found.iter().all(|run| run.end.as_ref().is_some_and(|end| end.log.is_empty())));
        let found: Vec<String> = found.into_iter().map(|run| run.id).collect();
        assert_eq!(found, expected, "{tenant} {connection:?} {after:?}");
    }
}

#[tokio::test]
async fn old_runs_are_forgotten_but_for_the_last_of_each_connection() {
    let fixture = Fixture::new(&["a", "b"]).await;
    // Of `a/busy` a run ends each day, of `b/idle` two did long ago.
    for (tenant, connection, days) in [("a", "busy", 0..10), ("b", "idle", 0..2)] {
        for day in days {
            let at = NOW + day * DAY;
            fixture.put(tenant, connection, Some(at)).await;
            let claim = fixture.claim(at, 1).await.pop().expect("a claim");
            fixture.end(&claim, end(at, "done"), due(None)).await.expect("ended");
        }
    }
    // One that goes on is not looked at.
    fixture.put("b", "idle", Some(NOW + 10 * DAY)).await;
    fixture.claim(NOW + 10 * DAY, 1).await;
    let left = async |tenant: &str| fixture.store.runs(&name(tenant), None, all()).await.expect("runs").len();
    let of_busy = |runs, first| Trimmed { tenant: name("a"), connection: name("busy"), runs, since: NOW + first * DAY };
    let cases = [
        (NOW, 3, vec![], (10, 3)),
        (NOW + 4 * DAY, 3, vec![of_busy(4, 4)], (6, 3)),
        (NOW + 4 * DAY, 3, vec![], (6, 3)),
        (NOW + 100 * DAY, 3, vec![of_busy(3, 7)], (3, 3)),
        (NOW + 100 * DAY, 1, vec![of_busy(2, 9)], (1, 1)),
    ];
    for (before, keep, expected, (of_a, of_b)) in cases {
        let mut trimmed = fixture.store.forget_runs(before, keep).await.expect("forgotten");
        trimmed.retain(|trimmed| trimmed.tenant == name("a"));
        assert_eq!(trimmed, expected, "{before} {keep}");
        assert_eq!((left("a").await, left("b").await), (of_a, of_b), "{before} {keep}");
    }
}

#[tokio::test]
async fn a_long_history_is_forgotten_in_portions() {
    let fixture = Fixture::new(&["a"]).await;
    for run in 0..2_500 {
        fixture.put("a", "x", Some(NOW + run / 2)).await;
        let claim = fixture.claim(NOW + run, 1).await.pop().expect("a claim");
        fixture.end(&claim, end(NOW + run / 2, "done"), due(None)).await.expect("ended");
    }
    let trimmed = fixture.store.forget_runs(NOW + DAY, 10).await.expect("forgotten");
    assert_eq!(trimmed.iter().map(|trimmed| trimmed.runs).sum::<u64>(), 2_490);
    let left = fixture.store.runs(&name("a"), None, all()).await.expect("runs");
    assert!(left.len() == 10 && left.iter().all(|run| run.started_at >= NOW + 2_490), "{left:#?}");
}
