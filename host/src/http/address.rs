//! Which addresses are special: not those of a public server, but of this machine, its network or a protocol.
//!
//! A source that could name such an address would make the host fetch what only the host can reach. This file only
//! knows the tables of RFC 6890 and what clouds added to them; who asks and what follows is decided elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Why an address is special, as in `127.0.0.1 is a loopback address`; nothing for a public one.
pub(super) fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

/// The address that a URL names literally, if it does; no name service is asked about it.
pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    Some(match address.octets() {
        [0, ..] => "an unspecified address",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "a private address",
        [100, 64..=127, ..] => "a carrier's private address",
        [127, ..] => "a loopback address",
        [169, 254, ..] => "a link-local address",
        [168, 63, 129, 16] => "a cloud's metadata address",
        [192, 0, 0, _] => "a protocol's address",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "a documentation address",
        [192, 88, 99, _] => "a relay's address",
        [198, 18 | 19, ..] => "a benchmark's address",
        [224..=239, ..] => "a multicast address",
        [240..=255, ..] => "a reserved address",
        _ => return None,
    })
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    if let Some(inner) = embedded_v4(&segments) {
        return special_v4(inner);
    }
    Some(match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => "an unspecified address",
        [0, 0, 0, 0, 0, 0, 0, 1] => "a loopback address",
        [0x0064, 0xff9b, 1, ..] => "a translator's private address",
        [0x0100, 0, 0, 0, ..] => "a discard address",
        [0x2001, 0, ..] => "a tunnel's address",
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => "a documentation address",
        [0x2001, 0..=0x01ff, ..] => "a protocol's address",
        [0xfc00..=0xfdff, ..] => "a private address",
        [0xfe80..=0xfebf, ..] => "a link-local address",
        [0xfec0..=0xfeff, ..] => "a site-local address",
        [0xff00..=0xffff, ..] => "a multicast address",
        [0x2000..=0x3fff, ..] => return None,
        _ => "a reserved address",
    })
}

/// The IPv4 address that packets to an IPv6 address end at: mapped, compatible, translated (NAT64) or by 6to4.
fn embedded_v4(segments: &[u16; 8]) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match *segments {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => Some(join(high, low)),
        [0, 0, 0, 0, 0xffff, 0, high, low] => Some(join(high, low)),
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => Some(join(high, low)),
        [0x2002, high, low, ..] => Some(join(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_told_from_public_ones() {
        let cases = [
            ("0.0.0.0", Some("an unspecified address")),
            ("10.1.2.3", Some("a private address")),
            ("100.64.0.1", Some("a carrier's private address")),
            ("100.63.255.255", None),
            ("127.0.0.1", Some("a loopback address")),
            ("127.255.255.254", Some("a loopback address")),
            ("168.63.129.16", Some("a cloud's metadata address")),
            ("169.254.169.254", Some("a link-local address")),
            ("172.15.255.255", None),
            ("172.16.0.1", Some("a private address")),
            ("172.31.255.255", Some("a private address")),
            ("172.32.0.0", None),
            ("192.0.0.170", Some("a protocol's address")),
            ("192.0.2.1", Some("a documentation address")),
            ("192.88.99.1", Some("a relay's address")),
            ("192.168.0.1", Some("a private address")),
            ("198.18.0.1", Some("a benchmark's address")),
            ("198.51.100.7", Some("a documentation address")),
            ("203.0.113.7", Some("a documentation address")),
            ("224.0.0.1", Some("a multicast address")),
            ("255.255.255.255", Some("a reserved address")),
            ("1.1.1.1", None),
            ("151.101.1.69", None),
            ("::", Some("an unspecified address")),
            ("::1", Some("a loopback address")),
            ("::7f00:1", Some("a loopback address")),
            ("::ffff:127.0.0.1", Some("a loopback address")),
            ("::ffff:1.1.1.1", None),
            ("::ffff:0:10.0.0.1", Some("a private address")),
            ("64:ff9b::10.0.0.1", Some("a private address")),
            ("64:ff9b::1.1.1.1", None),
            ("64:ff9b:1::1", Some("a translator's private address")),
            ("100::1", Some("a discard address")),
            ("2001::1", Some("a tunnel's address")),
            ("2001:db8::1", Some("a documentation address")),
            ("2001:20::1", Some("a protocol's address")),
            ("2002:7f00:1::", Some("a loopback address")),
            ("2002:101:101::", None),
            ("2606:4700:4700::1111", None),
            ("3fff::1", Some("a documentation address")),
            ("fd00:ec2::254", Some("a private address")),
            ("fe80::1", Some("a link-local address")),
            ("fec0::1", Some("a site-local address")),
            ("ff02::1", Some("a multicast address")),
            ("4000::1", Some("a reserved address")),
        ];
        for (address, expected) in cases {
            assert_eq!(special(address.parse().expect("an address")), expected, "{address}");
        }
    }

    #[test]
    fn literal_addresses_are_found_in_every_spelling() {
        let cases = [
            ("http://127.0.0.1:9/", Some("127.0.0.1")),
            ("http://2130706433/", Some("127.0.0.1")),
            ("http://0x7f.1/", Some("127.0.0.1")),
            ("http://[::ffff:127.0.0.1]/", Some("::ffff:127.0.0.1")),
            ("http://localhost/", None),
        ];
        for (url, expected) in cases {
            let found = literal(&url.parse().expect("a URL"));
            assert_eq!(found, expected.map(|address| address.parse().expect("an address")), "{url}");
        }
    }
}
