//! Changes: of one thing by several callers, and of requests that are sent again.

use serde_json::{Value, json};

use super::{Ask, Holder, Lab};

const CONNECTION: &str = "/v1/tenants/own/connections/orders";

#[tokio::test]
async fn nobody_overwrites_what_they_have_not_seen() {
    let lab = Lab::new().await;
    let administrator = &lab.own.administrator;
    let first = lab.check(Ask::new("GET", CONNECTION).by(administrator), 200, "").await.header("etag").to_owned();
    let put = |headers: &[(&'static str, &str)]| {
        let body = json!({"connection": {"strategy": "keyset"}, "schedule": {"cron": "30 6 * * 1-5"}});
        let ask = Ask::new("PUT", CONNECTION).json(&body).by(administrator);
        headers.iter().fold(ask, |ask, (name, value)| ask.header(name, *value))
    };
    lab.check(put(&[]), 428, "request.precondition").await;
    lab.check(put(&[("if-none-match", "*")]), 412, "request.changed").await;
    lab.check(put(&[("if-match", "*"), ("if-none-match", "*")]), 412, "request.changed").await;
    let changed = lab.check(put(&[("if-match", &first)]), 200, "").await;
    assert_ne!(changed.header("etag"), first);
    assert!(changed.json()["health"]["due_at"].is_string());

    let stale = ["\"0\"", &*first, "\"18446744073709551615\"", "\"00\"", "\"abc\"", "W/\"1\"", "1", "\""];
    for tag in stale {
        lab.check(put(&[("if-match", tag)]), 412, "request.changed").await;
        let delete = Ask::new("DELETE", CONNECTION).by(administrator).header("if-match", tag);
        lab.check(delete, 412, "request.changed").await;
    }
    let wrong: [&[(&'static str, &str)]; 2] = [&[("if-none-match", "\"1\"")], &[("if-match", "*"), ("if-match", "*")]];
    for headers in wrong {
        lab.check(put(headers), 400, "request.malformed").await;
    }
    lab.check(put(&[("if-match", "*")]), 200, "").await;
    let nowhere =
        Ask::new("PUT", "/v1/tenants/own/connections/new").json(&json!({"connection": {"strategy": "keyset"}}));
    lab.check(nowhere.clone().by(administrator).header("if-match", "*"), 412, "request.changed").await;
    let made = lab.check(nowhere.by(administrator), 201, "").await;
    assert_eq!(made.header("location"), "/v1/tenants/own/connections/new");
    lab.check(Ask::new("DELETE", CONNECTION).by(administrator), 204, "").await;
    lab.check(Ask::new("DELETE", CONNECTION).by(administrator), 404, "request.absent").await;
}

#[tokio::test]
async fn a_paused_connection_is_due_no_more_until_it_is_resumed() {
    let lab = Lab::new().await;
    let administrator = &lab.own.administrator;
    let scheduled = json!({"connection": {"strategy": "keyset"}, "schedule": {"every": "1h", "jitter": "5m"}});
    lab.check(Ask::new("PUT", CONNECTION).json(&scheduled).by(administrator).header("if-match", "*"), 200, "").await;
    for (action, is_paused) in [("pause", true), ("pause", true), ("resume", false), ("resume", false)] {
        let said = lab.check(Ask::new("POST", format!("{CONNECTION}/{action}")).by(administrator), 200, "").await;
        let shown = said.json();
        assert_eq!((&shown["paused"], shown["health"]["due_at"].is_null()), (&json!(is_paused), is_paused));
        assert_eq!(said.header("etag"), format!("\"{}\"", shown["revision"]));
        assert_eq!(shown["schedule"], json!({"every": "1h", "jitter": "5m"}));
    }
}

#[tokio::test]
async fn quotas_bound_what_a_tenant_makes() {
    let lab = Lab::new().await;
    let quotas = Ask::new("PATCH", "/v1/tenants/own").json(&json!({"quotas": {"connections": 1}}));
    let changed = lab.check(quotas.by(&lab.operator).header("if-match", "*"), 200, "").await.json();
    assert_eq!(changed["quotas"]["connections"], 1);
    let one_more =
        Ask::new("PUT", "/v1/tenants/own/connections/more").json(&json!({"connection": {"strategy": "keyset"}}));
    let refused = lab.check(one_more.by(&lab.own.administrator), 403, "quota.exceeded").await.json();
    assert_eq!(refused["detail"], "the tenant may have 1 connections, and has 1");
}

#[tokio::test]
async fn quotas_change_only_as_their_changer_knows_them() {
    let lab = Lab::new().await;
    let tag = lab.check(Ask::new("GET", "/v1/tenants/own").by(&lab.operator), 200, "").await.header("etag").to_owned();
    let change = |most: u32, tag: &str| {
        let ask = Ask::new("PATCH", "/v1/tenants/own").json(&json!({"quotas": {"connections": most}}));
        ask.by(&lab.operator).header("if-match", tag)
    };
    let without = Ask::new("PATCH", "/v1/tenants/own").json(&json!({"quotas": {}})).by(&lab.operator);
    lab.check(without.clone(), 428, "request.precondition").await;
    lab.check(without.header("if-none-match", "*"), 412, "request.changed").await;
    let changed = lab.check(change(5, &tag), 200, "").await;
    assert_eq!(changed.header("etag"), format!("\"{}\"", changed.json()["revision"]));
    lab.check(change(6, &tag), 412, "request.changed").await;
    assert_eq!(lab.check(change(7, changed.header("etag")), 200, "").await.json()["quotas"]["connections"], 7);
    let made = Ask::new("POST", "/v1/tenants").json(&json!({"name": "new"})).by(&lab.operator);
    assert!(lab.check(made, 201, "").await.header("etag").starts_with('"'));
}

#[tokio::test]
async fn a_token_is_shown_once_and_works_until_it_is_revoked() {
    let lab = Lab::new().await;
    let tokens = "/v1/tenants/own/tokens";
    let ask = Ask::new("POST", tokens).json(&json!({"role": "reader", "label": "board"})).by(&lab.own.administrator);
    let made = lab.check(ask.clone().header("idempotency-key", "one"), 201, "").await.json();
    let token = made["token"].as_str().expect("a token").to_owned();
    let again = lab.check(ask.header("idempotency-key", "one"), 409, "request.conflict").await;
    let listed = lab.check(Ask::new("GET", tokens).by(&lab.operator), 200, "").await;
    assert!(!again.text().contains(&token) && !listed.text().contains("tg_"));
    assert_eq!(listed.json()["items"].as_array().map(Vec::len), Some(3));

    let holder = Holder { id: made["id"].as_str().expect("an identifier").to_owned(), token };
    let me = lab.check(Ask::new("GET", "/v1/me").by(&holder), 200, "").await.json();
    assert_eq!((&me["role"], &me["tenant"], &me["label"]), (&json!("reader"), &json!("own"), &json!("board")));
    let revoke = Ask::new("DELETE", format!("{tokens}/{}", holder.id));
    lab.check(revoke.clone().by(&lab.own.administrator), 204, "").await;
    lab.check(revoke.by(&lab.own.administrator), 404, "request.absent").await;
    lab.check(Ask::new("GET", "/v1/me").by(&holder), 401, "request.unauthenticated").await;
    let own = Ask::new("DELETE", format!("/v1/tokens/{}", lab.operator.id));
    lab.check(own.by(&lab.operator), 409, "request.conflict").await;
}

#[tokio::test]
async fn a_request_that_is_sent_again_gets_its_answer_and_acts_once() {
    let lab = Lab::new().await;
    let create = |name: &str, key: &str| {
        Ask::new("POST", "/v1/tenants").json(&json!({"name": name})).by(&lab.operator).header("idempotency-key", key)
    };
    let first = lab.check(create("acme", "one"), 201, "").await;
    assert_eq!(first.header("location"), "/v1/tenants/acme");
    assert_eq!(lab.check(create("acme", "one"), 201, "").await, first);
    lab.check(create("acme", "two"), 409, "request.conflict").await;
    lab.check(create("globex", "one"), 422, "request.reused-key").await;
    lab.check(create("globex", "two"), 201, "").await;
    lab.check(create("initech", ""), 400, "request.malformed").await;
    let elsewhere = Ask::new("POST", format!("{CONNECTION}/pause")).header("idempotency-key", "one");
    lab.check(elsewhere.clone().by(&lab.operator), 422, "request.reused-key").await;
    // Another caller's keys are others.
    lab.check(elsewhere.by(&lab.own.administrator), 200, "").await;
}

#[tokio::test]
async fn an_answer_that_was_given_is_given_again_whatever_happened_since() {
    let lab = Lab::new().await;
    let post = |action: &str, key: &str| {
        let ask = Ask::new("POST", format!("{CONNECTION}/{action}")).by(&lab.own.administrator);
        ask.header("idempotency-key", key)
    };
    let paused = lab.check(post("pause", "one"), 200, "").await;
    lab.check(post("resume", "two"), 200, "").await;
    assert_eq!(lab.check(post("pause", "one"), 200, "").await, paused);
    let shown = lab.check(Ask::new("GET", CONNECTION).by(&lab.own.reader), 200, "").await.json();
    assert_eq!(shown["paused"], Value::Bool(false));
}
