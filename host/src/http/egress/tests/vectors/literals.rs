//! Base URLs in every notation of an address, and other spellings of a host, as they may stand in a connection file.

use crate::http::egress::tests::{Attempt, compare, get, outcome};

const ADDRESS: &str = "config.invalid: `source.base_url` must be an address that begins with `https://` or `http://`";

/// Base URL, and what comes of it.
pub(super) const TABLE: &[(&str, &str)] = &[
    ("http://127.0.0.1", "127.0.0.1 is a loopback address"),
    ("http://127.0.0.1.", "127.0.0.1 is a loopback address"),
    ("http://127.1", "127.0.0.1 is a loopback address"),
    ("http://127.0.1", "127.0.0.1 is a loopback address"),
    ("http://2130706433", "127.0.0.1 is a loopback address"),
    ("http://2130706433.", "127.0.0.1 is a loopback address"),
    ("http://0x7f000001", "127.0.0.1 is a loopback address"),
    ("http://0X7F.0.0.1", "127.0.0.1 is a loopback address"),
    ("http://0x7f.1", "127.0.0.1 is a loopback address"),
    ("http://017700000001", "127.0.0.1 is a loopback address"),
    ("http://0177.0.0.1", "127.0.0.1 is a loopback address"),
    ("http://0177.0.0x1", "127.0.0.1 is a loopback address"),
    ("http://127.000.000.001", "127.0.0.1 is a loopback address"),
    ("http://127.65530", "127.0.255.250 is a loopback address"),
    ("http://%31%32%37.0.0.1", "127.0.0.1 is a loopback address"),
    ("http://127%2e0%2e0%2e1", "127.0.0.1 is a loopback address"),
    ("http://１２７.０.０.１", "127.0.0.1 is a loopback address"),
    ("http://127。0。0。1", "127.0.0.1 is a loopback address"),
    ("http://①②⑦.⓪.⓪.①", "127.0.0.1 is a loopback address"),
    ("http://0", "0.0.0.0 is an unspecified address"),
    ("http://0x", "0.0.0.0 is an unspecified address"),
    ("http://0.0.0.0:80", "0.0.0.0 is an unspecified address"),
    ("http://10.1", "10.0.0.1 is a private address"),
    ("http://192.168.257", "192.168.1.1 is a private address"),
    ("http://169.254.169.254", "169.254.169.254 is a cloud's metadata address"),
    ("http://2852039166", "169.254.169.254 is a cloud's metadata address"),
    ("http://0xa9fea9fe", "169.254.169.254 is a cloud's metadata address"),
    ("http://0xa9.0xfe.0xa9.0xfe", "169.254.169.254 is a cloud's metadata address"),
    ("http://0251.0376.0251.0376", "169.254.169.254 is a cloud's metadata address"),
    ("http://169.254.43518", "169.254.169.254 is a cloud's metadata address"),
    ("http://169.16689662", "169.254.169.254 is a cloud's metadata address"),
    ("http://168.63.129.16", "168.63.129.16 is a cloud's metadata address"),
    ("http://100.100.100.200", "100.100.100.200 is a cloud's metadata address"),
    ("https://[::1]", "::1 is a loopback address"),
    ("https://[0:0:0:0:0:0:0:1]", "::1 is a loopback address"),
    ("https://[::]", ":: is an unspecified address"),
    ("https://[::ffff:7f00:1]", "::ffff:127.0.0.1 is a loopback address"),
    ("https://[::FFFF:127.0.0.1]", "::ffff:127.0.0.1 is a loopback address"),
    ("https://[::ffff:a9fe:a9fe]", "::ffff:169.254.169.254 is a cloud's metadata address"),
    ("https://[fd00:ec2::254]", "fd00:ec2::254 is a cloud's metadata address"),
    ("https://[64:ff9b::7f00:1]", "64:ff9b::7f00:1 is a loopback address"),
    ("https://[fe80::1]", "fe80::1 is a link-local address"),
    ("https://[fe80::1%25eth0]", ADDRESS),
    ("https://[fe80::1%eth0]", ADDRESS),
    ("https://[::1", ADDRESS),
    ("https://::1", ADDRESS),
    ("https://[127.0.0.1]", ADDRESS),
    ("http://256.1.1.1", ADDRESS),
    ("http://1.2.3.4.5", ADDRESS),
    ("http://4294967296", ADDRESS),
    ("http://0x100000000", ADDRESS),
    ("http://127.0.0.08", ADDRESS),
    ("http://a.test:65536", ADDRESS),
    ("http://a.test:port", ADDRESS),
    ("http://a b.test", ADDRESS),
    ("http://a%00.test", ADDRESS),
    ("http://a%2f.test", ADDRESS),
    ("http://a%0d%0a.test", ADDRESS),
    ("http://", ADDRESS),
    ("file:///etc/passwd", ADDRESS),
    ("gopher://a.test", ADDRESS),
    ("ftp://a.test", ADDRESS),
    ("javascript:alert(1)", ADDRESS),
    ("a.test", ADDRESS),
    ("//a.test", ADDRESS),
    ("https://1.1.1.1", "GET https://1.1.1.1/users"),
    ("https://16843009", "GET https://1.1.1.1/users"),
    ("https://[2606:4700:4700::1111]", "GET https://[2606:4700:4700::1111]/users"),
    ("https://A.TEST", "GET https://a.test/users at 93.184.215.14"),
    ("https://a.test.", "GET https://a.test/users at 93.184.215.14"),
    ("https://a.test:443", "GET https://a.test/users at 93.184.215.14"),
    ("https://a.test:8443", "GET https://a.test:8443/users at 93.184.215.14"),
    ("https:a.test", "GET https://a.test/users at 93.184.215.14"),
    ("https:/a.test", "GET https://a.test/users at 93.184.215.14"),
    ("https:\\\\a.test", "GET https://a.test/users at 93.184.215.14"),
    ("https://a%2Etest", "GET https://a.test/users at 93.184.215.14"),
    ("https://ａ．ｔｅｓｔ", "GET https://a.test/users at 93.184.215.14"),
    ("https://bücher.test", "GET https://xn--bcher-kva.test/users at 93.184.215.14"),
    ("https://xn--bcher-kva.test", "GET https://xn--bcher-kva.test/users at 93.184.215.14"),
    ("https://faß.test", "GET https://xn--fa-hia.test/users at 93.184.215.14"),
    ("https://xn--a", ADDRESS),
    (
        "https://a.test/v1/..%2f..",
        "config.invalid: source.base_url: its path contains `.` or `..`, which could leave the base URL",
    ),
    ("https://me@a.test", "config.invalid: `source.base_url` must not have a user name or a password in it"),
    ("https://a.test:pass@b.test", "config.invalid: `source.base_url` must not have a user name or a password in it"),
    ("https://a.test#@b.test", "config.invalid: `source.base_url` must not have a fragment (`#…`)"),
    ("https://a.test?@b.test", "config.invalid: `source.base_url` must not have a query (`?…`)"),
];

#[test]
fn a_base_url_leads_where_it_is_read_to_lead() {
    let tried = TABLE.iter().map(|(base, expected)| {
        let source = format!("{{base_url: '{base}'}}");
        let found = outcome(&Attempt { source: &source, request: get("/users"), ..Attempt::default() });
        let expected = match expected.starts_with("GET ") || expected.starts_with("config.") {
            true => (*expected).to_owned(),
            false => format!("grant.refused: {expected}, which this connection does not allow"),
        };
        ((*base).to_owned(), found, expected)
    });
    compare("literals", tried);
}
