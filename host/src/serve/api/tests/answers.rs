//! What the API says to requests that are wrong, and to those that list.

use serde_json::{Value, json};

use super::{Ask, Lab, SECRET, begun, end};

const CONNECTION: &str = "/v1/tenants/own/connections/orders";

#[tokio::test]
async fn whatever_is_wrong_is_told_as_a_problem() {
    let lab = Lab::new().await;
    let cases = [
        ("GET", "/nonesuch", "", 404, "request.absent"),
        ("GET", "/v1/tenants/", "", 404, "request.absent"),
        ("GET", "/v1/tenants//connections", "", 404, "request.absent"),
        ("GET", "/v1/tenants/%FF", "", 404, "request.absent"),
        ("GET", "/v1/tenants/own/runs/latest", "", 404, "request.absent"),
        ("GET", "/v1/tenants/own/connections/Orders", "", 422, "config.invalid"),
        ("PUT", "/v1/tenants", "{}", 405, "request.method"),
        ("TRACE", "/v1/me", "", 405, "request.method"),
        ("POST", "/v1/tenants", "", 400, "request.malformed"),
        ("POST", "/v1/tenants", "{", 400, "request.malformed"),
        ("POST", "/v1/tenants", "{} {}", 422, "request.invalid"),
        ("POST", "/v1/tenants", r#"{"name":"a"} x"#, 400, "request.malformed"),
        ("POST", "/v1/tenants", "\u{feff}{}", 400, "request.malformed"),
        ("POST", "/v1/tenants", "[]", 422, "request.invalid"),
        ("POST", "/v1/tenants", r#"["acme"]"#, 422, "request.invalid"),
        ("PATCH", "/v1/tenants/own", r#"{"quotas":[]}"#, 422, "request.invalid"),
        ("PUT", CONNECTION, r#"{"connection":{},"schedule":["15m"]}"#, 422, "request.invalid"),
        ("POST", "/v1/tenants", r#"{"name":"a","name":"b"}"#, 422, "request.invalid"),
        ("POST", "/v1/tenants", r#"{"name":"Acme"}"#, 422, "request.invalid"),
        ("POST", "/v1/tenants", r#"{"name":"a","quotas":{"connections":-1}}"#, 422, "request.invalid"),
        ("POST", "/v1/tenants", r#"{"name":"a","quotas":{"memory_bytes":9007199254740992}}"#, 422, "request.invalid"),
        ("POST", "/v1/tenants", r#"{"name":"own"}"#, 409, "request.conflict"),
        ("PATCH", "/v1/tenants/own", r#"{"quotas":{"conections":1}}"#, 422, "request.invalid"),
        ("POST", "/v1/tenants/own/tokens", r#"{"role":"operator"}"#, 422, "request.invalid"),
        ("PUT", "/v1/tenants/own/secrets/lower", r#"{"value":"x"}"#, 422, "request.invalid"),
        ("PUT", "/v1/tenants/own/secrets/A", r#"{"value":""}"#, 422, "request.invalid"),
        ("PUT", CONNECTION, r#"{"connection":{"strategy":"keyset","wrong":1}}"#, 422, "config.invalid"),
        ("PUT", CONNECTION, r#"{"connection":{},"schedule":{}}"#, 422, "request.invalid"),
        ("PUT", CONNECTION, r#"{"connection":{},"schedule":{"every":"1s"}}"#, 422, "request.invalid"),
        ("PUT", CONNECTION, r#"{"connection":{},"paused":null}"#, 422, "request.invalid"),
        ("PUT", CONNECTION, r#"{"connection":{}}"#, 422, "config.invalid"),
        ("PUT", CONNECTION, r#"{"connection":{"strategy":"keyset"}}"#, 428, "request.precondition"),
        ("GET", "/v1/tenants?limit=0", "", 400, "request.malformed"),
        ("GET", "/v1/tenants?limit=201", "", 400, "request.malformed"),
        ("GET", "/v1/tenants?limit=ten", "", 400, "request.malformed"),
        ("GET", "/v1/tenants?limit=1&limit=2", "", 400, "request.malformed"),
        ("GET", "/v1/tenants?page=2", "", 400, "request.malformed"),
        ("GET", "/v1/tenants/own/runs?connection=Orders", "", 400, "request.malformed"),
    ];
    for (method, path, body, status, code) in cases {
        let ask =
            if body.is_empty() && method == "GET" { Ask::new(method, path) } else { Ask::new(method, path).raw(body) };
        let said = lab.check(ask.by(&lab.operator), status, code).await;
        assert_eq!(status == 405, !said.header("allow").is_empty(), "{method} {path}");
    }
    let large = Ask::new("POST", "/v1/tenants").raw(vec![b' '; (1 << 20) + 1]).by(&lab.operator);
    lab.check(large, 413, "request.too-large").await;
    for content_type in ["text/plain", "application/jsonp", ""] {
        let ask = Ask { body: b"{}".to_vec(), ..Ask::new("POST", "/v1/tenants").header("content-type", content_type) };
        lab.check(ask.by(&lab.operator), 415, "request.content-type").await;
    }
    lab.check(Ask::new("POST", "/v1/tenants").by(&lab.operator), 400, "request.malformed").await;
}

#[tokio::test]
async fn a_mistake_is_told_with_its_place_and_its_remedy() {
    let lab = Lab::new().await;
    let put = |body: &str| Ask::new("PUT", CONNECTION).raw(body).by(&lab.own.administrator);
    let refused =
        lab.check(put(r#"{"connection":{"strategy":"keyset","wrong":1}}"#), 422, "config.invalid").await.json();
    assert_eq!(refused["detail"], "connection:1:1: unknown key `wrong`");
    assert_eq!(refused["help"], "did you mean `strategy`?");
    let cases = [
        (r#"{"connection":{},"schedule":{"evry":"1h"}}"#, "schedule: unknown field `evry`"),
        (r#"{"connection":7}"#, "connection: invalid type: integer `7`"),
        (r#"{}"#, "missing field `connection`"),
        (r#"{"connection":{},"schedule":{"every":"often"}}"#, "schedule: `every` must be a duration"),
    ];
    for (body, expected) in cases {
        let detail = lab.check(put(body), 422, "request.invalid").await.json()["detail"].to_string();
        assert!(detail.trim_matches('"').starts_with(expected), "{body}: {detail}");
    }
}

/// All of a listing, page by page, and how many pages there are.
async fn pages(lab: &Lab, path: &str) -> (Vec<Value>, usize) {
    let (mut items, mut count, mut next) = (Vec::new(), 0, Some(path.to_owned()));
    while let Some(path) = next {
        let page = lab.check(Ask::new("GET", &path).by(&lab.operator), 200, "").await.json();
        items.extend(page["items"].as_array().expect("items").clone());
        next = page["next"].as_str().map(str::to_owned);
        count += 1;
    }
    (items, count)
}

#[tokio::test]
async fn listings_come_in_pages_without_gaps() {
    let lab = Lab::new().await;
    for number in 0..5 {
        let name = format!("t{number}");
        let tenant = Ask::new("POST", "/v1/tenants").json(&json!({"name": name})).by(&lab.operator);
        lab.check(tenant, 201, "").await;
        let secret = Ask::new("PUT", format!("/v1/tenants/own/secrets/T{number}")).json(&json!({"value": "x"}));
        lab.check(secret.by(&lab.operator), 204, "").await;
        let connection = Ask::new("PUT", format!("/v1/tenants/own/connections/{name}"))
            .json(&json!({"connection": {"strategy": "keyset"}}));
        lab.check(connection.by(&lab.operator), 201, "").await;
        let claim = begun(&lab.server, "own", "orders").await;
        end(&lab.server, &claim).await;
    }
    let cases = [
        ("/v1/tenants", "name", 7),
        ("/v1/tokens", "id", 1),
        ("/v1/tenants/own/tokens", "id", 2),
        ("/v1/tenants/own/secrets", "name", 6),
        ("/v1/tenants/own/connections", "name", 6),
        ("/v1/tenants/own/runs", "id", 6),
        ("/v1/tenants/own/runs?connection=orders", "id", 6),
        ("/v1/tenants/own/runs?connection=t0", "id", 0),
    ];
    for (path, key, expected) in cases {
        let (all, _) = pages(&lab, path).await;
        assert_eq!(all.len(), expected, "{path}");
        for limit in 1..=4 {
            let query = if path.contains('?') { '&' } else { '?' };
            let (paged, count) = pages(&lab, &format!("{path}{query}limit={limit}")).await;
            let keys = |items: &[Value]| items.iter().map(|item| item[key].clone()).collect::<Vec<_>>();
            assert_eq!(keys(&paged), keys(&all), "{path} by {limit}");
            assert_eq!(count, expected.div_ceil(limit).max(1), "{path} by {limit}");
        }
    }
}

#[tokio::test]
async fn secrets_never_come_back() {
    let lab = Lab::new().await;
    let path = "/v1/tenants/own/secrets/API_TOKEN";
    let bodies = [
        json!({"value": SECRET}),
        json!({"value": [SECRET]}),
        json!({"value": SECRET, "other": 1}),
        json!({"value": SECRET.repeat(9_000)}),
    ];
    for body in bodies {
        let said = lab.ask(Ask::new("PUT", path).json(&body).by(&lab.own.administrator)).await;
        assert!(!said.text().contains(SECRET), "{said:?}");
    }
    for path in [path, "/v1/tenants/own/secrets", "/v1/tenants/own/connections/orders", "/v1/tenants/own"] {
        for holder in [&lab.operator, &lab.own.administrator] {
            let said = lab.ask(Ask::new("GET", path).by(holder)).await;
            assert!(!said.text().contains(SECRET), "{said:?}");
        }
    }
    let listed = lab.check(Ask::new("GET", "/v1/tenants/own/secrets").by(&lab.own.reader), 200, "").await.json();
    assert_eq!(listed["items"][0]["name"], "API_TOKEN");
}
