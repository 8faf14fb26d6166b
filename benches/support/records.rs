//! Invented records of about 290 bytes, the same whoever asks, and the list of pages that a source serves.

use axum::body::Bytes;
use clap::ValueEnum;

/// In which order the keys of new records come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Keys {
    /// As those of UUIDs: each anywhere among the earlier ones.
    Random,
    /// Each behind all earlier ones.
    Ascending,
}

/// The members of a record, in their order.
pub(crate) const FIELDS: [&str; 8] = ["id", "name", "email", "address", "company", "job", "createdAt", "updatedAt"];

/// One record in so many is changed before everything is read again.
const CHANGED: usize = 100;

/// The bodies of all pages: as they were first, or with one percent of the records changed.
pub(crate) fn pages(records: usize, page: usize, keys: Keys, are_changed: bool) -> Vec<Bytes> {
    let count = records.div_ceil(page);
    let body = |number: usize| {
        let mut body = String::with_capacity(page * 310);
        body.push_str(r#"{"data":["#);
        for at in number * page..records.min((number + 1) * page) {
            if at > number * page {
                body.push(',');
            }
            write(&mut body, at, keys, are_changed && at % CHANGED == 0);
        }
        // No number, which could be a time as well.
        let next = if number + 1 < count { format!(r#""page-{}""#, number + 1) } else { "null".to_owned() };
        body.push_str(&format!(r#"],"scroll_param":{next}}}"#));
        Bytes::from(body)
    };
    (0..count).map(body).collect()
}

fn write(into: &mut String, at: usize, keys: Keys, is_changed: bool) {
    use std::fmt::Write as _;
    let id = match keys {
        Keys::Random => scatter(at as u64),
        Keys::Ascending => at as u64,
    };
    let (day, hour, minute, second) = (at / 86_400 % 28 + 1, at / 3_600 % 24, at / 60 % 60, at % 60);
    let year = if is_changed { 2025 } else { 2024 };
    let written = write!(
        into,
        r#"{{"id":"{:08x}-{:04x}-4c6e-9f3a-{:012}","name":"Robert Hernandez","email":"robert.h{at:07}@example.com","address":"{at} Miller Street\nSouth Janetville, WA 61{:03}","company":"Johnson, Lee and Sons","job":"Chartered accountant","createdAt":"2024-02-{day:02}T{hour:02}:{minute:02}:{second:02}Z","updatedAt":"{year}-02-{day:02}T{hour:02}:{minute:02}:{second:02}Z"}}"#,
        id >> 32,
        id >> 16 & 0xffff,
        at,
        at % 1_000,
    );
    written.expect("memory");
}

/// Numbers that follow each other, far from each other (the finalizer of SplitMix64).
fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
