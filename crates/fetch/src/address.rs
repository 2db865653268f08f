//! What kind of address a host or an IP is. Pure: whether a kind may be called is the policy's
//! matter.
//!
//! The ranges are those of the IANA special-purpose registries, which contain every range Agent
//! Auth §8.12 names.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// The kind of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressVerdict {
    /// Reachable by everyone.
    Public,
    /// This machine.
    Loopback,
    /// A private network: RFC 1918, or unique local in IPv6.
    Private,
    /// A carrier's or overlay's shared network: 100.64.0.0/10.
    Shared,
    /// This link only, where clouds keep their metadata services.
    LinkLocal,
    /// The address that stands for none.
    Unspecified,
    /// Meant for documents.
    Documentation,
    /// Meant for benchmarks.
    Benchmark,
    /// A group, not a host.
    Multicast,
    /// Not assigned to hosts.
    Reserved,
}

impl AddressVerdict {
    /// The kind of the host a URL names; nothing when it is a name that only resolving can judge.
    ///
    /// `url` has already turned odd number forms (`0x7f.1`, `2130706433`) into plain addresses.
    pub fn of_host(url: &Url) -> Option<Self> {
        match url.host()? {
            Host::Ipv4(address) => Some(Self::of_v4(address)),
            Host::Ipv6(address) => Some(Self::of_v6(address)),
            Host::Domain(name) => is_localhost(name).then_some(Self::Loopback),
        }
    }

    /// The kind of an address.
    pub fn of_ip(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let within = |network: Ipv4Addr, length: u8| {
            (address.to_bits() ^ network.to_bits()) >> (32 - length) == 0
        };
        let found = V4_RANGES
            .iter()
            .find(|(network, length, _)| within(*network, *length));
        found.map_or(Self::Public, |(_, _, kind)| *kind)
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        // A socket for a mapped address talks IPv4, so it is that IPv4 address.
        if let Some(inner) = address.to_ipv4_mapped() {
            return Self::of_v4(inner);
        }
        // A gateway elsewhere unpacks these: what it would reach inside is never ours to call, and
        // never this machine.
        if let Some(inner) = embedded_v4(address) {
            return match Self::of_v4(inner) {
                Self::Public => Self::Public,
                _ => Self::Reserved,
            };
        }
        let within = |network: Ipv6Addr, length: u8| {
            (address.to_bits() ^ network.to_bits()) >> (128 - length) == 0
        };
        let found = V6_RANGES
            .iter()
            .find(|(network, length, _)| within(*network, *length));
        found.map_or(Self::Reserved, |(_, _, kind)| *kind)
    }
}

impl fmt::Display for AddressVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::Shared => "shared",
            Self::LinkLocal => "link-local",
            Self::Unspecified => "unspecified",
            Self::Documentation => "documentation",
            Self::Benchmark => "benchmark",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
        })
    }
}

/// Whether a name means this machine by definition (RFC 6761 §6.3), whatever a resolver says.
pub(crate) fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// The IPv4 address inside a NAT64 (`64:ff9b::/96`) or 6to4 (`2002::/16`) address.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

/// Everything else is public.
const V4_RANGES: [(Ipv4Addr, u8, AddressVerdict); 16] = [
    (Ipv4Addr::UNSPECIFIED, 32, AddressVerdict::Unspecified),
    (Ipv4Addr::UNSPECIFIED, 8, AddressVerdict::Reserved),
    (Ipv4Addr::new(10, 0, 0, 0), 8, AddressVerdict::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, AddressVerdict::Shared),
    (Ipv4Addr::new(127, 0, 0, 0), 8, AddressVerdict::Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, AddressVerdict::LinkLocal),
    (Ipv4Addr::new(172, 16, 0, 0), 12, AddressVerdict::Private),
    // Protocol assignments; one cloud keeps its metadata service here.
    (Ipv4Addr::new(192, 0, 0, 0), 24, AddressVerdict::Reserved),
    (
        Ipv4Addr::new(192, 0, 2, 0),
        24,
        AddressVerdict::Documentation,
    ),
    // The former 6to4 relays.
    (Ipv4Addr::new(192, 88, 99, 0), 24, AddressVerdict::Reserved),
    (Ipv4Addr::new(192, 168, 0, 0), 16, AddressVerdict::Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, AddressVerdict::Benchmark),
    (
        Ipv4Addr::new(198, 51, 100, 0),
        24,
        AddressVerdict::Documentation,
    ),
    (
        Ipv4Addr::new(203, 0, 113, 0),
        24,
        AddressVerdict::Documentation,
    ),
    (Ipv4Addr::new(224, 0, 0, 0), 4, AddressVerdict::Multicast),
    // Future use, and the broadcast address.
    (Ipv4Addr::new(240, 0, 0, 0), 4, AddressVerdict::Reserved),
];

/// The first range that holds an address decides. Everything else is reserved, which takes in the
/// IPv4-compatible `::/96`, the discard prefix and local NAT64.
const V6_RANGES: [(Ipv6Addr, u8, AddressVerdict); 10] = [
    (Ipv6Addr::UNSPECIFIED, 128, AddressVerdict::Unspecified),
    (Ipv6Addr::LOCALHOST, 128, AddressVerdict::Loopback),
    (
        Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0),
        7,
        AddressVerdict::Private,
    ),
    (
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0),
        10,
        AddressVerdict::LinkLocal,
    ),
    (
        Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0),
        8,
        AddressVerdict::Multicast,
    ),
    (
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0),
        32,
        AddressVerdict::Documentation,
    ),
    (
        Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0),
        20,
        AddressVerdict::Documentation,
    ),
    (
        Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0),
        48,
        AddressVerdict::Benchmark,
    ),
    // Protocol assignments, Teredo among them.
    (
        Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0),
        23,
        AddressVerdict::Reserved,
    ),
    (
        Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0),
        3,
        AddressVerdict::Public,
    ),
];

#[cfg(test)]
mod tests;
