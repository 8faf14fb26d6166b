//! What a name may be at: by default, and where its host is one that may be at private addresses.

use crate::http::egress::tests::{Attempt, compare, get, outcome};

/// Allowed either way.
const PUBLIC: (&str, &str) = ("", "");
/// Refused by default.
const fn inside(kind: &'static str) -> (&'static str, &'static str) {
    (kind, "")
}
/// Refused either way.
const fn never(kind: &'static str) -> (&'static str, &'static str) {
    (kind, kind)
}

const LOOPBACK: (&str, &str) = inside("a loopback address");
const PRIVATE: (&str, &str) = inside("a private address");
const CARRIER: (&str, &str) = inside("a carrier's private address");
const METADATA: (&str, &str) = never("a cloud's metadata address");
const LINK_LOCAL: (&str, &str) = never("a link-local address");
const UNSPECIFIED: (&str, &str) = never("an unspecified address");
const MULTICAST: (&str, &str) = never("a multicast address");
const DOCUMENTATION: (&str, &str) = never("a documentation address");
const RESERVED: (&str, &str) = never("a reserved address");
const PROTOCOL: (&str, &str) = never("a protocol's address");
const BENCHMARK: (&str, &str) = never("a benchmark's address");
const TUNNEL: (&str, &str) = never("a tunnel's address");

pub(super) const TABLE: &[(&str, (&str, &str))] = &[
    ("1.1.1.1", PUBLIC),
    ("8.8.8.8", PUBLIC),
    ("9.255.255.255", PUBLIC),
    ("11.0.0.0", PUBLIC),
    ("100.63.255.255", PUBLIC),
    ("100.128.0.0", PUBLIC),
    ("126.255.255.255", PUBLIC),
    ("128.0.0.1", PUBLIC),
    ("169.253.255.255", PUBLIC),
    ("169.255.0.0", PUBLIC),
    ("172.15.255.255", PUBLIC),
    ("172.32.0.0", PUBLIC),
    ("192.167.255.255", PUBLIC),
    ("192.169.0.0", PUBLIC),
    ("198.17.255.255", PUBLIC),
    ("198.20.0.0", PUBLIC),
    ("223.255.255.255", PUBLIC),
    ("127.0.0.1", LOOPBACK),
    ("127.0.0.2", LOOPBACK),
    ("127.1.2.3", LOOPBACK),
    ("127.255.255.255", LOOPBACK),
    ("10.0.0.0", PRIVATE),
    ("10.255.255.255", PRIVATE),
    ("172.16.0.0", PRIVATE),
    ("172.17.0.1", PRIVATE),
    ("172.31.255.255", PRIVATE),
    ("192.168.0.0", PRIVATE),
    ("192.168.255.255", PRIVATE),
    ("100.64.0.0", CARRIER),
    ("100.127.255.255", CARRIER),
    ("169.254.0.0", LINK_LOCAL),
    ("169.254.169.253", LINK_LOCAL),
    ("169.254.255.255", LINK_LOCAL),
    ("169.254.169.254", METADATA),
    ("169.254.170.2", METADATA),
    ("169.254.170.23", METADATA),
    ("169.254.42.42", METADATA),
    ("169.254.0.23", METADATA),
    ("168.63.129.16", METADATA),
    ("168.63.129.15", PUBLIC),
    ("168.63.129.17", PUBLIC),
    ("100.100.100.200", METADATA),
    ("100.100.100.201", CARRIER),
    ("100.96.0.96", METADATA),
    ("192.0.0.192", METADATA),
    ("0.0.0.0", UNSPECIFIED),
    ("0.0.0.1", UNSPECIFIED),
    ("0.255.255.255", UNSPECIFIED),
    ("192.0.0.1", PROTOCOL),
    ("192.0.0.170", PROTOCOL),
    ("192.31.196.1", PROTOCOL),
    ("192.52.193.1", PROTOCOL),
    ("192.175.48.1", PROTOCOL),
    ("192.0.2.1", DOCUMENTATION),
    ("198.51.100.255", DOCUMENTATION),
    ("203.0.113.7", DOCUMENTATION),
    ("192.88.99.1", never("a relay's address")),
    ("198.18.0.0", BENCHMARK),
    ("198.19.255.255", BENCHMARK),
    ("224.0.0.1", MULTICAST),
    ("239.255.255.250", MULTICAST),
    ("240.0.0.1", RESERVED),
    ("255.255.255.255", RESERVED),
    ("2606:4700:4700::1111", PUBLIC),
    ("2a00:1450:4001:82a::200e", PUBLIC),
    ("::", UNSPECIFIED),
    ("::1", LOOPBACK),
    ("::2", UNSPECIFIED),
    ("::7f00:1", LOOPBACK),
    ("::10.0.0.1", PRIVATE),
    ("::169.254.169.254", METADATA),
    ("::8.8.8.8", inside("an IPv4-compatible address")),
    ("::ffff:127.0.0.1", LOOPBACK),
    ("::ffff:192.168.0.1", PRIVATE),
    ("::ffff:169.254.169.254", METADATA),
    ("::ffff:168.63.129.16", METADATA),
    ("::ffff:0.0.0.0", UNSPECIFIED),
    ("::ffff:8.8.8.8", inside("an IPv4-mapped address")),
    ("::ffff:0:10.0.0.1", PRIVATE),
    ("::ffff:0:169.254.169.254", METADATA),
    ("::ffff:0:8.8.8.8", inside("a translated IPv4 address")),
    ("64:ff9b::127.0.0.1", LOOPBACK),
    ("64:ff9b::169.254.169.254", METADATA),
    ("64:ff9b::8.8.8.8", inside("a translated IPv4 address (NAT64)")),
    ("64:ff9b:1::1", never("a translator's address (NAT64)")),
    ("64:ff9b:1::a9fe:a9fe", never("a translator's address (NAT64)")),
    ("64:ff9b:2::1", RESERVED),
    ("100::1", never("a discard address")),
    ("2001::1", TUNNEL),
    ("2001:0:53aa:64c:0:fffe:5601:5601", TUNNEL),
    ("2001:20::1", PROTOCOL),
    ("2001:1ff:ffff::1", PROTOCOL),
    ("2001:200::1", PUBLIC),
    ("2001:db8::1", DOCUMENTATION),
    ("2001:db8:ffff::1", DOCUMENTATION),
    ("3fff::1", DOCUMENTATION),
    ("3fff:fff::1", DOCUMENTATION),
    ("2002:7f00:1::1", LOOPBACK),
    ("2002:a9fe:a9fe::", METADATA),
    ("2002:808:808::1", inside("a tunnelled IPv4 address (6to4)")),
    ("2a00:1450::5efe:10.0.0.1", PRIVATE),
    ("2a00:1450::200:5efe:169.254.169.254", METADATA),
    ("2a00:1450::5efe:8.8.8.8", inside("a tunnelled IPv4 address (ISATAP)")),
    ("2620:4f:8000::1", PROTOCOL),
    ("fc00::1", PRIVATE),
    ("fdff::1", PRIVATE),
    ("fd00:ec2::254", METADATA),
    ("fd00:ec2::23", METADATA),
    ("fd20:ce::254", METADATA),
    ("fd00:42::42", METADATA),
    ("fd00:a9fe:a9fe::1", METADATA),
    ("fe80::a9fe:a9fe", METADATA),
    ("fe80::1", LINK_LOCAL),
    ("febf::1", LINK_LOCAL),
    ("fec0::1", inside("a site-local address")),
    ("ff02::1", MULTICAST),
    ("ff0e::1", MULTICAST),
    ("1fff::1", RESERVED),
    ("4000::1", RESERVED),
    ("5f00::1", RESERVED),
];

#[test]
fn names_are_refused_at_special_addresses() {
    let tried = TABLE.iter().flat_map(|(address, (by_default, as_private))| {
        [("false", by_default), ("true", as_private)].map(|(is_private, kind)| {
            let source = format!("{{base_url: 'https://a.test', allow_private_addresses: {is_private}}}");
            let found = outcome(&Attempt {
                source: &source,
                request: get("/users"),
                names: &[("a.test", &[&[address]])],
                ..Attempt::default()
            });
            // As the standard library writes it.
            let shown = address.parse::<std::net::IpAddr>().expect("an address");
            let expected = match *kind {
                "" => format!("GET https://a.test/users at {shown}"),
                kind => format!(
                    "grant.refused: GET /users: a.test is at {shown}, {kind}, which this connection does not allow"
                ),
            };
            (format!("{address}, private: {is_private}"), found, expected)
        })
    });
    compare("addresses", tried);
}
