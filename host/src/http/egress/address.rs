//! What an address is: one of a public server, or of this machine, its networks, its cloud or a protocol.
//!
//! A source that could name such an address would make the host fetch what only the host can reach. This file only
//! knows the tables of RFC 6890 and what clouds document; who asks and what follows is decided elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is, as in `127.0.0.1 is a loopback address`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One of a public server.
    Public,
    /// One of this machine or of a network that it is in.
    Inside(&'static str),
    /// A public IPv4 address that is written, translated or tunnelled as an IPv6 one.
    Disguised(&'static str),
    /// One that no name has a reason to stand for.
    Odd(&'static str),
}

impl Kind {
    pub(super) fn of(address: IpAddr) -> Kind {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }
}

const LOOPBACK: Kind = Kind::Inside("a loopback address");
const PRIVATE: Kind = Kind::Inside("a private address");
const METADATA: Kind = Kind::Odd("a cloud's metadata address");
const DOCUMENTATION: Kind = Kind::Odd("a documentation address");
const LINK_LOCAL: Kind = Kind::Odd("a link-local address");
const MULTICAST: Kind = Kind::Odd("a multicast address");
const PROTOCOL: Kind = Kind::Odd("a protocol's address");
const RESERVED: Kind = Kind::Odd("a reserved address");
const UNSPECIFIED: Kind = Kind::Odd("an unspecified address");

fn of_v4(address: Ipv4Addr) -> Kind {
    if is_metadata_v4(address) {
        return METADATA;
    }
    match address.octets() {
        [0, ..] => UNSPECIFIED,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => PRIVATE,
        [100, 64..=127, ..] => Kind::Inside("a carrier's private address"),
        [127, ..] => LOOPBACK,
        [169, 254, ..] => LINK_LOCAL,
        [192, 0, 0, _] => PROTOCOL,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => DOCUMENTATION,
        [192, 31, 196, _] | [192, 52, 193, _] | [192, 175, 48, _] => PROTOCOL,
        [192, 88, 99, _] => Kind::Odd("a relay's address"),
        [198, 18 | 19, ..] => Kind::Odd("a benchmark's address"),
        [224..=239, ..] => MULTICAST,
        [240..=255, ..] => RESERVED,
        _ => Kind::Public,
    }
}

/// Where clouds answer a machine's questions about itself, its credentials included.
fn is_metadata_v4(address: Ipv4Addr) -> bool {
    matches!(
        address.octets(),
        // AWS, Azure, Google Cloud, OpenStack and most others; AWS ECS and EKS; Scaleway; Tencent Cloud.
        [169, 254, 169, 254] | [169, 254, 170, 2 | 23] | [169, 254, 42, 42] | [169, 254, 0, 23]
        // Azure's WireServer, in a public range.
        | [168, 63, 129, 16]
        // Alibaba Cloud and Volcengine, in the range of carriers.
        | [100, 100, 100, 200] | [100, 96, 0, 96]
        // Oracle Cloud Classic.
        | [192, 0, 0, 192]
    )
}

fn of_v6(address: Ipv6Addr) -> Kind {
    let segments = address.segments();
    if let Some((form, inner)) = embedded_v4(&segments) {
        return match of_v4(inner) {
            Kind::Public => Kind::Disguised(form),
            kind => kind,
        };
    }
    if is_metadata_v6(&segments) {
        return METADATA;
    }
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => UNSPECIFIED,
        [0, 0, 0, 0, 0, 0, 0, 1] => LOOPBACK,
        // Where the IPv4 address stands in there differs from translator to translator.
        [0x0064, 0xff9b, 1, ..] => Kind::Odd("a translator's address (NAT64)"),
        [0x0100, 0, 0, 0, ..] => Kind::Odd("a discard address"),
        [0x2001, 0, ..] => Kind::Odd("a tunnel's address"),
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => DOCUMENTATION,
        [0x2001, 0..=0x01ff, ..] | [0x2620, 0x004f, 0x8000, ..] => PROTOCOL,
        [0xfc00..=0xfdff, ..] => PRIVATE,
        [0xfe80..=0xfebf, ..] => LINK_LOCAL,
        [0xfec0..=0xfeff, ..] => Kind::Inside("a site-local address"),
        [0xff00..=0xffff, ..] => MULTICAST,
        [0x2000..=0x3fff, ..] => Kind::Public,
        _ => RESERVED,
    }
}

fn is_metadata_v6(segments: &[u16; 8]) -> bool {
    match segments {
        // AWS: metadata, EKS, names and time, all of one network.
        [0xfd00, 0x0ec2, ..] => true,
        // Google Cloud, Scaleway, Akamai, OpenStack.
        [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254]
        | [0xfd00, 0x0042, 0, 0, 0, 0, 0, 0x0042]
        | [0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0, 0, 1]
        | [0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe] => true,
        _ => false,
    }
}

/// The IPv4 address that packets to an IPv6 address end at, and how it stands in there.
fn embedded_v4(segments: &[u16; 8]) -> Option<(&'static str, Ipv4Addr)> {
    let join = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    let (form, high, low) = match *segments {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => return None,
        [0, 0, 0, 0, 0, 0xffff, high, low] => ("an IPv4-mapped address", high, low),
        [0, 0, 0, 0, 0, 0, high, low] => ("an IPv4-compatible address", high, low),
        [0, 0, 0, 0, 0xffff, 0, high, low] => ("a translated IPv4 address", high, low),
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => ("a translated IPv4 address (NAT64)", high, low),
        [0x2002, high, low, ..] => ("a tunnelled IPv4 address (6to4)", high, low),
        // The two identifiers of RFC 5214; the prefix may be any.
        [_, _, _, _, 0x0000 | 0x0200, 0x5efe, high, low] => ("a tunnelled IPv4 address (ISATAP)", high, low),
        _ => return None,
    };
    Some((form, join(high, low)))
}
