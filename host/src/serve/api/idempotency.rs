//! `Idempotency-Key`: a request that is sent again, since its answer got lost, gets that answer and acts no second time.
//!
//! Keys are the caller's own: another token's are others. Only successes are kept; what failed may be tried again. An
//! answer that shows a token is not kept either, only that it was given.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::FromRequestParts;
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::problem::{PROBLEM, Problem, Result};
use crate::serve::store::{Answer, RequestKey, Seen};
use crate::serve::tenant::Token;
use crate::serve::{Refusal, Server};

/// The most characters of a key.
const LONGEST: usize = 128;
/// The most bytes of an answer: none of ours is longer.
const LARGEST: usize = 4 << 20;
/// The headers that belong to an answer.
const KEPT: [HeaderName; 3] = [CONTENT_TYPE, ETAG, LOCATION];

/// What a request is known by.
pub(super) struct Once {
    key: Option<String>,
    target: [u8; 32],
}

impl<S: Sync> FromRequestParts<S> for Once {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Once> {
        let key = parts.headers.get("idempotency-key").map(read).transpose()?;
        Ok(Once { key, target: Sha256::digest(format!("{} {}", parts.method, parts.uri)).into() })
    }
}

fn read(value: &HeaderValue) -> Result<String> {
    let text = value
        .to_str()
        .ok()
        .filter(|text| (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()));
    text.map(str::to_owned)
        .ok_or_else(|| Problem::malformed(format!("`Idempotency-Key` has 1 to {LONGEST} visible characters of ASCII")))
}

impl Once {
    /// Answers by `act`, or as before where this caller sent this key with this body before.
    pub(super) async fn answer<R: IntoResponse>(
        self,
        server: &Server,
        caller: &Token,
        body: &[u8],
        act: impl Future<Output = Result<R>>,
    ) -> Result<Response> {
        let Some(key) = self.key else { return act.await.map(IntoResponse::into_response) };
        let key = RequestKey { caller: caller.id.clone(), key };
        let fingerprint = Sha256::new().chain_update(self.target).chain_update(body).finalize().into();
        match server.store.begin_request(&key, fingerprint, server.clock.now()).await? {
            Seen::Never => {}
            Seen::Underway => return Err(Problem::conflict("a request with this `Idempotency-Key` is being answered")),
            Seen::Different => return Err(reused()),
            Seen::Answered(answer) => return Ok(replay(answer)),
        }
        match act.await {
            Ok(done) => keep(server, &key, done.into_response()).await,
            Err(problem) => {
                server.store.abandon_request(&key).await?;
                Err(problem)
            }
        }
    }
}

fn reused() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "request.reused-key",
        "this `Idempotency-Key` came with another request within the last 24 hours",
    )
    .help("use a new key for each request that is not a repetition")
}

/// Marks an answer that is given once only.
#[derive(Clone, Copy)]
pub(super) struct ShownOnce;

async fn keep(server: &Server, key: &RequestKey, response: Response) -> Result<Response> {
    let (parts, body) = response.into_parts();
    let broken = |_| Problem::from(Refusal::failed("an answer could not be put together"));
    let body = to_bytes(body, LARGEST).await.map_err(broken)?;
    let answer = if parts.extensions.get::<ShownOnce>().is_some() {
        let shown = Problem::conflict("this `Idempotency-Key` made a token, which was shown then and is not kept")
            .help("if the answer got lost, revoke the token and make another");
        let body = serde_json::to_string(&shown).unwrap_or_default();
        Answer { status: shown.status().as_u16(), headers: vec![(CONTENT_TYPE.to_string(), PROBLEM.to_owned())], body }
    } else {
        Answer { status: parts.status.as_u16(), headers: kept(&parts), body: text(&body) }
    };
    server.store.finish_request(key, answer).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn kept(parts: &axum::http::response::Parts) -> Vec<(String, String)> {
    let value = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    KEPT.iter().filter_map(|name| Some((name.to_string(), value(name)?.to_owned()))).collect()
}

fn text(body: &Bytes) -> String {
    String::from_utf8_lossy(body).into_owned()
}

fn replay(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, answer.body).into_response();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
