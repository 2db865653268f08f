//! What protects the edge: proxies, TLS, proof of possession, limits.

use super::*;

#[test]
fn a_mistake_at_the_edge_is_answered_with_the_key_and_what_is_allowed() {
    let with = |more: &str| format!("{MINIMAL}\n{more}");
    let cases = [
        (with("[limits]\npolling = \"0/1m\""), "60/1m"),
        (
            MINIMAL.replace("respond =", "rate = \"often\"\nrespond ="),
            "60/1m",
        ),
        (
            with("[proxy]\ntrusted = [\"10.0.0.1/8\"]"),
            "proxy.trusted: \"10.0.0.1/8\"",
        ),
        (
            with("[proxy]\ntrusted = [\"10.0.0.0/8\"]"),
            "client_address",
        ),
        (
            with("[proxy]\nclient_address = \"forwarded\""),
            "proxy.trusted",
        ),
        (
            with("[proxy]\ntrusted = [\"::1\"]\nclient_address = \"x-real-ip\""),
            "`x-forwarded-for` or `forwarded`",
        ),
        (
            with("[proxy]\ntrusted = [\"::1\"]\nclient_certificate = \"client cert\""),
            "proxy.client_certificate",
        ),
        (
            with("[security]\nproof_of_possession = \"mtls\""),
            "security.proof_of_possession: mtls needs",
        ),
        (
            MINIMAL.replace("respond =", "proof_of_possession = \"mtls\"\nrespond ="),
            "number 1): proof_of_possession: mtls needs",
        ),
        (
            with("[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\""),
            "tls: provider.issuer has to be set to the https URL",
        ),
        (
            with("[tls]\ncertificate = \"c.pem\""),
            "missing field `key`",
        ),
        (
            with("[security]\nproof_of_possession = \"yes\""),
            "`none`, `dpop`, `mtls`, `any`",
        ),
    ];
    for (text, expected) in cases {
        let problem = problem(&text);
        assert!(problem.contains(expected), "{expected:?} not in: {problem}");
    }
}

// AA-8.13-02
#[test]
fn capabilities_that_need_presence_are_limited_more_tightly_unless_they_say_themselves() {
    let capability = |name: &str, more: &str| {
        format!(
            "[[capability]]\nname = {name:?}\ndescription = \"d\"\nrespond = {{ value = 1 }}\n{more}\n"
        )
    };
    let text = [
        MINIMAL.to_owned(),
        capability("pay", "approval = \"presence\""),
        capability("sell", "approval = \"presence\"\nrate = \"5/1h\""),
        capability("read", "approval = \"session\""),
    ]
    .concat();
    let rates = Config::parse(&text, None).unwrap().rates;
    let own = |name: &str| rates.capabilities.get(&name.parse().unwrap()).copied();
    let minute = std::time::Duration::from_mins(1);
    assert_eq!(own("read"), None);
    assert_eq!(
        own("pay").map(|rate| (rate.count.get(), rate.per)),
        Some((60, minute))
    );
    assert_eq!(
        own("sell").map(|rate| (rate.count.get(), rate.per)),
        Some((5, minute * 60))
    );
    assert!(rates.capability.count.get() > 60);
}

// AA-4.4-01, AA-8.14-01
#[test]
fn proof_by_certificate_can_be_demanded_where_certificates_are_known() {
    let text = format!(
        "{MINIMAL}\n[proxy]\ntrusted = [\"127.0.0.1\", \"fd00::/8\"]\nclient_certificate = \"X-Client-Cert\"\n\
         client_certificate_format = \"pem\"\n[security]\nproof_of_possession = \"mtls\"\ndpop_nonce = true\n"
    );
    let config = Config::parse(&text, None).unwrap();
    assert_eq!(config.proxies.trusted.len(), 2);
    let header = config.proxies.client_certificate.unwrap();
    assert_eq!(header.name.as_str(), "x-client-cert");
    assert!(config.policy.possession.dpop_nonces && config.policy.possession.certificates);
    let text = MINIMAL.replace(
        "[provider]",
        "[provider]\nissuer = \"https://bank.example\"",
    );
    let tls = "[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"";
    let demand = "[security]\nproof_of_possession = \"mtls\"";
    let with = |more: &str| Config::parse(&format!("{text}\n{tls}\n{more}\n{demand}\n"), None);
    assert!(with("client_certificates = true").is_ok());
    assert!(with("").is_err());
}
