//! Query parameters of a strategy, which are given unencoded, next to a key that the host adds to them.

use crate::http::Request;
use crate::http::egress::tests::{Attempt, compare, get, outcome};

const SOURCE: &str = "{base_url: 'https://a.test/v1', auth: {type: api_key, in: query, name: key, key: the-key}}";

/// Name, value, and the query that is sent, or why it is refused.
pub(super) const TABLE: &[(&str, &str, &str)] = &[
    ("page", "2", "page=2"),
    ("", "", "="),
    ("a", "1&key=mine", "a=1%26key%3Dmine"),
    ("a", "#b", "a=%23b"),
    ("a", "?b", "a=%3Fb"),
    ("a", "../..", "a=..%2F.."),
    ("a", "x y+z", "a=x+y%2Bz"),
    ("a", "%0d%0a", "a=%250d%250a"),
    ("a&key", "mine", "a%26key=mine"),
    ("a", "http://b.test/", "a=http%3A%2F%2Fb.test%2F"),
    ("a", "ü", "a=%C3%BC"),
    ("a", "x\ty", "a=x%09y"),
    ("a", "x\r\nHost: b.test", "plugin.request: the query parameter \"a\" contains a line break or a null"),
    ("a", "x\ny", "plugin.request: the query parameter \"a\" contains a line break or a null"),
    ("a", "x\0y", "plugin.request: the query parameter \"a\" contains a line break or a null"),
    ("a\rb", "", "plugin.request: the query parameter \"a\\rb\" contains a line break or a null"),
    ("key", "mine", "grant.refused: the query parameter `key` carries the credentials; the host adds it"),
    ("KEY", "mine", "grant.refused: the query parameter `KEY` carries the credentials; the host adds it"),
];

#[test]
fn queries_are_encoded_and_keep_off_the_key() {
    let tried = TABLE.iter().map(|(name, value, expected)| {
        let query = vec![((*name).to_owned(), (*value).to_owned())];
        let request = Request { query, ..get("/users") };
        let found = outcome(&Attempt { source: SOURCE, request, ..Attempt::default() });
        let expected = match expected.contains(": ") {
            true => (*expected).to_owned(),
            false => format!("GET https://a.test/v1/users?{expected}&key=the-key at 93.184.215.14"),
        };
        (format!("{name:?} {value:?}"), found, expected)
    });
    compare("queries", tried);
}
