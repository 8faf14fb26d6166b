//! The tables, by theme. A theme is a table and how a line of it is tried.

mod addresses;
mod answers;
mod grants;
mod headers;
mod literals;
mod logins;
mod paths;
mod queries;
mod redirects;

#[test]
fn there_are_at_least_three_hundred_vectors() {
    let counts = [
        addresses::TABLE.len(),
        answers::TABLE.len(),
        grants::TABLE.len(),
        headers::TABLE.len(),
        literals::TABLE.len(),
        logins::TABLE.len(),
        paths::TABLE.len(),
        queries::TABLE.len(),
        redirects::TABLE.len(),
    ];
    assert!(counts.iter().sum::<usize>() >= 300, "{counts:?}");
}
