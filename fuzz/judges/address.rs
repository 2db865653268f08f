//! URLs of strangers, and the addresses in them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use procura_fetch::{AddressVerdict, FetchPolicy};
use url::{Host, Url};

/// What a server may call is https, and no address that another reader of addresses holds for a special one.
pub(crate) fn judge(bytes: &[u8]) {
    if let Ok(octets) = <[u8; 16]>::try_from(bytes) {
        let address = Ipv6Addr::from(octets);
        if AddressVerdict::of_ip(IpAddr::V6(address)) == AddressVerdict::Public {
            assert!(is_plain_v6(address), "{address}");
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(url) = Url::parse(text) else { return };
    if FetchPolicy::server().admit(&url).is_err() {
        return;
    }
    assert_eq!(url.scheme(), "https");
    assert!(url.username().is_empty() && url.password().is_none());
    match url.host() {
        Some(Host::Ipv4(address)) => assert!(is_plain_v4(address), "{address}"),
        Some(Host::Ipv6(address)) => assert!(is_plain_v6(address), "{address}"),
        Some(Host::Domain(name)) => {
            assert!(
                !name.is_empty() && name.parse::<IpAddr>().is_err(),
                "{name}"
            );
        }
        None => panic!("a URL without host was admitted"),
    }
}

fn is_plain_v4(address: Ipv4Addr) -> bool {
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation();
    !is_special
}

fn is_plain_v6(address: Ipv6Addr) -> bool {
    let is_special = address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local();
    !is_special && address.to_ipv4_mapped().is_none_or(is_plain_v4)
}
