//! What the name service says: several addresses at once, none, and others when it is asked again.

use crate::http::egress::tests::{Attempt, compare, get, outcome};

type Answers = &'static [&'static [&'static str]];

/// Where redirects lead, what `a.test` is at for each look-up, and what comes of it.
pub(super) const TABLE: &[(&[&str], Answers, &str)] = &[
    (&[], &[&["1.1.1.1", "2606:4700:4700::1111"]], "GET https://a.test/users at 1.1.1.1"),
    (&[], &[&["1.1.1.1", "127.0.0.1"]], LOOPBACK),
    (&[], &[&["127.0.0.1", "1.1.1.1"]], LOOPBACK),
    (&[], &[&["1.1.1.1", "8.8.8.8", "9.9.9.9", "127.0.0.1"]], LOOPBACK),
    (&[], &[&["2606:4700:4700::1111", "::ffff:127.0.0.1"]], "::ffff:127.0.0.1, a loopback address"),
    (&[], &[&["1.1.1.1", "169.254.169.254"]], METADATA),
    // Asked again, it has changed its mind: what it says now counts, and only that.
    (&["/other"], &[&["1.1.1.1"], &["8.8.8.8"]], "GET https://a.test/other at 8.8.8.8"),
    (&["/other"], &[&["1.1.1.1"], &["127.0.0.1"]], LOOPBACK),
    (&["/other"], &[&["1.1.1.1"], &["1.1.1.1", "169.254.169.254"]], METADATA),
    (&["/1", "/2"], &[&["1.1.1.1"], &["1.1.1.1"], &["169.254.169.254"]], METADATA),
    (&[], &[&["127.0.0.1"], &["1.1.1.1"]], LOOPBACK),
];

const LOOPBACK: &str = "127.0.0.1, a loopback address";
const METADATA: &str = "169.254.169.254, a cloud's metadata address";

#[test]
fn every_address_of_every_answer_is_checked() {
    compare(
        "answers",
        TABLE.iter().map(|(redirects, answers, expected)| {
            let names = &[("a.test", *answers)];
            let source = "{base_url: 'https://a.test'}";
            let found = outcome(&Attempt { source, request: get("/users"), redirects, names });
            let expected = match expected.starts_with("GET") {
                true => (*expected).to_owned(),
                false => {
                    format!("grant.refused: GET /users: a.test is at {expected}, which this connection does not allow")
                }
            };
            (format!("{redirects:?} {answers:?}"), found, expected)
        }),
    );
}
