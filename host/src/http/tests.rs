//! The story of a request, told against a source that is a script, in a time that passes by itself.

mod outages;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};

use super::*;
use crate::config::{self, Auth, KeyPlace, RateLimit};
use crate::error::{Error, Origin};

/// A transport that answers from a list and remembers what it was asked.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Result<Response>>>,
    asked: Mutex<Vec<String>>,
    latency: Duration,
}

impl Script {
    fn of(answers: impl IntoIterator<Item = Result<Response>>) -> Arc<Script> {
        Arc::new(Script { answers: Mutex::new(answers.into_iter().collect()), ..Script::default() })
    }

    /// Requests as `GET https://… header=value … body`.
    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("unpoisoned").clone()
    }
}

impl Transport for Script {
    fn send(&self, request: WireRequest) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move {
            let mut line = format!("{} {}", request.method, request.signature.url(request.url.clone()));
            for (name, value) in &request.headers {
                line += &format!(" {name}={value}");
            }
            for (name, value) in request.signature.headers() {
                line += &format!(" {name}={}", value.expose_secret());
            }
            if let Some(body) = &request.body {
                line += &format!(" {}", String::from_utf8_lossy(body));
            }
            self.asked.lock().expect("unpoisoned").push(line);
            sleep(self.latency).await;
            self.answers.lock().expect("unpoisoned").pop_front().expect("no more requests than answers")
        })
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Result<Response> {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Ok(Response { status, headers, body: Bytes::from(body.to_owned()) })
}

fn json(status: u16, body: &str) -> Result<Response> {
    answer(status, &[("content-type", "application/json; charset=utf-8")], body)
}

fn lost(code: &str, message: &str) -> Result<Response> {
    Err(Error::new(Origin::Reachability, code, message))
}

fn settings() -> config::Source {
    let mut settings = config::Source::new("https://a.test/v1".parse().expect("a URL"));
    settings.allowed_methods.push("POST".to_owned());
    settings
}

fn allowed(url: &str) -> config::AllowedHost {
    config::AllowedHost { url: url.parse().expect("a URL"), methods: vec!["GET".to_owned()] }
}

fn source(settings: &config::Source, script: &Arc<Script>) -> Source {
    over(settings, script, Arc::new(MemoryTokens::default()), Arc::new(Meter::default()))
}

fn over(settings: &config::Source, script: &Arc<Script>, tokens: Arc<dyn TokenStore>, meter: Arc<Meter>) -> Source {
    Source::new(settings, script.clone(), tokens, meter, Origins::default()).expect("a source")
}

fn get(path: &str) -> Request {
    Request { method: "GET".to_owned(), path: path.to_owned(), ..Request::default() }
}

fn failure(result: Result<Page>) -> Error {
    result.expect_err("a failure")
}

fn body(result: Result<Page>) -> String {
    String::from_utf8_lossy(&result.expect("a page").response().body).into_owned()
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again() {
    let script = Script::of([
        lost("source.unreachable", "cannot connect"),
        lost("source.timeout", "too late"),
        json(503, "busy"),
        json(200, "{\"a\":"),
        json(200, "{}"),
    ]);
    let meter = Arc::new(Meter::default());
    let source = over(&settings(), &script, Arc::new(MemoryTokens::default()), meter.clone());
    assert_eq!(body(source.fetch(get("/users")).await), "{}");
    assert_eq!(script.asked(), vec!["GET https://a.test/v1/users"; 5]);
    assert_eq!(meter.read(), (5, 4, 4 + 5 + 2));
}

#[tokio::test(start_paused = true)]
async fn failures_say_what_was_asked_and_what_the_source_says() {
    let page = "the \u{7} page".to_owned() + &"x".repeat(300);
    let cases = [
        (vec![json(404, "")], "source.status", "GET /users: 404 Not Found".to_owned()),
        (
            vec![json(599, "{\"e\":1}")],
            "source.status",
            r#"GET /users: status 599; the source says: "{"e":1}""#.to_owned(),
        ),
        (
            vec![json(503, "busy\n"); 6],
            "source.status",
            r#"GET /users: 503 Service Unavailable after 6 attempts; the source says: "busy""#.to_owned(),
        ),
        (
            vec![json(400, &page)],
            "source.status",
            format!(r#"GET /users: 400 Bad Request; the source says: "the \u{{7}} page{}…""#, "x".repeat(190)),
        ),
        (vec![json(403, "no")], "source.credentials", r#"GET /users: 403 Forbidden; the source says: "no""#.to_owned()),
        (
            vec![lost("source.unreachable", "cannot connect to https://a.test: connection refused"); 6],
            "source.unreachable",
            "GET /users: cannot connect to https://a.test: connection refused".to_owned(),
        ),
        (
            vec![json(503, ""), answer(503, &[("retry-after", "3600")], "")],
            "source.retry-later",
            "GET /users: the source asks to come back in 3600 s; a run waits 120 s at most".to_owned(),
        ),
        (
            vec![json(200, "{\"a\":"); 6],
            "source.body",
            "GET /users: the answer is not JSON: the text ends where a value was expected at byte 5; its content type \
             is `application/json; charset=utf-8`"
                .to_owned(),
        ),
        (
            vec![Err(Error::new(Origin::Limit, "source.body", "the body is larger than 9 bytes"))],
            "source.body",
            "GET /users: the body is larger than 9 bytes".to_owned(),
        ),
    ];
    for (answers, code, message) in cases {
        let script = Script::of(answers);
        let error = failure(source(&settings(), &script).fetch(get("/users")).await);
        assert_eq!((error.code(), error.message()), (code, &*message));
        assert!(script.answers.lock().expect("unpoisoned").is_empty(), "{message}");
    }
}

#[tokio::test]
async fn facts_are_given_to_programs() {
    let script = Script::of([json(404, "gone"), answer(429, &[("retry-after", "999")], "")]);
    let source = source(&settings(), &script);
    let error = failure(source.fetch(get("/users")).await);
    assert_eq!((error.fact("status"), error.fact("excerpt")), (Some("404"), Some("gone")));
    assert_eq!(failure(source.fetch(get("/users")).await).fact("seconds"), Some("999"));
}

#[tokio::test(start_paused = true)]
async fn the_meter_knows_when_the_source_asked_to_come_back() {
    let cases = [("999", true), ("120", false), ("99999999999999999999", true), ("-1", false), ("soon", false)];
    for (value, is_later) in cases {
        let script = Script::of([answer(503, &[("retry-after", value)], ""), json(200, "[]")]);
        let mut settings = settings();
        settings.retry.max_delay = Duration::from_millis(1);
        let meter = Arc::new(Meter::default());
        let source = over(&settings, &script, Arc::new(MemoryTokens::default()), meter.clone());
        let result = source.fetch(get("/users")).await;
        assert_eq!((result.is_err(), meter.postponed_until().is_some()), (is_later, is_later), "{value}");
        if let Err(error) = result {
            assert_eq!(error.fact("until").map(str::to_owned), meter.postponed_until().and_then(|at| at.to_rfc3339()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_limits_its_rate_is_waited_for_beyond_all_attempts() {
    let slow_down = || answer(429, &[("retry-after", "1")], "");
    let script = Script::of((0..40).map(|_| slow_down()).chain([json(200, "[]")]));
    let began = Instant::now();
    assert_eq!(body(source(&settings(), &script).fetch(get("/users")).await), "[]");
    assert!((40..=64).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn patience_ends_also_when_told_to_come_back_at_once() {
    let script = Script::of((0..10_000).map(|_| answer(429, &[("retry-after", "0")], "")));
    let error = failure(source(&settings(), &script).fetch(get("/users")).await);
    assert_eq!(error.fact("status"), Some("429"));
    assert!(script.asked().len() < 6_500, "{}", script.asked().len());
}

#[tokio::test(start_paused = true)]
async fn requests_keep_to_the_rate_and_to_the_number_in_flight() {
    let mut settings = settings();
    settings.rate_limit = Some(RateLimit { requests_per_second: 10.0, burst: 5 });
    let answers = (0..25).map(|_| json(200, "[]")).collect();
    let script = Arc::new(Script { answers: Mutex::new(answers), ..Script::default() });
    let source = source(&settings, &script);
    let began = Instant::now();
    join_all((0..25).map(|_| source.fetch(get("/users")))).await;
    assert!((2.0..2.1).contains(&began.elapsed().as_secs_f64()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_in_flight_than_allowed() {
    let mut settings = settings();
    settings.max_in_flight = 2;
    let answers = (0..6).map(|_| json(200, "[]")).collect();
    let script =
        Arc::new(Script { answers: Mutex::new(answers), latency: Duration::from_secs(1), ..Script::default() });
    let source = source(&settings, &script);
    let began = Instant::now();
    join_all((0..6).map(|_| source.fetch(get("/users")))).await;
    assert_eq!(began.elapsed().as_secs(), 3);
}

#[tokio::test]
async fn the_number_of_requests_is_kept() {
    let script = Script::of([json(200, "[]")]);
    let meter = Arc::new(Meter::with_limit(Some(1)));
    let source = over(&settings(), &script, Arc::new(MemoryTokens::default()), meter);
    assert_eq!(body(source.fetch(get("/users")).await), "[]");
    assert_eq!(failure(source.fetch(get("/users")).await).code(), "limit.requests");
}

#[tokio::test(start_paused = true)]
async fn what_it_takes_to_get_one_page_is_allowed() {
    let moved = answer(302, &[("location", "/v1/people")], "");
    let login = json(200, r#"{"data":{"token":"a-token"}}"#);
    let script = Script::of([json(503, ""), login, json(404, ""), json(500, ""), moved, json(200, "[]")]);
    let meter = Arc::new(Meter::for_one_page());
    let source = over(&session(), &script, Arc::new(MemoryTokens::default()), Arc::clone(&meter));
    assert_eq!(failure(source.fetch(get("/users")).await).fact("status"), Some("404"));
    assert!(!meter.is_used_up());
    assert_eq!(body(source.fetch(get("/users")).await), "[]");
    assert!(meter.is_used_up());
    assert_eq!(failure(source.fetch(get("/users")).await).code(), "limit.requests");
}

#[tokio::test]
async fn redirects_are_followed_at_the_origin_and_without_credentials_elsewhere() {
    let to = |location| answer(302, &[("location", location)], "");
    let mut settings = settings();
    settings.allowed_hosts = vec![allowed("https://files.test"), allowed("https://a.test")];
    settings.auth = Auth::Bearer { token: "the-token".into() };
    let script = Script::of([
        to("/v1/people?page=1"),
        to("https://files.test/people"),
        to("https://a.test/v1/people"),
        json(200, "[]"),
        to("https://evil.test/"),
    ]);
    let source = source(&settings, &script);
    let request = Request { headers: vec![("x-a".to_owned(), "1".to_owned())], ..get("/users") };
    assert_eq!(body(source.fetch(request).await), "[]");
    let error = failure(source.fetch(get("/users")).await);
    assert_eq!(error.code(), "grant.refused");
    assert_eq!(error.message(), "GET /users: https://a.test redirects to https://evil.test, which is not allowed");
    let signed = "authorization=Bearer the-token";
    let expected = [
        format!("GET https://a.test/v1/users x-a=1 {signed}"),
        format!("GET https://a.test/v1/people?page=1 x-a=1 {signed}"),
        "GET https://files.test/people".to_owned(),
        "GET https://a.test/v1/people".to_owned(),
        format!("GET https://a.test/v1/users {signed}"),
    ];
    assert_eq!(script.asked(), expected);
}

#[tokio::test]
async fn redirects_end() {
    let script = Script::of((0..6).map(|_| answer(301, &[("location", "/v1/users")], "")));
    let error = failure(source(&settings(), &script).fetch(get("/users")).await);
    assert_eq!(error.message(), "GET /users: more than 5 redirects in a row");
}

#[tokio::test]
async fn a_post_is_not_redirected() {
    let script = Script::of([answer(302, &[("location", "/v1/users")], "")]);
    let request = Request { method: "POST".to_owned(), ..get("/search") };
    let error = failure(source(&settings(), &script).fetch(request).await);
    assert_eq!(error.message(), "POST /search: 302 Found");
}

#[tokio::test]
async fn fixed_credentials_are_added_by_the_host() {
    let key = |place, prefix: &str| Auth::ApiKey {
        place,
        name: "X-Key".to_owned(),
        prefix: prefix.to_owned(),
        key: "a+key".into(),
    };
    let cases = [
        (Auth::None, "GET https://a.test/v1/users?page=1"),
        (key(KeyPlace::Header, "apiKey "), "GET https://a.test/v1/users?page=1 X-Key=apiKey a+key"),
        (key(KeyPlace::Query, ""), "GET https://a.test/v1/users?page=1&X-Key=a%2Bkey"),
        (
            Auth::Basic { username: "me".to_owned(), password: "pass".into() },
            "GET https://a.test/v1/users?page=1 authorization=Basic bWU6cGFzcw==",
        ),
        (
            Auth::Bearer { token: "the-token".into() },
            "GET https://a.test/v1/users?page=1 authorization=Bearer the-token",
        ),
    ];
    for (auth, expected) in cases {
        let script = Script::of([json(200, "[]")]);
        let settings = config::Source { auth, ..settings() };
        let request = Request { query: vec![("page".to_owned(), "1".to_owned())], ..get("/users") };
        assert_eq!(body(source(&settings, &script).fetch(request).await), "[]");
        assert_eq!(script.asked(), [expected]);
    }
}

#[tokio::test]
async fn fixed_credentials_that_are_refused_are_not_tried_again() {
    let script = Script::of([json(401, "token the-token is wrong")]);
    let settings = config::Source { auth: Auth::Bearer { token: "the-token".into() }, ..settings() };
    let error = failure(source(&settings, &script).fetch(get("/users")).await);
    assert_eq!((error.code(), error.origin()), ("source.credentials", Origin::Credentials));
    assert_eq!(error.message(), r#"GET /users: 401 Unauthorized; the source says: "token [secret] is wrong""#);
    assert_eq!(error.fact("excerpt"), Some("token [secret] is wrong"));
}

#[tokio::test]
async fn cookies_and_echoes_of_credentials_are_withheld() {
    let headers = [("set-cookie", "a=b"), ("link", "</users?key=the-token>"), ("x-a", "1")];
    let script = Script::of([answer(200, &headers, r#"[{"next":"/users?key=the-token"}]"#)]);
    let settings = config::Source { auth: Auth::Bearer { token: "the-token".into() }, ..settings() };
    let page = source(&settings, &script).fetch(get("/users")).await.expect("a page");
    let found: Vec<_> = page.response().headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(found, [("link", "</users?key=[secret]>"), ("x-a", "1")]);
    assert_eq!(page.get("/0/next"), Some(r#""/users?key=[secret]""#));
}

#[tokio::test]
async fn secrets_with_line_breaks_are_a_mistake_in_the_configuration() {
    let settings = config::Source { auth: Auth::Bearer { token: "the-token\n".into() }, ..settings() };
    let tokens = Arc::new(MemoryTokens::default());
    let error =
        Source::new(&settings, Script::of([]), tokens, Arc::default(), Origins::default()).err().expect("refused");
    assert_eq!(error.message(), "source.auth: the secret contains a line break or a control character");
}

fn session() -> config::Source {
    let auth = Auth::Session {
        login_path: "/login".to_owned(),
        login_body: vec![("user".to_owned(), "myself".into()), ("password".to_owned(), "p\"ssword".into())],
        token_pointer: "/data/token".to_owned(),
        header: "Authorization".to_owned(),
        prefix: "Token ".to_owned(),
    };
    config::Source { auth, ..settings() }
}

const LOGIN: &str = "POST https://a.test/v1/login content-type=application/json accept=application/json \
                     {\"user\":\"myself\",\"password\":\"p\\\"ssword\"}";

#[tokio::test]
async fn a_token_that_the_source_repeats_is_kept_and_still_withheld() {
    let login = || json(200, r#"{"data":{"token":"the-same-token"}}"#);
    let page = json(200, r#"["the-same-token","myself",{"password":"p\"ssword"}]"#);
    let script = Script::of([login(), json(401, ""), login(), page]);
    let found = body(source(&session(), &script).fetch(get("/users")).await);
    assert_eq!(found, r#"["[secret]","myself",{"password":"[secret]"}]"#);
    let asked = script.asked();
    assert_eq!(asked[1], asked[3]);
    assert!(asked[3].ends_with("=Token the-same-token"), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_begins_once_and_again_when_its_token_is_refused() {
    let script = Script::of([
        json(503, ""),
        json(200, r#"{"data":{"token":"first"}}"#),
        json(200, "[1]"),
        json(401, ""),
        json(200, r#"{"data":{"token":"second"}}"#),
        json(200, "[2]"),
    ]);
    let source = source(&session(), &script);
    assert_eq!(body(source.fetch(get("/users")).await), "[1]");
    assert_eq!(body(source.fetch(get("/users")).await), "[2]");
    let users = |token| format!("GET https://a.test/v1/users Authorization=Token {token}");
    let expected =
        [LOGIN.to_owned(), LOGIN.to_owned(), users("first"), users("first"), LOGIN.to_owned(), users("second")];
    assert_eq!(script.asked(), expected);
}

#[tokio::test]
async fn a_session_whose_new_token_is_refused_too_ends() {
    let login = || json(200, r#"{"data":{"token":"a-token"}}"#);
    let script = Script::of([login(), json(401, ""), login(), json(401, "a-token?")]);
    let error = failure(source(&session(), &script).fetch(get("/users")).await);
    assert_eq!(error.message(), r#"GET /users: 401 Unauthorized; the source says: "[secret]?""#);
    assert_eq!(error.origin(), Origin::Credentials);
}

#[tokio::test]
async fn a_refused_login_is_told_and_not_repeated() {
    let cases = [
        (json(401, "unknown p\"ssword"), r#"POST /login: 401 Unauthorized; the source says: "unknown [secret]""#),
        (json(200, r#"{"data":{"token":null}}"#), "POST /login: the answer has no token at `/data/token`"),
    ];
    for (answer, expected) in cases {
        let script = Script::of([answer]);
        let source = source(&session(), &script);
        for found in join_all((0..3).map(|_| source.authenticate())).await {
            let error = found.expect_err("refused");
            assert_eq!((error.code(), error.origin()), ("source.credentials", Origin::Credentials));
            assert_eq!(error.message(), expected);
        }
        assert_eq!(script.asked(), [LOGIN]);
    }
}

fn oauth2(refresh_token: Option<&str>) -> config::Source {
    let auth = Auth::OAuth2 {
        token_url: "https://auth.test/token".parse().expect("a URL"),
        client_id: "me:1".to_owned(),
        client_secret: Some("se/cret".into()),
        refresh_token: refresh_token.map(SecretString::from),
        scope: Some("read all".to_owned()),
    };
    config::Source { auth, ..settings() }
}

const FORM: &str = "POST https://auth.test/token content-type=application/x-www-form-urlencoded \
                    accept=application/json";

fn in_header(form: &str) -> String {
    format!("{FORM} authorization=Basic bWUlM0ExOnNlJTJGY3JldA== {form}")
}

#[tokio::test(start_paused = true)]
async fn an_access_token_is_asked_for_once_and_renewed_before_it_expires() {
    let script = Script::of([
        json(200, r#"{"access_token":"first","expires_in":"300"}"#),
        json(200, "[]"),
        json(200, "[]"),
        json(200, "[]"),
        json(200, r#"{"access_token":"second"}"#),
        json(200, "[]"),
        json(200, "[]"),
    ]);
    let source = source(&oauth2(None), &script);
    join_all((0..3).map(|_| source.fetch(get("/users")))).await;
    for seconds in [280, 1_000_000] {
        sleep(Duration::from_secs(seconds)).await;
        source.fetch(get("/users")).await.expect("a page");
    }
    let asks = in_header("grant_type=client_credentials&scope=read+all");
    let users = |token| format!("GET https://a.test/v1/users authorization=Bearer {token}");
    let (first, second) = (users("first"), users("second"));
    assert_eq!(script.asked(), [&asks, &first, &first, &first, &asks, &second, &second].map(String::clone));
}

#[tokio::test]
async fn a_server_that_wants_the_secret_in_the_body_gets_it_there() {
    let script = Script::of([
        json(401, r#"{"error":"invalid_client"}"#),
        json(200, r#"{"access_token":"first"}"#),
        json(401, ""),
        json(200, r#"{"access_token":"second"}"#),
        json(200, "[]"),
    ]);
    assert_eq!(body(source(&oauth2(None), &script).fetch(get("/users")).await), "[]");
    let form = "grant_type=client_credentials&scope=read+all";
    let in_body = format!("{FORM} {form}&client_id=me%3A1&client_secret=se%2Fcret");
    let asked = script.asked();
    assert_eq!([&asked[0], &asked[1], &asked[3]], [&in_header(form), &in_body, &in_body]);
}

#[tokio::test]
async fn a_rotated_refresh_token_is_used_from_then_on_also_by_the_next_run() {
    let tokens = Arc::new(MemoryTokens::default());
    let settings = oauth2(Some("the-initial-token"));
    let script = Script::of([
        json(200, r#"{"access_token":"a1","refresh_token":"rotated"}"#),
        json(401, ""),
        json(200, r#"{"access_token":"a2","refresh_token":"again"}"#),
        json(200, "[]"),
    ]);
    let source = over(&settings, &script, tokens.clone(), Arc::default());
    source.fetch(get("/users")).await.expect("a page");
    assert_eq!(tokens.load().expect("readable").expect("a token").expose_secret(), "again");

    let echo = r#"["the-initial-token","again"]"#;
    let next = Script::of([json(200, r#"{"access_token":"a3"}"#), json(200, echo)]);
    let page = over(&settings, &next, tokens, Arc::default()).fetch(get("/users")).await;
    assert_eq!(body(page), r#"["[secret]","again"]"#);

    let form = |token| in_header(&format!("grant_type=refresh_token&refresh_token={token}&scope=read+all"));
    let (asked, next) = (script.asked(), next.asked());
    assert_eq!([&asked[0], &asked[2], &next[0]], [&form("the-initial-token"), &form("rotated"), &form("again")]);
}

#[tokio::test]
async fn a_refused_grant_is_told_without_secrets() {
    let cases = [
        (
            json(400, r#"{"error":"invalid_grant","error_description":"initial has expired"}"#),
            "POST https://auth.test/token: 400 Bad Request; the source says: \
             \"{\"error\":\"invalid_grant\",\"error_description\":\"[secret] has expired\"}\"",
        ),
        (
            json(200, r#"{"error":"bad_refresh_token"}"#),
            "POST https://auth.test/token: the answer has no access token; the source says: \
             \"{\"error\":\"bad_refresh_token\"}\"",
        ),
    ];
    for (answer, expected) in cases {
        let script = Script::of([answer]);
        let error = source(&oauth2(Some("initial")), &script).authenticate().await.expect_err("refused");
        assert_eq!((error.origin(), error.message()), (Origin::Credentials, expected));
    }
}

#[tokio::test]
async fn any_status_proves_that_a_source_is_there() {
    let script = Script::of([json(404, "")]);
    assert_eq!(source(&session(), &script).reach().await, Ok(404));
    assert_eq!(script.asked(), ["GET https://a.test/v1"]);
}
