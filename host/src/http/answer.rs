//! What came of a request, and how it is told when it is no success.

use super::Page;
use super::origins::Unrepeated;
use super::secrets::Scrubber;
use crate::error::{Error, Origin, Result};
use crate::plain::plain;

/// How much of a body stands in a message, in characters.
const EXCERPT: usize = 200;
/// How much of it is searched for secrets first, so that none is cut and shown by half.
const SEARCHED: usize = 16 << 10;

/// The last answer to a request.
#[derive(Debug)]
pub(super) struct Answer {
    asked: String,
    page: Page,
    attempts: u32,
    /// Why it was not sent again, where another attempt might have bettered it.
    unrepeated: Option<Unrepeated>,
}

impl Answer {
    pub(super) fn new(asked: &str, page: Page, attempts: u32) -> Answer {
        Answer { asked: asked.to_owned(), page, attempts, unrepeated: None }
    }

    pub(super) fn unrepeated(self, reason: Unrepeated) -> Answer {
        Answer { unrepeated: Some(reason), ..self }
    }

    pub(super) fn asked(&self) -> &str {
        &self.asked
    }

    pub(super) fn page(&self) -> &Page {
        &self.page
    }

    pub(super) fn status(&self) -> u16 {
        self.page.response().status
    }

    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The page, if the source gave what it was asked for.
    pub(super) fn success(self, scrubber: &Scrubber) -> Result<Page> {
        match self.status() {
            200..300 => Ok(self.page),
            401 | 403 => Err(self
                .refusal(scrubber)
                .help("check source.auth; `tidegate check FILE` tells whether the source accepts the credentials")),
            404 => Err(self.failure(scrubber).help("check source.base_url and the path")),
            _ => Err(self.failure(scrubber)),
        }
    }

    /// The source refused the credentials.
    pub(super) fn refusal(&self, scrubber: &Scrubber) -> Error {
        self.error(Origin::Credentials, "source.credentials", scrubber)
    }

    /// The source answered with a status that is no success.
    pub(super) fn failure(&self, scrubber: &Scrubber) -> Error {
        let error = self.error(Origin::Source, "source.status", scrubber);
        match self.unrepeated {
            Some(reason) => error.help(reason.to_string()),
            None => error,
        }
    }

    /// A message and what the source says to it.
    pub(super) fn with_excerpt(&self, message: String, scrubber: &Scrubber) -> String {
        match self.excerpt(scrubber) {
            Some(excerpt) => format!("{message}; the source says: \"{excerpt}\""),
            None => message,
        }
    }

    fn error(&self, origin: Origin, code: &str, scrubber: &Scrubber) -> Error {
        let attempts = if self.attempts > 1 { format!(" after {} attempts", self.attempts) } else { String::new() };
        let message = format!("{}: {}{attempts}", self.asked, described(self.status()));
        let error = Error::new(origin, code, self.with_excerpt(message, scrubber)).detail("status", self.status());
        match self.excerpt(scrubber) {
            Some(excerpt) => error.detail("excerpt", excerpt),
            None => error,
        }
    }

    /// The beginning of the body, on one line, without secrets.
    fn excerpt(&self, scrubber: &Scrubber) -> Option<String> {
        let body = &self.page.response().body;
        let text = String::from_utf8_lossy(&body[..body.len().min(SEARCHED)]);
        let text = scrubber.scrub(text.trim());
        let mut excerpt = plain(text.chars().take(EXCERPT).collect::<String>()).into_owned();
        if text.chars().nth(EXCERPT).is_some() {
            excerpt.push('…');
        }
        (!excerpt.is_empty()).then_some(excerpt)
    }
}

/// A status with its name, as in `503 Service Unavailable`.
fn described(status: u16) -> String {
    let name = match status {
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        422 => "Unprocessable Content",
        425 => "Too Early",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => return format!("status {status}"),
    };
    format!("{status} {name}")
}
