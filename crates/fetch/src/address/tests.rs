use super::AddressVerdict::{
    Benchmark, Documentation, LinkLocal, Loopback, Multicast, Private, Public, Reserved, Shared,
    Unspecified,
};
use super::*;

/// AA-8.12-01: both edges of each range, and the neighbours outside it.
#[test]
fn each_ipv4_range_is_judged_up_to_its_edges() {
    let table = [
        ("0.0.0.0", Unspecified),
        ("0.0.0.1", Reserved),
        ("0.255.255.255", Reserved),
        ("1.0.0.0", Public),
        ("9.255.255.255", Public),
        ("10.0.0.0", Private),
        ("10.255.255.255", Private),
        ("11.0.0.0", Public),
        ("100.63.255.255", Public),
        ("100.64.0.0", Shared),
        ("100.127.255.255", Shared),
        ("100.128.0.0", Public),
        ("126.255.255.255", Public),
        ("127.0.0.0", Loopback),
        ("127.255.255.255", Loopback),
        ("128.0.0.0", Public),
        ("169.253.255.255", Public),
        ("169.254.0.0", LinkLocal),
        ("169.254.169.254", LinkLocal),
        ("169.254.255.255", LinkLocal),
        ("169.255.0.0", Public),
        ("172.15.255.255", Public),
        ("172.16.0.0", Private),
        ("172.31.255.255", Private),
        ("172.32.0.0", Public),
        ("192.0.0.192", Reserved),
        ("192.0.1.0", Public),
        ("192.0.2.255", Documentation),
        ("192.0.3.0", Public),
        ("192.88.99.1", Reserved),
        ("192.167.255.255", Public),
        ("192.168.0.0", Private),
        ("192.168.255.255", Private),
        ("192.169.0.0", Public),
        ("198.17.255.255", Public),
        ("198.18.0.0", Benchmark),
        ("198.19.255.255", Benchmark),
        ("198.20.0.0", Public),
        ("198.51.100.7", Documentation),
        ("203.0.113.7", Documentation),
        ("223.255.255.255", Public),
        ("224.0.0.0", Multicast),
        ("239.255.255.255", Multicast),
        ("240.0.0.0", Reserved),
        ("255.255.255.255", Reserved),
    ];
    check_ips(&table);
}

/// AA-8.12-01: IPv6, and the IPv4 addresses hidden inside it.
#[test]
fn each_ipv6_range_is_judged_up_to_its_edges() {
    let table = [
        ("::", Unspecified),
        ("::1", Loopback),
        ("::2", Reserved),
        ("100::1", Reserved),
        ("1fff:ffff::1", Reserved),
        ("2000::", Public),
        ("2001::1", Reserved),
        ("2001:2::1", Benchmark),
        ("2001:1ff:ffff::1", Reserved),
        ("2001:200::1", Public),
        ("2001:db7:ffff::1", Public),
        ("2001:db8::1", Documentation),
        ("2001:db9::1", Public),
        ("2606:4700:4700::1111", Public),
        ("3ffe:ffff::1", Public),
        ("3fff:0fff::1", Documentation),
        ("3fff:1000::1", Public),
        ("4000::1", Reserved),
        ("fbff::1", Reserved),
        ("fc00::", Private),
        ("fd00:ec2::254", Private),
        ("fdff:ffff::1", Private),
        ("fe00::1", Reserved),
        ("fe80::1", LinkLocal),
        ("febf:ffff::1", LinkLocal),
        ("fec0::1", Reserved),
        ("ff02::1", Multicast),
    ];
    check_ips(&table);
}

/// AA-8.12-01
#[test]
fn an_ipv4_address_inside_an_ipv6_address_is_what_is_judged() {
    let table = [
        ("::ffff:127.0.0.1", Loopback),
        ("::ffff:10.0.0.1", Private),
        ("::ffff:169.254.169.254", LinkLocal),
        ("::ffff:8.8.8.8", Public),
        ("::127.0.0.1", Reserved),
        ("::8.8.8.8", Reserved),
        ("64:ff9b::8.8.8.8", Public),
        ("64:ff9b::127.0.0.1", Reserved),
        ("64:ff9b::192.168.0.1", Reserved),
        ("64:ff9b:1::8.8.8.8", Reserved),
        ("2002:808:808::1", Public),
        ("2002:7f00:1::", Reserved),
        ("2002:a9fe:a9fe::1", Reserved),
    ];
    check_ips(&table);
}

/// AA-8.12-01: the host of a URL, in every spelling that browsers accept.
#[test]
fn every_spelling_of_a_host_is_judged_as_what_it_means() {
    let table = [
        ("https://127.0.0.1/", Some(Loopback)),
        ("https://127.0.0.1./", Some(Loopback)),
        ("https://127.1/", Some(Loopback)),
        ("https://0x7f.1/", Some(Loopback)),
        ("https://0177.0.0.1/", Some(Loopback)),
        ("https://2130706433/", Some(Loopback)),
        ("https://0x7f000001/", Some(Loopback)),
        ("https://%31%32%37.0.0.1/", Some(Loopback)),
        ("https://①②⑦.0.0.1/", Some(Loopback)),
        ("https://127。0。0。1/", Some(Loopback)),
        ("https://0/", Some(Unspecified)),
        ("https://167772161/", Some(Private)),
        ("https://[::1]/", Some(Loopback)),
        ("https://[::ffff:7f00:1]/", Some(Loopback)),
        ("https://[::ffff:10.0.0.1]:8443/", Some(Private)),
        ("https://[64:ff9b::7f00:1]/", Some(Reserved)),
        ("https://LOCALHOST/", Some(Loopback)),
        ("https://localhost./", Some(Loopback)),
        ("https://bank.localhost:8443/", Some(Loopback)),
        ("https://8.8.8.8/", Some(Public)),
        ("https://notlocalhost/", None),
        ("https://localhost.example/", None),
        ("https://127.0.0.1.example/", None),
        ("https://127.0.0.1@bank.example/", None),
    ];
    for (text, expected) in table {
        assert_eq!(
            AddressVerdict::of_host(&Url::parse(text).unwrap()),
            expected,
            "{text}"
        );
    }
}

fn check_ips(table: &[(&str, AddressVerdict)]) {
    for (text, expected) in table {
        assert_eq!(
            AddressVerdict::of_ip(text.parse().unwrap()),
            *expected,
            "{text}"
        );
    }
}
