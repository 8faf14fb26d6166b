//! Spans in the JSON form of OTLP: identifiers in hexadecimal, 64-bit numbers as text.

use serde_json::{Value as Json, json};

/// `SPAN_KIND_INTERNAL` and `SPAN_KIND_CLIENT`.
const INTERNAL: u8 = 1;
const CLIENT: u8 = 3;
/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;
/// The attribute of a span that ended by an error.
const FAILED: &str = "error.type";
/// The attribute that all requests have.
const REQUEST: &str = "http.request.method";

/// A piece of work, and what it is part of.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) trace: u128,
    pub(super) id: u64,
    pub(super) parent: Option<u64>,
    pub(super) name: &'static str,
    /// In nanoseconds since 1970, as `ended`.
    pub(super) began: u64,
    pub(super) ended: u64,
    pub(super) attributes: Vec<(&'static str, Value)>,
}

/// What an attribute says.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Number(u64),
}

/// The message that hands spans of a service over.
pub(super) fn message(service: &str, spans: &[Span]) -> Json {
    let version = env!("CARGO_PKG_VERSION");
    let resource = [("service.name", service), ("service.version", version)];
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource.map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } })) },
        "scopeSpans": [{
            "scope": { "name": "tidegate", "version": version },
            "spans": spans.iter().map(span).collect::<Vec<_>>(),
        }],
    }] })
}

fn span(span: &Span) -> Json {
    let has = |name| span.attributes.iter().any(|(key, _)| *key == name);
    json!({
        "traceId": format!("{:032x}", span.trace),
        "spanId": format!("{:016x}", span.id),
        "parentSpanId": span.parent.map(|id| format!("{id:016x}")).unwrap_or_default(),
        "name": span.name,
        "kind": if has(REQUEST) { CLIENT } else { INTERNAL },
        "startTimeUnixNano": span.began.to_string(),
        "endTimeUnixNano": span.ended.to_string(),
        "attributes": span.attributes.iter().map(attribute).collect::<Vec<_>>(),
        "status": if has(FAILED) { json!({ "code": ERROR }) } else { json!({}) },
    })
}

fn attribute((key, value): &(&'static str, Value)) -> Json {
    match value {
        Value::Text(text) => json!({ "key": key, "value": { "stringValue": text } }),
        Value::Number(number) => json!({ "key": key, "value": { "intValue": number.to_string() } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_the_form_that_the_protocol_wants() {
        let attributes = vec![(REQUEST, Value::Text("GET".to_owned())), ("tidegate.rows", Value::Number(1 << 60))];
        let span = Span { trace: 10, id: 11, parent: Some(12), name: "fetch", began: 1, ended: 2, attributes };
        let expected = json!({
            "traceId": "0000000000000000000000000000000a",
            "spanId": "000000000000000b",
            "parentSpanId": "000000000000000c",
            "name": "fetch",
            "kind": 3,
            "startTimeUnixNano": "1",
            "endTimeUnixNano": "2",
            "attributes": [
                { "key": "http.request.method", "value": { "stringValue": "GET" } },
                { "key": "tidegate.rows", "value": { "intValue": "1152921504606846976" } },
            ],
            "status": {},
        });
        assert_eq!(message("nightly", &[span])["resourceSpans"][0]["scopeSpans"][0]["spans"][0], expected);
    }
}
