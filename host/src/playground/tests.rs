//! Each test serves a playground on loopback and speaks plain HTTP to it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;
use url::form_urlencoded::byte_serialize;

use super::*;

struct Served {
    playground: Playground,
    address: SocketAddr,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn rows(&self) -> Vec<Value> {
        self.json()["data"].as_array().expect("rows").clone()
    }
}

impl Served {
    async fn new(options: Options) -> Served {
        let playground = Playground::at(options, base());
        let listener = bind(0).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let served = playground.clone();
        tokio::spawn(async move { served.serve(listener, std::future::pending()).await });
        Served { playground, address }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", "").await
    }

    /// `headers` are whole lines.
    async fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        let address = self.address;
        let answer = move || {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(request.as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            std::io::Result::Ok(answer)
        };
        let answer = tokio::task::spawn_blocking(answer).await.expect("a thread").expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }
}

fn base() -> DateTime<Utc> {
    "2024-06-01T12:00:00Z".parse().expect("an instant")
}

fn by_update(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_key(|row| (row["updatedAt"].to_string(), row["id"].to_string()));
    rows
}

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

#[test]
fn equal_seeds_give_equal_records_none_of_them_in_the_future() {
    let records = |seed, records| Playground::at(Options { seed, records, ..Options::default() }, base()).records();
    assert_eq!(records(7, 50), records(7, 50));
    assert_ne!(records(7, 50), records(8, 50));
    for count in [1, 200, 20_000] {
        let records = records(0, count);
        assert_eq!(records.len(), count);
        let instants = |field: &str| -> Vec<DateTime<Utc>> {
            records.iter().map(|row| row[field].as_str().expect("text").parse().expect("an instant")).collect()
        };
        let (created, updated) = (instants("createdAt"), instants("updatedAt"));
        assert!(created.is_sorted(), "{count} records are created in order");
        assert!(created.iter().zip(&updated).all(|(created, updated)| created <= updated));
        assert!(updated.iter().all(|updated| *updated < base()), "{count} records lie in the past");
    }
}

#[test]
fn a_record_has_the_fields_and_the_size_of_the_original() {
    let records = Playground::at(Options::default(), base()).records();
    let fields: Vec<_> = records[0].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, ["id", "name", "email", "address", "company", "job", "createdAt", "updatedAt"]);
    assert!(records.iter().all(|row| row["address"].as_str().is_some_and(|address| address.contains('\n'))));
    let bytes: usize = records.iter().map(|row| row.to_string().len()).sum();
    let mean = bytes / records.len();
    assert!((270..310).contains(&mean), "{mean} bytes a record");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_checked_as_by_the_original() {
    let served = Served::new(Options::default()).await;
    let since = "Invalid date format for 'updated_since'. Use 'YYYY-MM-DDTHH:MM:SSZ'";
    let zone = "Invalid date format for 'updated_since'. Must end with 'Z' for UTC";
    let order_by = "Invalid value for 'order_by'. Use 'createdAt' or 'updatedAt'";
    let order_type = "Invalid value for 'order_type'. Use 'asc' or 'desc'";
    let cases = [
        ("/pagination/keyset?per_page=5", "Unexpected query parameters: per_page"),
        (
            "/pagination/keyset?updated_since=2024-01-01T00:00:00Z&scroll_param=x",
            "You can only use 'updated_since' in first request, subsequent requests should use only 'scroll_param'",
        ),
        ("/pagination/keyset?scroll_param=x", "Invalid scroll_param value"),
        ("/pagination/keyset?updated_since=2024-01-01", zone),
        ("/pagination/offset?limit=0", "Invalid value for 'limit'. It should be between 1 and 50."),
        ("/pagination/offset?limit=51&order_by=x", "Invalid value for 'limit'. It should be between 1 and 50."),
        ("/pagination/offset?offset=-1", "Invalid value for 'offset'. It must be greater than or equal to 0."),
        ("/pagination/offset?order_by=name", order_by),
        ("/pagination/offset?order_type=", order_type),
        ("/pagination/offset?updated_since=2024-13-01T00:00:00Z", since),
        ("/pagination/offset?updated_since=2024-01-01T00:00:60Z", since),
        ("/pagination/offset?updated_since=2024-01-01T00:00:00.5Z", since),
        ("/pagination/offset?updated_since=0000-01-01T00:00:00Z", since),
        ("/pagination/page_number?page=0", "Invalid value for 'page'. It must be greater than or equal to 1."),
        ("/pagination/page_number?per_page=99", "Invalid value for 'per_page'. It should be between 1 and 50."),
        ("/pagination/next_page_url?per_page=0", "Invalid value for 'per_page'. It should be between 1 and 50."),
        ("/incremental/timestamp?since=2024-01-01T00:00:00z", zone),
        ("/incremental/timestamp?updated_since=x", "Unexpected query parameters: updated_since"),
        ("/incremental/step?start_id=1", "Both 'start_id' and 'end_id' parameters are required"),
        ("/incremental/step?start_id=a&end_id=2", "Both 'start_id' and 'end_id' parameters are required"),
        (
            "/incremental/step?start_id=0&end_id=-1",
            "Invalid value for 'start_id'. It must be greater than or equal to 1.",
        ),
        (
            "/incremental/step?start_id=5&end_id=4",
            "Invalid value for 'end_id'. It must be greater than or equal to 'start_id'.",
        ),
    ];
    for (path, error) in cases {
        let answer = served.get(path).await;
        assert_eq!((answer.status, answer.json()), (400, json!({ "error": error })), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_answer_with_the_rows_asked_for() {
    let served = Served::new(Options::default()).await;
    let all = by_update(served.playground.records());
    let cut = all[150]["updatedAt"].as_str().expect("text");
    let since = encoded(cut);
    let rest = all.iter().filter(|row| row["updatedAt"].as_str() >= Some(cut)).count();
    assert!(rest >= 50);
    // The path, how many rows, the first of them as a place among all, and what stands beside the rows.
    let next = "http://localhost/pagination/next_page_url?page=2&per_page=10&order_by=updatedAt&order_type=asc";
    let cases = [
        ("/pagination/offset", 10, 0, json!({ "offset": 0, "limit": 10, "total": 200 })),
        ("/pagination/offset?limit=%2050_&offset=", 10, 0, json!({ "offset": 0, "limit": 10, "total": 200 })),
        ("/pagination/offset?limit=+5_0&offset=190", 10, 190, json!({ "offset": 190, "limit": 50, "total": 200 })),
        ("/pagination/offset?order_type=desc&limit=3", 3, 199, json!({ "offset": 0, "limit": 3, "total": 200 })),
        (
            "/pagination/page_number?page=20",
            10,
            190,
            json!({ "page": 20, "page_size": 10, "total_pages": 20, "total_items": 200 }),
        ),
        (
            "/pagination/next_page_url",
            10,
            0,
            json!({ "total_items": 200, "page": 1, "per_page": 10, "next_page_url": next }),
        ),
        ("/incremental/timestamp", 200, 0, json!({})),
        (&format!("/incremental/timestamp?since={since}"), rest, 200 - rest, json!({})),
        (
            &format!("/pagination/offset?updated_since={since}&limit=1"),
            1,
            200 - rest,
            json!({ "offset": 0, "limit": 1, "total": rest }),
        ),
    ];
    for (path, count, first, mut beside) in cases {
        let answer = served.get(path).await;
        let rows = answer.rows();
        assert_eq!((answer.status, rows.len(), &rows[0]), (200, count, &all[first]), "{path}");
        beside["data"] = rows.into();
        assert_eq!(answer.json(), beside, "{path}");
    }
    assert_eq!(served.get("/pagination/offset?offset=200").await.rows(), Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_ordered_by_creation_where_asked() {
    let served = Served::new(Options::default()).await;
    served.playground.touch(20, 0, base());
    let all = served.playground.records();
    let since = encoded("2024-06-01T12:00:00Z");
    let touched: Vec<_> = all.iter().filter(|row| row["updatedAt"] == "2024-06-01T12:00:00Z").cloned().collect();
    assert_eq!(touched.len(), 20);
    let rows = served.get("/pagination/offset?order_by=createdAt&limit=50").await.rows();
    assert_eq!(rows, all[..50]);
    let rows =
        served.get(&format!("/pagination/offset?order_by=createdAt&limit=50&updated_since={since}")).await.rows();
    assert_eq!(rows, touched);
}

#[tokio::test(flavor = "multi_thread")]
async fn scrolling_serves_every_record_once_also_where_many_share_an_instant() {
    let served = Served::new(Options { page_cap: Some(7), ..Options::default() }).await;
    served.playground.touch(40, 10, base());
    let (mut rows, mut path) = (Vec::new(), "/pagination/keyset".to_owned());
    for _ in 0..30 {
        let answer = served.get(&path).await;
        rows.extend(answer.rows());
        let Some(token) = answer.json()["scroll_param"].as_str().map(encoded) else { break };
        path = format!("/pagination/keyset?scroll_param={token}");
    }
    assert_eq!(rows, by_update(served.playground.records()));
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_number_the_records_in_the_order_of_creation() {
    let served = Served::new(Options::default()).await;
    served.playground.touch(200, 5, base());
    let all = served.playground.records();
    let rows = served.get("/incremental/step?start_id=199&end_id=1000").await.rows();
    let numbered = (199..).zip(&all[198..]).map(|(number, row)| {
        let mut row = row.clone();
        row["id"] = number.to_string().into();
        row
    });
    assert_eq!(rows, numbered.collect::<Vec<_>>());
    assert_eq!(served.get("/incremental/step?start_id=206&end_id=99999999999999999999").await.rows(), all[205..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_cap_that_was_asked_for_caps_every_endpoint() {
    let served = Served::new(Options { page_cap: Some(5), ..Options::default() }).await;
    let paths = [
        "/pagination/keyset",
        "/pagination/offset",
        "/pagination/page_number",
        "/pagination/next_page_url",
        "/incremental/timestamp",
        "/incremental/step?start_id=1&end_id=100",
    ];
    for path in paths {
        assert_eq!(served.get(path).await.rows().len(), 5, "{path}");
    }
    let error = json!({ "error": "Invalid value for 'limit'. It should be between 1 and 5." });
    assert_eq!(served.get("/pagination/offset?limit=6").await.json(), error);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_open_their_endpoint_only() {
    let served = Served::new(Options::default()).await;
    let basic = |username: &str, password: &str| format!("Basic {}", BASE64.encode(format!("{username}:{password}")));
    let ended = BASE64.encode(format!("{SESSION_USERNAME}:{SESSION_PASSWORD}:1000"));
    let cases = [
        ("/auth/http_basic", basic(BASIC_USERNAME, BASIC_PASSWORD), 200),
        ("/auth/http_basic", basic(BASIC_USERNAME, "wrong"), 401),
        ("/auth/http_basic", String::new(), 401),
        ("/auth/http_bearer", format!("Bearer {BEARER_TOKEN}"), 200),
        ("/auth/http_bearer", format!("bearer {BEARER_TOKEN}"), 401),
        ("/auth/api_key", format!("apiKey {API_KEY}"), 200),
        ("/auth/api_key", API_KEY.to_owned(), 401),
        ("/auth/session_token/data", String::new(), 400),
        ("/auth/session_token/data", "Token nonsense".to_owned(), 400),
        ("/auth/session_token/data", format!("Token {ended}"), 401),
        ("/auth/oauth2/data", String::new(), 401),
        ("/auth/oauth2/data", "Bearer nonsense".to_owned(), 401),
    ];
    for (path, credentials, status) in cases {
        let answer = served.send("GET", path, &format!("Authorization: {credentials}\r\n"), "").await;
        assert_eq!(answer.status, status, "{path} with {credentials:?}");
        if status == 200 {
            assert_eq!(answer.rows(), served.playground.records()[..20], "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_gives_a_token_that_opens_the_session() {
    let served = Served::new(Options::default()).await;
    let content_type = "Content-Type: application/json\r\n";
    let login =
        async |body: Value| served.send("POST", "/auth/session_token/login", content_type, &body.to_string()).await;
    let answer = login(json!({ "username": SESSION_USERNAME, "password": SESSION_PASSWORD })).await;
    assert_eq!((answer.status, &answer.json()["expires_in"]), (200, &json!(3600)));
    let token = answer.json()["token"].as_str().expect("a token").to_owned();
    for shown in [format!("Token {token}"), token] {
        let header = format!("Authorization: {shown}\r\n");
        assert_eq!(served.send("GET", "/auth/session_token/data", &header, "").await.status, 200);
    }
    assert_eq!(login(json!({ "username": SESSION_USERNAME, "password": "wrong" })).await.status, 401);
    assert_eq!(login(json!({ "username": SESSION_USERNAME })).await.status, 400);
    assert_eq!(served.send("POST", "/auth/session_token/login", content_type, "no JSON").await.status, 400);
    assert_eq!(served.send("POST", "/auth/session_token/login", "", "{}").await.status, 415);
}

#[tokio::test(flavor = "multi_thread")]
async fn oauth_gives_access_tokens_and_rotates_refresh_tokens() {
    let served = Served::new(Options { token_lifetime: Duration::from_secs(60), ..Options::default() }).await;
    let token = async |form: &str| {
        let client = format!("client_id={OAUTH_CLIENT_ID}&client_secret={OAUTH_CLIENT_SECRET}");
        served.send("POST", "/auth/oauth2/token", "", &format!("{client}&{form}")).await
    };
    let opens = async |answer: &Answer| {
        let access = answer.json()["access_token"].as_str().expect("a token").to_owned();
        served.send("GET", "/auth/oauth2/data", &format!("Authorization: Bearer {access}\r\n"), "").await.status == 200
    };
    let granted = token("grant_type=client_credentials").await;
    assert_eq!((granted.status, &granted.json()["expires_in"]), (200, &json!(60)));
    assert!(opens(&granted).await);

    let first = token(&format!("grant_type=refresh_token&refresh_token={OAUTH_REFRESH_TOKEN}")).await;
    assert!(opens(&first).await);
    let rotated = first.json()["refresh_token"].as_str().expect("a refresh token").to_owned();
    assert_eq!(token(&format!("grant_type=refresh_token&refresh_token={rotated}")).await.status, 200);

    let basic = BASE64.encode(format!("{OAUTH_CLIENT_ID}:{OAUTH_CLIENT_SECRET}"));
    let header = format!("Authorization: Basic {basic}\r\n");
    let answer = served.send("POST", "/auth/oauth2/token", &header, "grant_type=client_credentials").await;
    assert_eq!(answer.status, 200);

    let refused = [
        (format!("grant_type=refresh_token&refresh_token={rotated}"), "invalid_grant"),
        ("grant_type=refresh_token".to_owned(), "invalid_request"),
        (String::new(), "invalid_request"),
        ("grant_type=password".to_owned(), "unsupported_grant_type"),
    ];
    for (form, error) in refused {
        let answer = token(&form).await;
        assert_eq!((answer.status, answer.json()), (400, json!({ "error": error })), "{form}");
    }
    let answer = served.send("POST", "/auth/oauth2/token", "", "grant_type=client_credentials").await;
    assert_eq!((answer.status, answer.json()), (401, json!({ "error": "invalid_client" })));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_end() {
    let served = Served::new(Options { token_lifetime: Duration::ZERO, ..Options::default() }).await;
    let form = format!("grant_type=client_credentials&client_id={OAUTH_CLIENT_ID}&client_secret={OAUTH_CLIENT_SECRET}");
    let access = served.send("POST", "/auth/oauth2/token", "", &form).await.json()["access_token"].clone();
    let header = format!("Authorization: Bearer {}\r\n", access.as_str().expect("a token"));
    assert_eq!(served.send("GET", "/auth/oauth2/data", &header, "").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_the_limit_are_told_when_to_come_back() {
    let rate_limit = Some(RateLimit { per_second: 1, capacity: 2 });
    let served = Served::new(Options { rate_limit, ..Options::default() }).await;
    let answer = served.get("/pagination/offset").await;
    assert_eq!(answer.status, 200);
    for header in ["x-ratelimit-limit: 2", "x-ratelimit-remaining: 1", "x-ratelimit-reset: 1"] {
        assert!(answer.head.contains(header), "{}", answer.head);
    }
    served.get("/pagination/offset").await;
    let answer = served.get("/pagination/offset").await;
    assert_eq!((answer.status, answer.json()), (429, json!({ "error": "Rate limit exceeded" })));
    assert!(answer.head.contains("retry-after: 1"), "{}", answer.head);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_are_answered_in_html() {
    let answer = Served::new(Options::default()).await.get("/nope").await;
    assert_eq!(answer.status, 404);
    assert!(answer.head.contains("text/html") && answer.body.contains("<h1>Not Found</h1>"), "{}", answer.body);
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_says_what_to_do() {
    let taken = bind(0).await.expect("a free port").local_addr().expect("an address").port();
    let holder = bind(taken).await.expect("the port");
    let error = bind(taken).await.expect_err("taken");
    drop(holder);
    let help = "stop the program that listens there, or choose another port with --port";
    assert_eq!(error.to_string(), format!("configuration: port {taken} is in use\n  help: {help}"));
}
