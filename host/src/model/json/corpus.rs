//! What we accept and what we refuse, case by case: `corpus.txt`, whose head tells its form.
//!
//! serde_json is asked as well: it must accept what the grammar allows and refuse what it forbids. Where a case is for
//! the reader of JSON to decide (`ours`), it is not asked.

use super::*;

const CORPUS: &str = include_str!("corpus.txt");

/// One line of the corpus.
struct Case {
    number: usize,
    verdict: Verdict,
    text: Vec<u8>,
}

enum Verdict {
    /// JSON.
    Accept(Option<Found>),
    /// No JSON, refused with this message.
    Reject(String),
    /// Ours to decide: accepted.
    Keep(Found),
    /// Ours to decide: refused with this message.
    Refuse(String),
}

/// The text that a pointer leads to.
struct Found {
    pointer: String,
    text: String,
}

#[test]
fn every_case_of_the_corpus_is_decided_as_it_says() {
    let cases: Vec<Case> = CORPUS.lines().enumerate().filter_map(|(at, line)| read(at + 1, line)).collect();
    cases.iter().for_each(check);
    let count = |is: fn(&Verdict) -> bool| cases.iter().filter(|case| is(&case.verdict)).count();
    let counts = [
        ("accepted", count(|verdict| matches!(verdict, Verdict::Accept(_)))),
        ("rejected", count(|verdict| matches!(verdict, Verdict::Reject(_)))),
        ("ours, kept", count(|verdict| matches!(verdict, Verdict::Keep(_)))),
        ("ours, refused", count(|verdict| matches!(verdict, Verdict::Refuse(_)))),
    ];
    assert_eq!(counts, [("accepted", 170), ("rejected", 399), ("ours, kept", 28), ("ours, refused", 28)]);
}

fn check(case: &Case) {
    let Case { number, verdict, text } = case;
    let shown: String = String::from_utf8_lossy(text).chars().take(60).collect();
    let place = format!("line {number}, {shown}");
    let parsed = Document::parse(Bytes::copy_from_slice(text));
    let judged = serde_json::from_slice::<serde_json::Value>(text);
    match verdict {
        Verdict::Accept(found) => {
            check_found(parsed, found.as_ref(), &place);
            let value = judged.unwrap_or_else(|error| panic!("{place}: serde_json says {error}"));
            check_embedded(text, &value, &place);
        }
        Verdict::Keep(found) => check_found(parsed, Some(found), &place),
        Verdict::Reject(message) => {
            assert!(judged.is_err(), "{place}: serde_json accepts it");
            assert_eq!(parsed.expect_err(&place).message(), message, "{place}");
            assert!(Document::parse(embedded(text)).is_err(), "{place}: accepted in a record");
        }
        Verdict::Refuse(message) => assert_eq!(parsed.expect_err(&place).message(), message, "{place}"),
    }
}

fn check_found(parsed: Result<Document>, found: Option<&Found>, place: &str) {
    let document = parsed.unwrap_or_else(|error| panic!("{place}: {error}"));
    if let Some(Found { pointer, text }) = found {
        assert_eq!(document.get(pointer), Some(text.as_str()), "{place}");
    }
}

/// As the member of a record, a value has the same text; a string has the characters that serde_json reads.
fn check_embedded(text: &[u8], value: &serde_json::Value, place: &str) {
    let document = Document::parse(embedded(text)).unwrap_or_else(|error| panic!("{place}, in a record: {error}"));
    let raw = std::str::from_utf8(text).expect("it was accepted").trim_matches([' ', '\t', '\n', '\r']);
    assert_eq!(document.get("/0/k"), Some(raw), "{place}");
    let expected = match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.as_str()),
        _ => Some(raw),
    };
    let records = document.records("").expect("a list of records");
    assert_eq!(records.row(0).get("k").and_then(super::super::Value::text).as_deref(), expected, "{place}");
}

fn embedded(text: &[u8]) -> Bytes {
    [br#"[{"k":"#, text, b"}]"].concat().into()
}

/// Reads a line; none for comments and empty lines.
fn read(number: usize, line: &str) -> Option<Case> {
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let columns: Vec<&str> = line.split(" | ").collect();
    let verdict = match columns.as_slice() {
        ["accept", _, _why] => Verdict::Accept(None),
        ["accept", _, outcome, _why] => Verdict::Accept(Some(found(outcome).expect("a pointer and a text"))),
        ["reject", _, outcome, _why] => Verdict::Reject(decode_text(outcome)),
        ["ours", _, outcome, _why] => {
            found(outcome).map_or_else(|| Verdict::Refuse(decode_text(outcome)), Verdict::Keep)
        }
        _ => panic!("line {number} of the corpus has another form: {line}"),
    };
    Some(Case { number, verdict, text: decode(columns[1]) })
}

/// Reads `get POINTER: TEXT`.
fn found(outcome: &str) -> Option<Found> {
    let (pointer, text) = outcome.strip_prefix("get ")?.split_once(": ")?;
    Some(Found { pointer: decode_text(pointer), text: decode_text(text) })
}

fn decode_text(text: &str) -> String {
    String::from_utf8(decode(text)).expect("UTF-8")
}

/// Puts bytes for `%HH` and repetitions for `%{N*text}`.
fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        rest = match escape.strip_prefix('{').and_then(|repetition| repetition.split_once('*')) {
            Some((times, repeated)) => {
                let end = 1 + repeated[1..].find('}').expect("the end of a repetition");
                let part = decode(&repeated[..end]);
                (0..times.parse().expect("a number")).for_each(|_: u32| bytes.extend_from_slice(&part));
                &repeated[end + 1..]
            }
            None => {
                bytes.push(u8::from_str_radix(&escape[..2], 16).expect("two hexadecimal digits"));
                &escape[2..]
            }
        };
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
