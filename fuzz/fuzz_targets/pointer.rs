//! Documents, pointers and fields: what is found is part of the document, and batches agree with themselves.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::model::{Batch, Document};

fuzz_target!(|input: (Vec<u8>, String, String, u16, u16)| {
    let (body, pointer, field, start, end) = input;
    let Ok(document) = Document::parse(body.clone().into()) else { return };
    // What this host takes for JSON is JSON for others, too.
    let text = std::str::from_utf8(&body).expect("UTF-8").trim_start_matches('\u{feff}');
    let _: serde::de::IgnoredAny = serde_json::from_str(text).expect("JSON");
    // It cannot hold numbers of every size.
    if let Ok(other) = serde_json::from_str::<serde_json::Value>(text) {
        let found = document.get(&pointer).map(|found| serde_json::from_str(found).expect("JSON within JSON"));
        assert_eq!(found.as_ref(), other.pointer(&pointer));
    }
    if let Ok(records) = document.records(&pointer) {
        check(&records, &field, start.into(), end.into());
    }
});

fn check(records: &Batch, field: &str, start: usize, end: usize) {
    let slice = records.slice(start, end);
    assert!(slice.len() <= records.len());
    assert!(slice.having(field).len() <= slice.len());
    assert_eq!(records.column(field).len(), records.len());
    assert_eq!(records.unseen(records).len(), 0);
    let again = Batch::from_json(records.to_json().into()).expect("records");
    assert_eq!(again.len(), records.len());
    for order in ["integer", "text", "instant", "instant:ms", "instant:%Y-%m-%d@+02:00", field] {
        if let Ok(order) = order.parse()
            && let Ok(span) = records.span(field, &order, Some(field))
        {
            let counted = (span.absent + span.unreadable + span.beyond) as usize;
            assert!(counted <= records.len());
        }
    }
}
