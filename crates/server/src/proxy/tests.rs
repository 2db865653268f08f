use http::{HeaderName, HeaderValue};

use super::*;

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        (HeaderName::from_static(name), value)
    };
    let mut map = HeaderMap::new();
    for (name, value) in lines.iter().map(pair) {
        map.append(name, value);
    }
    map
}

fn proxies(client_address: AddressHeader) -> Proxies {
    Proxies {
        trusted: ["10.0.0.0/8", "2001:db8:1::/48"]
            .map(|text| text.parse().unwrap())
            .to_vec(),
        client_address: Some(client_address),
        client_certificate: None,
    }
}

fn client(header: AddressHeader, peer: &str, lines: &[(&'static str, &str)]) -> String {
    let client = proxies(header).client(peer.parse().unwrap(), &headers(lines));
    client.to_string()
}

#[test]
fn only_the_nearest_hop_that_is_no_trusted_proxy_counts() {
    let cases: [(&str, &[&str], &str); 14] = [
        ("203.0.113.9", &[], "203.0.113.9"),
        // A stranger may claim what it likes.
        ("203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
        // What stands left of the nearest stranger was written by that stranger.
        ("10.0.0.1", &["192.0.2.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", &["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        (
            "10.0.0.1",
            &["192.0.2.1", "198.51.100.1,10.0.0.2"],
            "198.51.100.1",
        ),
        ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
        ("2001:db8:1::9", &["2001:db8:2::7"], "2001:db8:2::7"),
        ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", &["[2001:db8:2::7]:80"], "2001:db8:2::7"),
        // What cannot be read ends the chain at the one who wrote it.
        ("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.1, é, 10.0.0.2"], "10.0.0.1"),
    ];
    for (peer, lines, expected) in cases {
        let lines: Vec<_> = lines
            .iter()
            .map(|line| ("x-forwarded-for", *line))
            .collect();
        let found = client(AddressHeader::XForwardedFor, peer, &lines);
        assert_eq!(found, expected, "{peer} {lines:?}");
    }
}

#[test]
fn forwarded_is_read_as_rfc_7239_has_it() {
    let cases = [
        ("for=198.51.100.1", "198.51.100.1"),
        (
            "For=\"198.51.100.1:80\";proto=https;by=10.0.0.1",
            "198.51.100.1",
        ),
        ("for=192.0.2.1, for=198.51.100.1", "198.51.100.1"),
        (
            "for=192.0.2.1,for=\"[2001:db8:2::7]:4711\"",
            "2001:db8:2::7",
        ),
        ("host=\"a,for=192.0.2.1\";for=198.51.100.1", "198.51.100.1"),
        (
            "for=198.51.100.1;host=\"a\\\",for=192.0.2.1\"",
            "198.51.100.1",
        ),
        ("for=_hidden", "10.0.0.1"),
        ("for=unknown", "10.0.0.1"),
        ("for=192.0.2.1;for=198.51.100.1", "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
        ("198.51.100.1", "10.0.0.1"),
        ("for=198.51.100.1, for=10.0.0.2", "198.51.100.1"),
    ];
    for (value, expected) in cases {
        let found = client(
            AddressHeader::Forwarded,
            "10.0.0.1",
            &[("forwarded", value)],
        );
        assert_eq!(found, expected, "{value}");
    }
}

#[test]
fn the_header_that_is_not_configured_is_not_looked_at() {
    let lines = [("x-forwarded-for", "192.0.2.1"), ("x-real-ip", "192.0.2.1")];
    assert_eq!(
        client(AddressHeader::Forwarded, "10.0.0.1", &lines),
        "10.0.0.1"
    );
    let lines = [("forwarded", "for=192.0.2.1")];
    assert_eq!(
        client(AddressHeader::XForwardedFor, "10.0.0.1", &lines),
        "10.0.0.1"
    );
    let nobody = Proxies::default();
    let lines = headers(&[("x-forwarded-for", "192.0.2.1")]);
    let peer = "10.0.0.1".parse().unwrap();
    assert_eq!(nobody.client(peer, &lines), peer);
}

/// The bytes `30 03 02 01 05` stand in for a certificate.
const DER: [u8; 5] = [0x30, 3, 2, 1, 5];

fn certificate(format: CertificateFormat, peer: &str, lines: &[&str]) -> Option<Thumbprint> {
    let header = CertificateHeader {
        name: HeaderName::from_static("client-cert"),
        format,
    };
    let proxies = Proxies {
        client_certificate: Some(header),
        ..proxies(AddressHeader::Forwarded)
    };
    let lines: Vec<_> = lines.iter().map(|line| ("client-cert", *line)).collect();
    proxies.certificate(peer.parse().unwrap(), &headers(&lines))
}

// AA-4.4-04
#[test]
fn a_certificate_is_read_in_either_format() {
    let expected = Some(Thumbprint::of_certificate(&DER));
    let rfc = CertificateFormat::Rfc9440;
    assert_eq!(certificate(rfc, "10.0.0.1", &[":MAMCAQU=:"]), expected);
    let escaped = "-----BEGIN%20CERTIFICATE-----%0AMAMC%0AAQU%3D%0A-----END%20CERTIFICATE-----%0A";
    let pem = CertificateFormat::Pem;
    assert_eq!(certificate(pem, "10.0.0.1", &[escaped]), expected);
    let spaced = "-----BEGIN CERTIFICATE----- MAMC AQU= -----END CERTIFICATE-----";
    assert_eq!(certificate(pem, "10.0.0.1", &[spaced]), expected);
}

#[test]
fn anything_but_one_certificate_from_a_trusted_proxy_is_none() {
    let rfc = CertificateFormat::Rfc9440;
    assert_eq!(certificate(rfc, "203.0.113.9", &[":MAMCAQU=:"]), None);
    let two = [":MAMCAQU=:", ":MAMCAQU=:"];
    assert_eq!(certificate(rfc, "10.0.0.1", &two), None);
    for value in [
        "",
        ":",
        "::",
        "MAMCAQU=",
        ":MAMCAQU:",
        ":AAAA:",
        ":MAMC!QU=:",
        ":MAMCAQU=:, :MAMCAQU=:",
    ] {
        assert_eq!(certificate(rfc, "10.0.0.1", &[value]), None, "{value}");
    }
    let one = "-----BEGIN CERTIFICATE-----MAMCAQU=-----END CERTIFICATE-----";
    for value in [
        "",
        "MAMCAQU=",
        &format!("{one}{one}"),
        &format!("{one}%"),
        &format!("{one}%zz"),
    ] {
        let read = certificate(CertificateFormat::Pem, "10.0.0.1", &[value]);
        assert_eq!(read, None, "{value}");
    }
    assert_eq!(certificate(rfc, "10.0.0.1", &[]), None);
}
