//! A small source of our own for the five strategies: 120 records that never change, served without a mistake.
//!
//! What goes wrong between it and the program is the test's own doing.

use serde_json::{Value, json};
use url::Url;

/// How many records there are.
const COUNT: usize = 120;
/// How many of them a page has at most.
const PAGE: usize = 40;

/// The fields of a record, all of them texts in the destination.
pub(crate) const FIELDS: [&str; 6] = ["id", "name", "updatedAt", "large", "huge", "long"];

/// What the destination has to have of each record: no digit less than the source sends.
pub(crate) fn expected() -> Vec<Vec<String>> {
    (1..=COUNT).map(|id| vec![id.to_string(), name(id), updated_at(id), large(id), huge(id), long(id)]).collect()
}

/// The body of an honest answer.
pub(crate) fn page(target: &str) -> String {
    let url: Url = format!("http://ledger.test{target}").parse().expect("a target");
    let text = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let number = |name: &str| text(name).map(|text| text.parse::<usize>().expect(name));
    match url.path() {
        "/login" => json!({"token": "a-token"}).to_string(),
        "/pagination/keyset" => {
            let all = since(text("updated_since"));
            let from = text("scroll_param").map_or(0, |token| token["page-".len()..].parse().expect("a token"));
            let next = (from + PAGE < all.len()).then(|| format!("page-{}", from + PAGE));
            body(all.iter().skip(from), &[("scroll_param", json!(next))])
        }
        "/pagination/offset" => {
            let mut all = since(text("updated_since"));
            if text("order_type").as_deref() == Some("desc") {
                all.reverse();
            }
            let limit = number("limit").map_or(PAGE, |limit| limit.min(PAGE));
            let rows = all.iter().skip(number("offset").unwrap_or(0)).take(limit);
            body(rows, &[("total", json!(all.len()))])
        }
        "/incremental/timestamp" => body(since(text("since")).iter(), &[]),
        "/incremental/step" => {
            let range = number("start_id").expect("a start")..=number("end_id").expect("an end");
            body((1..=COUNT).filter(|id| range.contains(id)).collect::<Vec<_>>().iter(), &[])
        }
        path => panic!("nobody asks for {path}"),
    }
}

/// The records that were not updated before an instant, in their order.
fn since(instant: Option<String>) -> Vec<usize> {
    (1..=COUNT).filter(|id| instant.as_ref().is_none_or(|instant| updated_at(*id) >= *instant)).collect()
}

fn body<'a>(rows: impl Iterator<Item = &'a usize>, facts: &[(&str, Value)]) -> String {
    let rows: Vec<String> = rows.take(PAGE).map(|id| record(*id)).collect();
    let facts: String = facts.iter().map(|(name, value)| format!(r#","{name}":{value}"#)).collect();
    format!(r#"{{"data":[{}]{facts}}}"#, rows.join(","))
}

fn record(id: usize) -> String {
    format!(
        r#"{{"id":{id},"name":"{}","updatedAt":"{}","large":{},"huge":{},"long":{}}}"#,
        name(id),
        updated_at(id),
        large(id),
        huge(id),
        long(id)
    )
}

fn name(id: usize) -> String {
    format!("Zoë \u{1f30a} {id}")
}

fn updated_at(id: usize) -> String {
    format!("2024-01-01T{:02}:{:02}:00Z", id / 60, id % 60)
}

/// Beyond 2⁵³, where a double would round it.
fn large(id: usize) -> String {
    (9_007_199_254_740_993 + 2 * id as u64).to_string()
}

/// Beyond any integer of a machine.
fn huge(id: usize) -> String {
    format!("123456789012345678901234567890{id:03}")
}

fn long(id: usize) -> String {
    format!("0.1000000000000000055511151231257827021181583404541015625{id:03}")
}
