//! Requests to a server: sent with the token, answered by JSON, and refused by problem details (RFC 9457).

use std::error::Error as StdError;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Method, RequestBuilder, Response, StatusCode, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::error::{Error, Origin, Result};

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(10);
/// Between two parts of an answer. A component that is taken in may be compiled meanwhile.
const PATIENCE: Duration = Duration::from_secs(120);
/// The most that the API tells on one page.
const PAGE: usize = 200;

/// A server, and the token by which it is asked.
pub(super) struct Client {
    http: reqwest::Client,
    server: Url,
    token: HeaderValue,
}

impl Client {
    pub(super) fn new(server: Url, token: &SecretString) -> Result<Client> {
        let token = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
        let mut token = token.map_err(|_| {
            Error::new(Origin::Credentials, "server.credentials", "the token has characters that no token has")
        })?;
        token.set_sensitive(true);
        Ok(Client { http: http(&server)?, server, token })
    }

    /// What there is at a path below `/v1`.
    pub(super) async fn get(&self, path: &[&str]) -> Result<Value> {
        self.call(Method::GET, path)?.answer().await
    }

    /// What is listed at a path, page by page: all of it, or so much at most.
    pub(super) async fn list(&self, path: &[&str], query: &[(&str, &str)], most: Option<usize>) -> Result<Value> {
        let mut items: Vec<Value> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let limit = most.map_or(PAGE, |most| (most - items.len()).min(PAGE)).to_string();
            let mut call = self.call(Method::GET, path)?.query(query).query(&[("limit", &limit)]);
            if let Some(after) = &after {
                call = call.query(&[("after", after)]);
            }
            let mut page = call.answer().await?;
            if let Some(more) = page["items"].as_array_mut() {
                items.append(more);
            }
            after = page["next"].as_str().and_then(cursor);
            if after.is_none() || most.is_some_and(|most| items.len() >= most) {
                return Ok(json!({ "items": items }));
            }
        }
    }

    /// Makes a request to a path below `/v1`.
    pub(super) fn call(&self, method: Method, path: &[&str]) -> Result<Call<'_>> {
        let url = place(&self.server, path)?;
        Ok(Call { client: self, method, url, headers: Vec::new(), body: None })
    }
}

/// A request that is put together.
pub(super) struct Call<'a> {
    client: &'a Client,
    method: Method,
    url: Url,
    headers: Vec<(&'static str, String)>,
    body: Option<(&'static str, Vec<u8>)>,
}

impl Call<'_> {
    pub(super) fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        if !pairs.is_empty() {
            self.url.query_pairs_mut().extend_pairs(pairs);
        }
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string().into_bytes())
    }

    pub(super) fn body(self, kind: &'static str, body: Vec<u8>) -> Self {
        Call { body: Some((kind, body)), ..self }
    }

    /// Sends it, and reads the answer. An empty one is null.
    pub(super) async fn answer(self) -> Result<Value> {
        self.answer_with_tag().await.map(|(answer, _)| answer)
    }

    /// The same, with the ETag of what is answered.
    pub(super) async fn answer_with_tag(self) -> Result<(Value, Option<String>)> {
        let server = self.client.server.clone();
        let response = self.send().await?;
        let tag = response.headers().get("etag").and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let body = response.bytes().await.map_err(|error| unreached(&server, &error))?;
        if body.is_empty() {
            return Ok((Value::Null, tag));
        }
        Ok((serde_json::from_slice(&body).map_err(|_| stranger(&server))?, tag))
    }

    /// Sends it. What is no success becomes an error.
    pub(super) async fn send(self) -> Result<Response> {
        let server = &self.client.server;
        let response = self.request().send().await.map_err(|error| unreached(server, &error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        if response.status().is_redirection() {
            return Err(moved(server, &response));
        }
        let status = response.status();
        let body = response.bytes().await.unwrap_or_default();
        Err(refused(server, status, &serde_json::from_slice(&body).unwrap_or_default()))
    }

    fn request(&self) -> RequestBuilder {
        let request = self.client.http.request(self.method.clone(), self.url.clone());
        let mut request = request.header(AUTHORIZATION, self.client.token.clone()).header(ACCEPT, "*/*");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        match &self.body {
            Some((kind, body)) => request.header(CONTENT_TYPE, *kind).body(body.clone()),
            None => request,
        }
    }
}

pub(in crate::cli) fn http(server: &Url) -> Result<reqwest::Client> {
    // Whoever installed a provider before us is welcome: any one will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        reqwest::Client::builder()
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .referer(false)
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(PATIENCE)
    };
    let built = match builder().build() {
        // A machine without root certificates can still ask a server that needs none.
        Err(_) if server.scheme() == "http" => builder().tls_certs_only([]).build(),
        built => built,
    };
    built.map_err(|error| Error::host(format!("no secure client can be made: {}", cause(&error))))
}

/// The address of a path below `/v1`.
fn place(server: &Url, path: &[&str]) -> Result<Url> {
    // The parser of addresses would take them for steps to another place.
    if let Some(odd) = path.iter().find(|part| matches!(**part, "" | "." | "..")) {
        return Err(Error::configuration(format!("`{odd}` is no name")));
    }
    let mut url = server.clone();
    if let Ok(mut parts) = url.path_segments_mut() {
        parts.pop_if_empty().push("v1").extend(path);
    }
    Ok(url)
}

/// Behind what the next page begins.
fn cursor(next: &str) -> Option<String> {
    let (_, query) = next.split_once('?')?;
    let (_, after) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "after")?;
    Some(after.into_owned())
}

fn unreached(server: &Url, error: &reqwest::Error) -> Error {
    let message = match error.is_connect() {
        true => format!("cannot connect to {server}: {}", cause(error)),
        false => format!("{server} gave no answer: {}", cause(error)),
    };
    Error::new(Origin::Server, "server.unreachable", message)
        .help("is `--server` (or TIDEGATE_SERVER) right, and is the server running?")
}

/// What is at the bottom of an error; what is above it says no more.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn StdError = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn moved(server: &Url, response: &Response) -> Error {
    let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("another place");
    Error::configuration(format!("{server} sends its callers to {to}")).help("give the server's own address")
}

fn stranger(server: &Url) -> Error {
    Error::host(format!("what answers at {server} is not Tidegate, or of another version"))
        .help("is `--server` (or TIDEGATE_SERVER) right?")
}

/// The error that a problem is.
fn refused(server: &Url, status: StatusCode, problem: &Value) -> Error {
    let Some(code) = problem["code"].as_str() else {
        let what = format!("{server} answered with the status {status}, and not as Tidegate does");
        return Error::new(origin(status, ""), "server.answer", what).help("is `--server` (or TIDEGATE_SERVER) right?");
    };
    let detail = problem["detail"].as_str().or(problem["title"].as_str()).unwrap_or("the server says no more");
    let error = Error::new(origin(status, code), code, detail);
    match (status, problem["help"].as_str()) {
        (StatusCode::UNAUTHORIZED, _) => {
            error.help("is the token in TIDEGATE_TOKEN, or in the file of `--token-file`, one of this server?")
        }
        (_, Some(help)) => error.help(help),
        (_, None) => error,
    }
}

fn origin(status: StatusCode, code: &str) -> Origin {
    match status {
        StatusCode::UNAUTHORIZED => Origin::Credentials,
        _ if code == "quota.exceeded" => Origin::Limit,
        StatusCode::FORBIDDEN => Origin::Credentials,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Origin::Server,
        status if status.is_client_error() => Origin::Configuration,
        _ => Origin::Host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit;

    fn server() -> Url {
        "https://example.com/tide/".parse().expect("an address")
    }

    #[test]
    fn names_stay_parts_of_the_path() {
        let cases = [
            (vec!["me"], Some("https://example.com/tide/v1/me")),
            (vec!["tenants", "a/../b", "runs"], Some("https://example.com/tide/v1/tenants/a%2F..%2Fb/runs")),
            (vec!["tenants", "a?b#c d"], Some("https://example.com/tide/v1/tenants/a%3Fb%23c%20d")),
            (vec!["tenants", ".."], None),
            (vec!["tenants", ""], None),
        ];
        for (path, expected) in cases {
            let found = place(&server(), &path).ok();
            assert_eq!(found.as_ref().map(Url::as_str), expected, "{path:?}");
        }
    }

    #[test]
    fn the_next_page_is_found_by_where_it_begins() {
        let cases = [
            ("/v1/tenants?limit=2&after=b%20c", Some("b c")),
            ("https://elsewhere.example/v1/tenants?after=b", Some("b")),
            ("/v1/tenants?limit=2", None),
            ("/v1/tenants", None),
        ];
        for (next, expected) in cases {
            assert_eq!(cursor(next).as_deref(), expected, "{next}");
        }
    }

    #[test]
    fn problems_decide_the_exit_code() {
        let cases = [
            (400, "request.malformed", 2),
            (401, "request.unauthenticated", 3),
            (403, "request.forbidden", 3),
            (403, "quota.exceeded", 1),
            (404, "request.absent", 2),
            (409, "request.conflict", 2),
            (412, "request.changed", 2),
            (422, "config.invalid", 2),
            (500, "host.failed", 1),
            (503, "host.failed", 3),
        ];
        for (status, code, expected) in cases {
            let status = StatusCode::from_u16(status).expect("a status");
            let problem = json!({ "code": code, "detail": "it is wrong", "help": "do it right" });
            let error = refused(&server(), status, &problem);
            assert_eq!((exit::of_error(&error), error.code(), error.message()), (expected, code, "it is wrong"));
            assert!(error.remedy().is_some(), "{error}");
        }
    }

    #[test]
    fn an_answer_that_is_no_problem_says_who_gave_it() {
        let error = refused(&server(), StatusCode::NOT_FOUND, &Value::Null);
        assert!(error.message().contains("https://example.com/tide/"), "{error}");
        assert_eq!(exit::of_error(&error), exit::CONFIGURATION);
    }
}
