//! Reads and checks the parameters of a request, as `fivetran-api-playground` does.
//!
//! It must not know the records.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use chrono::NaiveDateTime;
use serde_json::json;
use url::form_urlencoded;

use super::store::Field;

/// An answer that is an error, as JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) error: String,
}

impl Refusal {
    pub(super) fn bad_request(error: impl Into<String>) -> Refusal {
        Refusal { status: StatusCode::BAD_REQUEST, error: error.into() }
    }

    pub(super) fn unauthorized(error: impl Into<String>) -> Refusal {
        Refusal { status: StatusCode::UNAUTHORIZED, error: error.into() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.error }).to_string();
        (self.status, [(CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// The parameters of a request. Of two with one name, the first counts.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads them, and refuses those that are not `allowed`.
    pub(super) fn read(raw: Option<&str>, allowed: &[&str]) -> Result<Query, Refusal> {
        let pairs: Vec<_> = form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).into_owned().collect();
        let mut unexpected: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        unexpected.retain(|name| !allowed.contains(name));
        unexpected.sort_unstable();
        unexpected.dedup();
        if unexpected.is_empty() {
            Ok(Query(pairs))
        } else {
            Err(Refusal::bad_request(format!("Unexpected query parameters: {}", unexpected.join(", "))))
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        Some(value)
    }

    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.value(name).filter(|value| !value.is_empty())
    }

    /// A whole number; what is no number counts as absent.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.value(name).and_then(integer)
    }

    /// A number of rows, within the page's cap.
    pub(super) fn size(&self, name: &str, cap: usize) -> Result<usize, Refusal> {
        let size = self.integer(name).map_or(Ok(cap.min(DEFAULT_SIZE)), usize::try_from);
        size.ok().filter(|size| (1..=cap).contains(size)).ok_or_else(|| {
            Refusal::bad_request(format!("Invalid value for '{name}'. It should be between 1 and {cap}."))
        })
    }

    /// A whole number that is not below `least`.
    pub(super) fn at_least(&self, name: &str, least: usize) -> Result<usize, Refusal> {
        let number = self.integer(name).map_or(Ok(least), usize::try_from);
        number.ok().filter(|number| *number >= least).ok_or_else(|| {
            Refusal::bad_request(format!("Invalid value for '{name}'. It must be greater than or equal to {least}."))
        })
    }

    /// The order that is asked for.
    pub(super) fn order(&self) -> Result<Order, Refusal> {
        let field = match self.value("order_by").unwrap_or("updatedAt") {
            "createdAt" => Field::Created,
            "updatedAt" => Field::Updated,
            _ => return Err(Refusal::bad_request("Invalid value for 'order_by'. Use 'createdAt' or 'updatedAt'")),
        };
        let descending = match self.value("order_type").unwrap_or("asc") {
            "asc" => false,
            "desc" => true,
            _ => return Err(Refusal::bad_request("Invalid value for 'order_type'. Use 'asc' or 'desc'")),
        };
        Ok(Order { field, descending })
    }

    /// The instant before which records do not count. The errors always name `updated_since`, as they do there.
    pub(super) fn since(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let Some(text) = text.strip_suffix('Z') else {
            let error = "Invalid date format for 'updated_since'. Must end with 'Z' for UTC";
            return Err(Refusal::bad_request(error));
        };
        let error = "Invalid date format for 'updated_since'. Use 'YYYY-MM-DDTHH:MM:SSZ'";
        seconds(text).map(Some).ok_or_else(|| Refusal::bad_request(error))
    }
}

/// Rows a page where the request does not say.
const DEFAULT_SIZE: usize = 10;

/// How a list is sorted.
#[derive(Clone, Copy)]
pub(super) struct Order {
    pub(super) field: Field,
    pub(super) descending: bool,
}

impl Order {
    /// The values of `order_by` and `order_type`.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        let field = match self.field {
            Field::Created => "createdAt",
            Field::Updated => "updatedAt",
        };
        (field, if self.descending { "desc" } else { "asc" })
    }
}

/// Reads a number as Python's `int` does: with spaces around, a sign, and underscores between digits.
fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let is_group = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    if !digits.split('_').all(is_group) {
        return None;
    }
    let digits = digits.bytes().filter(|byte| *byte != b'_').map(|byte| i64::from(byte - b'0'));
    let magnitude = digits.fold(0_i64, |number, digit| number.saturating_mul(10).saturating_add(digit));
    Some(if negative { -magnitude } else { magnitude })
}

/// Reads `2024-01-31T10:20:30` as seconds since 1970.
pub(super) fn seconds(text: &str) -> Option<i64> {
    // The calendar's parser is more liberal: it takes signs, spaces and long years.
    let text = text.to_ascii_uppercase();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-T:".contains(&byte));
    if !is_plain || text.find('-') != Some(4) {
        return None;
    }
    let at = NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S").ok()?.and_utc();
    let is_leap = at.timestamp_subsec_nanos() > 0;
    let has_year = !text.starts_with("0000");
    (has_year && !is_leap).then_some(at.timestamp())
}
