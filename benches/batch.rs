//! What a page costs, from its bytes to the values that a sink binds, by the form in which its records are held.
//!
//! Each form does the same work on the same page: check the whole JSON, find the greatest `updatedAt` (what a strategy
//! asks), and read every value of every record as text (what a sink binds). `docs/decisions/0001` has the figures.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot run has nothing to say"
)]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::Deserialize;
use serde_json::Value;
use sonic_rs::{JsonContainerTrait, JsonValueTrait};
use tidegate::model::{Batch, Document};

const RECORDS: usize = 3_500;

const FIELDS: [&str; 8] = ["id", "name", "email", "address", "company", "job", "createdAt", "updatedAt"];

/// A page like those of the playground: 3,500 records of 8 members, about 1 MB.
fn page() -> Bytes {
    let record = |n: usize| {
        format!(
            r#"{{"id":"6f1c2a9e-0b4d-4c6e-9f3a-{n:012}","name":"Robert Hernandez {n}","email":"robert.{n}@example.com","address":"1{n} Miller Street\nSouth Janetville, WA 61{:03}","company":"Johnson, Lee and Sons","job":"Chartered management accountant","createdAt":"2024-01-{:02}T{:02}:{:02}:00Z","updatedAt":"2024-02-{:02}T{:02}:{:02}:00Z"}}"#,
            n % 1000,
            1 + n % 28,
            n % 24,
            n % 60,
            1 + n / 200,
            n / 60 % 24,
            n % 60,
        )
    };
    let records: Vec<_> = (0..RECORDS).map(record).collect();
    format!(r#"{{"data":[{}],"next":null}}"#, records.join(",")).into()
}

/// The form that Tidegate uses: one strict pass that notes where the members lie.
fn noted_places(body: &Bytes) -> usize {
    let batch = Document::parse(body.clone()).and_then(|document| document.records("/data")).expect("a page");
    let span = batch.span("updatedAt", &"instant".parse().expect("an order"), None).expect("instants");
    text_bytes(&batch) + span.greatest.map_or(0, |greatest| greatest.len())
}

fn text_bytes(batch: &Batch) -> usize {
    let cells = batch.rows().flat_map(|row| row.cells());
    cells.map(|(_, value)| value.text().map_or(0, |text| text.len())).sum()
}

/// serde_json's tree.
fn serde_json_tree(body: &Bytes) -> usize {
    let page: Value = serde_json::from_slice(body).expect("a page");
    let records = page["data"].as_array().expect("a list");
    let greatest = records.iter().filter_map(|record| record["updatedAt"].as_str()).max();
    let values = records.iter().flat_map(|record| FIELDS.iter().map(move |field| &record[*field]));
    values.filter_map(Value::as_str).map(str::len).sum::<usize>() + greatest.map_or(0, str::len)
}

/// serde_json into structures whose fields are known at compile time: a bound for what a generic host cannot do.
fn serde_json_typed(body: &Bytes) -> usize {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Record<'a> {
        id: &'a str,
        name: &'a str,
        email: &'a str,
        address: std::borrow::Cow<'a, str>,
        company: &'a str,
        job: &'a str,
        created_at: &'a str,
        updated_at: &'a str,
    }
    #[derive(Deserialize)]
    struct Page<'a> {
        #[serde(borrow)]
        data: Vec<Record<'a>>,
    }
    let page: Page<'_> = serde_json::from_slice(body).expect("a page");
    let greatest = page.data.iter().map(|record| record.updated_at).max();
    let length = |r: &Record<'_>| {
        let rest = r.company.len() + r.job.len() + r.created_at.len() + r.updated_at.len();
        r.id.len() + r.name.len() + r.email.len() + r.address.len() + rest
    };
    page.data.iter().map(length).sum::<usize>() + greatest.map_or(0, str::len)
}

/// sonic-rs's tree (SIMD).
fn sonic_tree(body: &Bytes) -> usize {
    let page: sonic_rs::Value = sonic_rs::from_slice(body).expect("a page");
    let records = page.get("data").and_then(|data| data.as_array()).expect("a list");
    let greatest = records.iter().filter_map(|record| record.get("updatedAt").and_then(|at| at.as_str())).max();
    let values = records.iter().flat_map(|record| FIELDS.iter().filter_map(move |field| record.get(*field)));
    values.filter_map(|value| value.as_str()).map(str::len).sum::<usize>() + greatest.map_or(0, str::len)
}

/// sonic-rs's lazy slices: a record is split only when it is read.
fn sonic_lazy(body: &Bytes) -> usize {
    let data = sonic_rs::get(body.as_ref(), ["data"]).expect("a list");
    let mut total = 0;
    let mut greatest = String::new();
    for record in sonic_rs::to_array_iter(data.as_raw_str()) {
        let record = record.expect("a record");
        for member in sonic_rs::to_object_iter(record.as_raw_str()) {
            let (key, value) = member.expect("a member");
            let text: String = sonic_rs::from_str(value.as_raw_str()).expect("a string");
            total += text.len();
            if key == "updatedAt" && text > greatest {
                greatest = text;
            }
        }
    }
    total + greatest.len()
}

/// Does the work on a page, and says how much text it met.
type Form = fn(&Bytes) -> usize;

fn forms(criterion: &mut Criterion) {
    let body = page();
    let mut group = criterion.benchmark_group("page of 3,500 records");
    group.throughput(Throughput::Elements(RECORDS as u64));
    let forms: [(&str, Form); 5] = [
        ("noted places", noted_places),
        ("serde_json tree", serde_json_tree),
        ("serde_json typed", serde_json_typed),
        ("sonic-rs tree", sonic_tree),
        ("sonic-rs lazy", sonic_lazy),
    ];
    let expected = serde_json_tree(&body);
    for (name, form) in forms {
        assert_eq!(form(&body), expected, "{name}");
        group.bench_function(name, |bencher| bencher.iter(|| form(black_box(&body))));
    }
    group.finish();
}

criterion_group!(benches, forms);
criterion_main!(benches);
