//! The story of a request, told against a source that is a script, in a time that passes by itself.

mod credentials;
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
    let meter = Arc::new(Meter::default().within(1));
    let source = over(&settings(), &script, Arc::new(MemoryTokens::default()), meter);
    assert_eq!(body(source.fetch(get("/users")).await), "[]");
    let refused = failure(source.fetch(get("/users")).await);
    let message = "GET /users: the run has sent 1 requests, and may send no more";
    assert_eq!((refused.code(), refused.message()), ("limit.requests", message));
}

#[tokio::test(start_paused = true)]
async fn what_it_takes_to_get_one_page_is_allowed() {
    let moved = answer(302, &[("location", "/v1/people")], "");
    let login = json(200, r#"{"data":{"token":"a-token"}}"#);
    let script = Script::of([json(503, ""), login, json(404, ""), json(500, ""), moved, json(200, "[]")]);
    let meter = Arc::new(Meter::until(Enough::OnePage));
    let source = over(&session(), &script, Arc::new(MemoryTokens::default()), Arc::clone(&meter));
    assert_eq!(failure(source.fetch(get("/users")).await).fact("status"), Some("404"));
    assert!(!meter.has_enough());
    assert_eq!(body(source.fetch(get("/users")).await), "[]");
    assert!(meter.has_enough());
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
async fn any_status_proves_that_a_source_is_there() {
    let script = Script::of([json(404, "")]);
    assert_eq!(source(&session(), &script).reach().await, Ok(404));
    assert_eq!(script.asked(), ["GET https://a.test/v1"]);
}
