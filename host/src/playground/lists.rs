//! Serves records: four kinds of pages, two kinds of increments.
//!
//! It must not know credentials, limits or delays.

use axum::extract::{RawQuery, State};
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::Playground;
use super::query::{Query, Refusal, seconds};
use super::store::{Key, Record, instant};

/// A body large enough for a usual page.
const BODY_CAPACITY: usize = 20 * 1024;

/// `/pagination/keyset`: `updated_since` first, then the `scroll_param` of the answer before, until there is none.
pub(super) async fn keyset(State(playground): State<Playground>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::read(query.as_deref(), &["scroll_param", "updated_since"])?;
    let (token, since) = (query.text("scroll_param"), query.text("updated_since"));
    if token.is_some() && since.is_some() {
        let error = "You can only use 'updated_since' in first request, \
                     subsequent requests should use only 'scroll_param'";
        return Err(Refusal::bad_request(error));
    }
    let since = query.since("updated_since")?;
    let store = playground.store();
    let view = match token {
        Some(token) => {
            let position = Position::from_token(token);
            store.after(position.as_ref().ok_or_else(|| Refusal::bad_request("Invalid scroll_param value"))?.key())
        }
        None => store.since(since),
    };
    let size = playground.page_cap();
    let last = view.slice(size.saturating_sub(1), 1, false).next().filter(|_| view.len() > size);
    let token = last.map(|record| Position::token(record.key()));
    Ok(page(view.slice(0, size, false), &[("scroll_param", json!(token))]))
}

/// `/pagination/offset`: `limit` and `offset`.
pub(super) async fn offset(State(playground): State<Playground>, RawQuery(query): RawQuery) -> Answer {
    let allowed = ["limit", "offset", "order_by", "order_type", "updated_since"];
    let query = Query::read(query.as_deref(), &allowed)?;
    let limit = query.size("limit", playground.page_cap())?;
    let offset = query.at_least("offset", 0)?;
    let order = query.order()?;
    let store = playground.store();
    let view = store.ordered(order.field, query.since("updated_since")?);
    let rows = view.slice(offset, limit, order.descending);
    Ok(page(rows, &[("offset", json!(offset)), ("limit", json!(limit)), ("total", json!(view.len()))]))
}

/// `/pagination/page_number`: `page` and `per_page`.
pub(super) async fn page_number(State(playground): State<Playground>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::read(query.as_deref(), &NUMBERED)?;
    let order = query.order()?;
    let size = query.size("per_page", playground.page_cap())?;
    let number = query.at_least("page", 1)?;
    let store = playground.store();
    let view = store.ordered(order.field, query.since("updated_since")?);
    let rows = view.slice((number - 1).saturating_mul(size), size, order.descending);
    let facts = [
        ("page", json!(number)),
        ("page_size", json!(size)),
        ("total_pages", json!(view.len().div_ceil(size))),
        ("total_items", json!(view.len())),
    ];
    Ok(page(rows, &facts))
}

/// `/pagination/next_page_url`: the address of the next page comes with each page, until there is none.
pub(super) async fn next_page_url(
    State(playground): State<Playground>,
    uri: Uri,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref(), &NUMBERED)?;
    let order = query.order()?;
    let size = query.size("per_page", playground.page_cap())?;
    let since = query.since("updated_since")?;
    let number = query.at_least("page", 1)?;
    let store = playground.store();
    let view = store.ordered(order.field, since);
    let end = number.saturating_mul(size);
    let rows = view.slice(end - size, size, order.descending);
    let next = (end < view.len()).then(|| {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
        let (order_by, order_type) = order.names();
        let since = query.text("updated_since").map(|since| format!("&updated_since={since}")).unwrap_or_default();
        let path = uri.path();
        let order = format!("order_by={order_by}&order_type={order_type}");
        format!("http://{host}{path}?page={}&per_page={size}&{order}{since}", number + 1)
    });
    let facts = [
        ("total_items", json!(view.len())),
        ("page", json!(number)),
        ("per_page", json!(size)),
        ("next_page_url", json!(next)),
    ];
    Ok(page(rows, &facts))
}

const NUMBERED: [&str; 5] = ["order_by", "order_type", "page", "per_page", "updated_since"];

/// `/incremental/timestamp`: all that was not updated before `since`.
pub(super) async fn timestamp(State(playground): State<Playground>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::read(query.as_deref(), &["since"])?;
    let since = query.since("since")?;
    let store = playground.store();
    Ok(page(store.since(since).slice(0, playground.increment_cap(), false), &[]))
}

/// `/incremental/step`: the records numbered from `start_id` to `end_id`, in the order of creation.
pub(super) async fn step(State(playground): State<Playground>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::read(query.as_deref(), &["end_id", "start_id"])?;
    let (Some(start), Some(end)) = (query.integer("start_id"), query.integer("end_id")) else {
        return Err(Refusal::bad_request("Both 'start_id' and 'end_id' parameters are required"));
    };
    let start_id = query.at_least("start_id", 1)?;
    if end < start {
        let error = "Invalid value for 'end_id'. It must be greater than or equal to 'start_id'.";
        return Err(Refusal::bad_request(error));
    }
    let count = usize::try_from(end - start).unwrap_or(usize::MAX).saturating_add(1);
    let store = playground.store();
    let numbered = (1..).zip(store.records()).skip(start_id - 1).take(count.min(playground.increment_cap()));
    let mut body = Body::new();
    for (number, record) in numbered {
        body.row(|into| record.write_numbered(number, into));
    }
    Ok(body.end(&[]))
}

type Answer = Result<Response, Refusal>;

/// The first records, as the endpoints that ask for credentials serve them.
pub(super) fn sample(playground: &Playground) -> Response {
    page(playground.store().records().iter().take(20), &[])
}

fn page<'a>(rows: impl Iterator<Item = &'a Record>, facts: &[(&str, Value)]) -> Response {
    let mut body = Body::new();
    for record in rows {
        body.row(|into| into.extend_from_slice(record.json()));
    }
    body.end(facts)
}

/// Puts a page together from records that are JSON already.
struct Body {
    bytes: Vec<u8>,
    is_empty: bool,
}

impl Body {
    fn new() -> Body {
        let mut bytes = Vec::with_capacity(BODY_CAPACITY);
        bytes.extend_from_slice(br#"{"data":["#);
        Body { bytes, is_empty: true }
    }

    fn row(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.is_empty {
            self.bytes.push(b',');
        }
        self.is_empty = false;
        write(&mut self.bytes);
    }

    fn end(mut self, facts: &[(&str, Value)]) -> Response {
        self.bytes.push(b']');
        for (name, value) in facts {
            self.bytes.extend_from_slice(format!(r#","{name}":{value}"#).as_bytes());
        }
        self.bytes.push(b'}');
        ([(CONTENT_TYPE, "application/json")], self.bytes).into_response()
    }
}

/// Where a scroll stands. The instant alone would lose records: several may have it.
struct Position {
    updated: i64,
    id: String,
}

impl Position {
    fn token(key: Key<'_>) -> String {
        let id = String::from_utf8_lossy(key.id);
        BASE64.encode(format!("{}/{id}", instant(key.updated)))
    }

    fn from_token(token: &str) -> Option<Position> {
        let text = String::from_utf8(BASE64.decode(token).ok()?).ok()?;
        let (updated, id) = text.split_once("Z/")?;
        Some(Position { updated: seconds(updated)?, id: id.to_owned() })
    }

    fn key(&self) -> Key<'_> {
        Key { updated: self.updated, id: self.id.as_bytes() }
    }
}
