//! What is accepted, what is refused, and what is found.

use super::*;

fn parse(text: &str) -> Result<Document> {
    Document::parse(Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn every_truncation_of_a_page_is_refused() {
    let page = r#"{"data":[{"id":1,"name":"a\u00e9","tags":["x",{"y":-1.5e3}],"ok":true},{"id":2}],"next":null}"#;
    for end in 0..page.len() {
        assert!(parse(&page[..end]).is_err(), "{}", &page[..end]);
    }
    assert!(parse(page).is_ok());
}

#[test]
fn what_loses_data_elsewhere_is_refused_with_its_place() {
    let cases: [(&[u8], &str); 9] = [
        (br#"{"a":1,"a":2}"#, "the key `a` occurs twice at byte 13"),
        (br#"[{"a":1,"b":2},{"a":1,"b":2,"a":3}]"#, "the key `a` occurs twice at byte 31"),
        (br#"[{"a":{"b":1,"\u0062":2}}]"#, "the key `b` occurs twice at byte 24"),
        (br#"["\ud800"]"#, "a lone surrogate at byte 2"),
        (br#"["\udc00\ud800"]"#, "a lone surrogate at byte 2"),
        (b"[\"a\xff\"]", "invalid UTF-8 at byte 3"),
        (b"[NaN]", "a value was expected, not `N` at byte 1"),
        (b"[\"a\x01\"]", "a control character in a string at byte 3"),
        (br#"{"data":[{"#, "the text ends where a key in quotes was expected at byte 10"),
    ];
    for (text, message) in cases {
        let error = Document::parse(Bytes::from_static(text)).expect_err(message);
        assert_eq!((error.code(), error.message()), ("source.body", message));
    }
}

#[test]
fn nesting_and_fields_are_limited() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(parse(&deep(DEPTH_LIMIT)).is_ok());
    let error = parse(&deep(100_000)).expect_err("too deep");
    assert_eq!(error.message(), "more than 128 levels of lists and objects at byte 128");
    let wide: Vec<String> = (0..=FIELD_LIMIT).map(|at| format!("\"f{at}\":0")).collect();
    assert!(parse(&format!("[{{{}}}]", wide[1..].join(","))).is_ok());
    let error = parse(&format!("[{{{}}}]", wide.join(","))).expect_err("too wide");
    assert!(error.message().starts_with("more than 65535 different fields"), "{error}");
}

#[test]
fn values_are_found_by_pointer() {
    let document = parse(r#"{"data":[{"a":[10,{"b":"x"}]},{"a":2}],"m":{"a/b":1,"c~d":"é\"","":{"x":[]}},"n":null}"#)
        .expect("a document");
    let cases = [
        ("/data/0/a/1/b", Some(r#""x""#)),
        ("/data/1", Some(r#"{"a":2}"#)),
        ("/data/1/a", Some("2")),
        ("/data/2", None),
        ("/data/01", None),
        ("/data/-", None),
        ("/data/+1", None),
        ("/m/a~1b", Some("1")),
        ("/m/c~0d", Some(r#""é\"""#)),
        ("/m//x", Some("[]")),
        ("/n", Some("null")),
        ("/n/x", None),
        ("/missing", None),
        ("m", None),
    ];
    for (pointer, expected) in cases {
        assert_eq!(document.get(pointer), expected, "{pointer}");
    }
}

#[test]
fn records_are_found_wherever_they_stand() {
    let text = r#"{"empty":[],"data":[{"id":1},{"id":"2","x":{"id":3}}],"deep":{"list":[{"id":4}]},
        "rows":[{"inner":[{"id":5},{"id":6}]}],"mixed":[{"id":7},8]}"#;
    let document = parse(text).expect("a document");
    let ids = |pointer: &str| -> Result<Vec<Option<String>>> {
        let batch = document.records(pointer)?;
        Ok(batch.column("id").into_iter().map(|id| id.map(Into::into)).collect())
    };
    let list = |ids: &[&str]| Ok(ids.iter().map(|id| Some((*id).to_owned())).collect());
    assert_eq!(ids("/empty"), list(&[]));
    assert_eq!(ids("/data"), list(&["1", "2"]));
    assert_eq!(ids("/deep/list"), list(&["4"]));
    assert_eq!(ids("/rows/0/inner"), list(&["5", "6"]));
    let refusals = [
        ("/mixed", "the value at `/mixed` has a number at index 1, not an object"),
        (
            "/deep",
            "the value at `/deep` is an object, not a list of records: the document has `/empty`, `/data`, `/deep`, `/rows`, `/mixed`",
        ),
        ("/items", "nothing at `/items`: the document has `/empty`, `/data`, `/deep`, `/rows`, `/mixed`"),
    ];
    for (pointer, message) in refusals {
        assert_eq!(ids(pointer).expect_err(pointer).message(), message);
    }
}

#[test]
fn values_keep_every_digit_and_every_character() {
    let text =
        r#"[{"big":9007199254740993,"decimal":0.1000000000000000055511151231257827,"s":"a\tb","n":null,"b":true}]"#;
    let batch = Batch::from_json(Bytes::from_static(text.as_bytes())).expect("records");
    let row = batch.row(0);
    let texts: Vec<_> = batch.fields().map(|field| row.get(field).and_then(super::super::Value::text)).collect();
    let expected =
        [Some("9007199254740993"), Some("0.1000000000000000055511151231257827"), Some("a\tb"), None, Some("true")];
    assert_eq!(texts.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let document = parse("\u{feff}{\"data\":[{\"id\":1}]}").expect("a document");
    assert_eq!(document.records("/data").map(|batch| batch.len()), Ok(1));
    assert_eq!(document.get(""), Some("{\"data\":[{\"id\":1}]}"));
}
