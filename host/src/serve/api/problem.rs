//! Every answer that is no success: problem details (RFC 9457).
//!
//! What is absent and what is another's is one answer, byte for byte, wherever it is asked for.

use std::borrow::Cow;

use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Error;
use crate::serve::Refusal;

/// The content type of problems.
pub(super) const PROBLEM: &str = "application/problem+json";

pub(super) type Result<T, E = Problem> = std::result::Result<T, E>;

/// Why a request was not done.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// Always `about:blank`: `code` says what it is.
    #[schema(value_type = String, format = "uri-reference")]
    r#type: &'static str,
    /// What the status means.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened and where.
    detail: String,
    /// What it is, for programs: a word of an open list.
    code: Cow<'static, str>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    help: Option<String>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Problem {
        Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.into(),
            help: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// There is no such thing, or not for whoever asks.
    pub(super) fn absent() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "request.absent", "there is no such thing, or not for this token")
    }

    /// Nobody knows who asks.
    pub(super) fn unauthenticated() -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "request.unauthenticated", "there is no token, or none that is valid")
            .help("send `Authorization: Bearer TOKEN`; tokens are made by an operator or the tenant's administrator")
    }

    /// The path is there, but not for this method.
    pub(super) fn method() -> Problem {
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "request.method", "this path does not serve this method")
            .help("the header `Allow` says which it serves")
    }

    /// A request that cannot be read.
    pub(super) fn malformed(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "request.malformed", detail)
    }

    /// A request that can be read, but is wrong.
    pub(super) fn invalid(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "request.invalid", detail)
    }

    /// What is there forbids it.
    pub(super) fn conflict(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, "request.conflict", detail)
    }

    fn failed(error: &Error) -> Problem {
        tracing::error!(target: "tidegate::api", code = error.code(), "{}", error.message());
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "host.failed", "the server failed at this; its log says why")
    }
}

/// A mistake of the caller, as the command line would say it.
impl From<&Error> for Problem {
    fn from(error: &Error) -> Problem {
        let problem =
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.code().to_owned(), error.message().to_owned());
        Problem { help: error.remedy().map(str::to_owned), ..problem }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::Absent => Problem::absent(),
            Refusal::Conflict(why) => Problem::conflict(why),
            Refusal::Forbidden(why) => Problem::new(StatusCode::FORBIDDEN, "request.forbidden", why),
            Refusal::Quota(why) => {
                Problem::new(StatusCode::FORBIDDEN, "quota.exceeded", why).help("an operator can raise the quota")
            }
            Refusal::Invalid(error) => Problem::from(&error),
            Refusal::Failed(error) => Problem::failed(&error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status(), [(CONTENT_TYPE, PROBLEM)], body).into_response();
        if self.status() == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"tidegate\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
