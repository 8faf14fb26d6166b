//! Serves records to those who show credentials, one endpoint a way of showing them.
//!
//! The credentials are fixed and no secret: the playground prints them.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::Playground;
use super::lists::sample;
use super::query::Refusal;

/// User name of `/auth/http_basic`.
pub const BASIC_USERNAME: &str = "reader@example.com";
/// Password of `/auth/http_basic`.
pub const BASIC_PASSWORD: &str = "low-tide";
/// Token of `/auth/http_bearer`.
pub const BEARER_TOKEN: &str = "playground-bearer-token";
/// Key of `/auth/api_key`, sent as `Authorization: apiKey …`.
pub const API_KEY: &str = "playground-api-key";
/// User name of `/auth/session_token/login`.
pub const SESSION_USERNAME: &str = "session@example.com";
/// Password of `/auth/session_token/login`.
pub const SESSION_PASSWORD: &str = "high-tide";
/// Client ID of `/auth/oauth2/token`.
pub const OAUTH_CLIENT_ID: &str = "playground-client";
/// Client secret of `/auth/oauth2/token`.
pub const OAUTH_CLIENT_SECRET: &str = "playground-client-secret";
/// The first refresh token of `/auth/oauth2/token`. Each use brings another in its place.
pub const OAUTH_REFRESH_TOKEN: &str = "playground-refresh-token";

const HEADER_MISSING: &str = "Authorization header is missing";
const KEY_INVALID: &str = "Invalid API key or format";

/// `/auth/http_basic`
pub(super) async fn http_basic(State(playground): State<Playground>, headers: HeaderMap) -> Response {
    let credentials = BASE64.encode(format!("{BASIC_USERNAME}:{BASIC_PASSWORD}"));
    guarded(&playground, &headers, "Basic", &credentials)
}

/// `/auth/http_bearer`
pub(super) async fn http_bearer(State(playground): State<Playground>, headers: HeaderMap) -> Response {
    guarded(&playground, &headers, "Bearer", BEARER_TOKEN)
}

/// `/auth/api_key`
pub(super) async fn api_key(State(playground): State<Playground>, headers: HeaderMap) -> Response {
    guarded(&playground, &headers, "apiKey", API_KEY)
}

fn guarded(playground: &Playground, headers: &HeaderMap, scheme: &str, credentials: &str) -> Response {
    match authorization(headers) {
        None => html(StatusCode::UNAUTHORIZED, HEADER_MISSING),
        Some(shown) if shown.split_once(' ') == Some((scheme, credentials)) => sample(playground),
        Some(_) => html(StatusCode::UNAUTHORIZED, KEY_INVALID),
    }
}

/// `/auth/session_token/login`: a token for a user name and a password.
pub(super) async fn login(State(playground): State<Playground>, headers: HeaderMap, body: Bytes) -> Response {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.to_ascii_lowercase().starts_with("application/json") {
        return html(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The request must have Content-Type 'application/json'.");
    }
    let Ok(credentials) = serde_json::from_slice::<Value>(&body) else {
        return html(StatusCode::BAD_REQUEST, "The request's body is no JSON.");
    };
    let field = |name| credentials.get(name).and_then(Value::as_str).filter(|text: &&str| !text.is_empty());
    match (field("username"), field("password")) {
        (Some(SESSION_USERNAME), Some(SESSION_PASSWORD)) => {
            let lifetime = playground.options().token_lifetime.as_secs();
            let end = now().saturating_add(lifetime);
            let token = BASE64.encode(format!("{SESSION_USERNAME}:{SESSION_PASSWORD}:{end}"));
            json_answer(&json!({ "token": token, "expires_in": lifetime }))
        }
        (Some(_), Some(_)) => Refusal::unauthorized("Invalid username or password").into_response(),
        _ => Refusal::bad_request("Username and password are required").into_response(),
    }
}

/// `/auth/session_token/data`
pub(super) async fn session_data(State(playground): State<Playground>, headers: HeaderMap) -> Response {
    let Some(token) = authorization(&headers) else {
        return Refusal::bad_request("Token is missing").into_response();
    };
    match read_session(token.strip_prefix("Token ").unwrap_or(token)) {
        None => Refusal::bad_request("Invalid token format").into_response(),
        Some((_, _, end)) if now() >= end => Refusal::unauthorized("Token has expired").into_response(),
        Some((username, password, _)) if username == SESSION_USERNAME && password == SESSION_PASSWORD => {
            sample(&playground)
        }
        Some(_) => Refusal::unauthorized("Invalid Token").into_response(),
    }
}

/// User name, password and the second at which the token ends.
fn read_session(token: &str) -> Option<(String, String, u64)> {
    let text = String::from_utf8(BASE64.decode(token).ok()?).ok()?;
    let mut parts = text.split(':');
    let (username, password, end) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some(())?;
    Some((username.to_owned(), password.to_owned(), end.parse().ok()?))
}

/// `/auth/oauth2/token` (RFC 6749): client credentials, or a refresh token that is good once.
///
/// The client shows itself by basic authentication or in the form.
pub(super) async fn oauth_token(State(playground): State<Playground>, headers: HeaderMap, body: Bytes) -> Response {
    let form: Vec<_> = form_urlencoded::parse(&body).collect();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref());
    let basic = BASE64.encode(format!("{OAUTH_CLIENT_ID}:{OAUTH_CLIENT_SECRET}"));
    let is_client = match authorization(&headers) {
        Some(shown) => shown.split_once(' ') == Some(("Basic", &basic)),
        None => (field("client_id"), field("client_secret")) == (Some(OAUTH_CLIENT_ID), Some(OAUTH_CLIENT_SECRET)),
    };
    if !is_client {
        let refusal = Refusal::unauthorized("invalid_client");
        return ([(WWW_AUTHENTICATE, r#"Basic realm="playground""#)], refusal).into_response();
    }
    let lifetime = playground.options().token_lifetime.as_secs();
    let mut tokens = playground.tokens();
    let mut answer = json!({ "access_token": null, "token_type": "Bearer", "expires_in": lifetime });
    match (field("grant_type"), field("refresh_token")) {
        (Some("client_credentials"), _) => {}
        (Some("refresh_token"), Some(refresh)) => match tokens.rotate(refresh) {
            Some(next) => answer["refresh_token"] = next.into(),
            None => return Refusal::bad_request("invalid_grant").into_response(),
        },
        (None, _) | (Some("refresh_token"), None) => return Refusal::bad_request("invalid_request").into_response(),
        (Some(_), _) => return Refusal::bad_request("unsupported_grant_type").into_response(),
    }
    answer["access_token"] = tokens.issue(now()).into();
    ([(CACHE_CONTROL, "no-store")], json_answer(&answer)).into_response()
}

/// `/auth/oauth2/data`
pub(super) async fn oauth_data(State(playground): State<Playground>, headers: HeaderMap) -> Response {
    let shown = authorization(&headers).and_then(|shown| shown.strip_prefix("Bearer "));
    if shown.is_some_and(|token| playground.tokens().admit(token, now())) {
        return sample(&playground);
    }
    let refusal = Refusal::unauthorized("invalid_token");
    ([(WWW_AUTHENTICATE, r#"Bearer realm="playground", error="invalid_token""#)], refusal).into_response()
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok().filter(|text| !text.is_empty())
}

fn json_answer(value: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

/// An error as web frameworks write it: many an API answers so, though it speaks JSON otherwise.
pub(super) fn html(status: StatusCode, description: &str) -> Response {
    let reason = status.canonical_reason().unwrap_or_default();
    let code = status.as_u16();
    let body = format!(
        "<!doctype html>\n<html lang=en>\n<title>{code} {reason}</title>\n<h1>{reason}</h1>\n<p>{description}</p>\n"
    );
    (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
