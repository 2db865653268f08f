//! Host JWTs (§4.2, §4.5.1).

use procura_keys::jwk::JwkError;
use procura_keys::jwt::{Header, sign};
use procura_keys::key::KeyError;

use super::*;
use crate::agent::AgentJwks;
use crate::fixtures::seconds;
use crate::host::HostStatus;
use crate::token::host::AgentKey;

const EC: &str = "EC";

fn ec_jwk() -> Value {
    json!({"kty": EC, "crv": "P-256", "x": "AA", "y": "AA"})
}

fn private_jwk(key: &SigningKey) -> Value {
    let mut value = jwk(key);
    value["d"] = json!(to_base64url(key.expose_seed()));
    value
}

/// A point under which one signature would pass for every message.
fn weak_jwk() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": to_base64url(&[0; 32])})
}

fn unsupported(name: &str) -> Refusal {
    Refusal::UnsupportedAlgorithm(JwkError::UnsupportedType(name.into()))
}

fn bad_key(error: impl Into<JwkError>) -> Refusal {
    Refusal::InvalidRequest(format!("{}.", error.into()))
}

// AA-4.1-04, AA-4.2-04, AA-4.2-05, AA-4.2-06, AA-4.2-10
#[test]
fn a_token_made_with_the_hosts_key_proves_the_host() {
    let header = Header {
        algorithm: "EdDSA",
        typ: "host+jwt",
        kid: Some("any"),
    };
    let token = sign(header, &Draft::host().claims, &host_key()).unwrap();
    let known = fixtures::host();
    let parsed = UnverifiedHostToken::parse(&token, ISSUER).unwrap();
    assert_eq!(parsed.issuer(), &known.thumbprint());
    for host in [Some(&known), None] {
        let verified = Server::new()
            .verify_host(&token, host, Standing::Active)
            .unwrap();
        assert_eq!(verified.key(), host_key().public());
        assert_eq!(verified.thumbprint(), &known.thumbprint());
        assert_eq!(verified.jti(), "h-1");
        assert_eq!(verified.forget_at(), NOW.plus(seconds(90)));
    }
}

// AA-4.1-02, AA-4.2-03, AA-4.5.1-02
#[test]
fn another_header_is_refused() {
    let draft = Draft::host;
    let wrong_type = || invalid(TokenDefect::WrongType("host+jwt"));
    let wrong_algorithm = || malformed(JwtError::WrongAlgorithm("EdDSA"));
    let cases = [
        (draft().without_header("typ"), wrong_type()),
        (draft().header("typ", "JWT"), wrong_type()),
        (draft().header("typ", "agent+jwt"), wrong_type()),
        (draft().without_header("alg"), wrong_algorithm()),
        (draft().header("alg", "none"), wrong_algorithm()),
        (draft().header("alg", "RS256"), wrong_algorithm()),
        (
            draft().header("kid", 7),
            malformed(JwtError::NotAString("kid")),
        ),
    ];
    for (draft, refusal) in cases {
        assert_eq!(
            Server::new().host_refusal(&draft),
            Some(refusal),
            "{}",
            draft.header
        );
    }
    let agents = Draft::agent().claim("aud", ISSUER);
    assert_eq!(Server::new().host_refusal(&agents), Some(wrong_type()));
}

// AA-4.2-04, AA-4.2-05, AA-4.2-06, AA-4.2-07, AA-4.6-01
#[test]
fn every_claim_but_the_agents_key_is_required() {
    let cases = [
        ("iss", "a string"),
        ("aud", "one string"),
        ("iat", NUMBER),
        ("exp", NUMBER),
        ("jti", "a string"),
        ("host_public_key", "the host's public JWK"),
    ];
    for (claim, expected) in cases {
        let missing = Draft::host().without(claim);
        assert_eq!(
            Server::new().host_refusal(&missing),
            Some(bad_claim(claim, expected)),
            "{claim}"
        );
    }
}

// AA-4.2-06, AA-4.6-01
#[test]
fn a_claim_of_another_type_is_refused() {
    let cases = [
        ("iss", json!(7), "a string"),
        ("aud", json!([ISSUER, ISSUER]), "one string"),
        ("aud", json!({}), "one string"),
        ("iat", json!("now"), NUMBER),
        ("exp", json!(false), NUMBER),
        ("jti", json!([]), "a string"),
        ("jti", json!(""), "a string of 1 to 256 bytes"),
        ("jti", json!("x".repeat(257)), "a string of 1 to 256 bytes"),
        ("host_jwks_url", json!(1), "a string"),
    ];
    for (claim, value, expected) in cases {
        let draft = Draft::host().claim(claim, value);
        assert_eq!(
            Server::new().host_refusal(&draft),
            Some(bad_claim(claim, expected)),
            "{}",
            draft.claims
        );
    }
}

// AA-4.2-05, AA-4.5.1-02, AA-8.18-01
#[test]
fn aud_has_to_be_exactly_the_issuer() {
    for aud in [
        EXECUTE,
        "https://bank.example/",
        "https://bank.example:443",
        "https://Bank.example",
        "https://other.example",
        "",
    ] {
        let draft = Draft::host().claim("aud", aud);
        assert_eq!(
            Server::new().host_refusal(&draft),
            Some(invalid(TokenDefect::WrongAudience(ISSUER.into()))),
            "{aud}"
        );
    }
    let listed = Draft::host().claim("aud", json!([ISSUER]));
    assert_eq!(Server::new().host_refusal(&listed), None);
}

// AA-4.2-04, AA-4.2-13, AA-4.5.1-04
#[test]
fn iss_has_to_be_the_thumbprint_of_the_presented_key() {
    let strange = Thumbprint::of(strange_key().public());
    let padded = format!("{}=", Thumbprint::of(host_key().public()));
    let drafts = [
        Draft::host().claim("iss", strange.as_str()),
        Draft::host().claim("iss", fixtures::host().id.as_str()),
        Draft::host().claim("iss", padded),
        Draft::host().claim("iss", ""),
        Draft::host().claim("host_public_key", jwk(&strange_key())),
    ];
    for draft in drafts {
        let mismatch = Some(invalid(TokenDefect::ThumbprintMismatch));
        assert_eq!(Server::new().host_refusal(&draft), mismatch);
        assert_eq!(Server::new().new_host_refusal(&draft), mismatch);
    }
}

// AA-4.1-01, AA-4.1-03
#[test]
fn a_key_that_cannot_be_used_is_refused_as_such() {
    let x25519 = json!({"kty": "OKP", "crv": "X25519", "x": to_base64url(&[5; 32])});
    let short = json!({"kty": "OKP", "crv": "Ed25519", "x": to_base64url(&[5; 31])});
    let cases = [
        (json!(null), bad_key(JwkError::NotAnObject)),
        (json!("key"), bad_key(JwkError::NotAnObject)),
        (json!({}), bad_key(JwkError::MissingMember("kty"))),
        (ec_jwk(), unsupported(EC)),
        (json!({"kty": "RSA"}), unsupported("RSA")),
        (json!({"kty": "oct", "k": "AA"}), unsupported("oct")),
        (x25519, unsupported("X25519")),
        (short, bad_key(KeyError::WrongLength)),
        (weak_jwk(), bad_key(KeyError::Weak)),
        (private_jwk(&agent_key()), bad_key(JwkError::PrivateMember)),
    ];
    for (key, refusal) in cases {
        let as_host = Draft::host().claim("host_public_key", key.clone());
        let refused = Server::new().new_host_refusal(&as_host);
        assert_eq!(refused.as_ref(), Some(&refusal), "{key}");
        let as_agent = Draft::host().claim("agent_public_key", key.clone());
        assert_eq!(agent_key_of(&as_agent).as_ref(), Err(&refusal), "{key}");
    }
}

// AA-4.2-07, AA-8.7-06
#[test]
fn a_hosts_key_comes_in_one_way_only() {
    let url = "https://keys.example/host";
    let both = Draft::host().claim("host_jwks_url", url);
    let two = TokenDefect::TwoKeys("host_public_key", "host_jwks_url");
    assert_eq!(Server::new().host_refusal(&both), Some(invalid(two)));
}

// AA-4.5.1-05, AA-5.9-02
#[test]
fn only_the_hosts_own_key_can_sign() {
    let refusal = Some(invalid(TokenDefect::NotVerified));
    let forged = Draft::host().signed_by(strange_key());
    assert_eq!(Server::new().host_refusal(&forged), refusal);
    assert_eq!(Server::new().new_host_refusal(&forged), refusal);
    let mut rotated = Server::new();
    rotated.host.public_key = strange_key().public().clone();
    assert_eq!(rotated.host_refusal(&Draft::host()), refusal);
    // The new key signs for itself, not for the one that is presented.
    let crossed = Draft::host().signed_by(strange_key());
    assert_eq!(rotated.host_refusal(&crossed), refusal);
    let other_agent = Draft::host().claim("agent_public_key", jwk(&strange_key()));
    let tampered = Draft::host().with_claims_swapped_for(&other_agent);
    let known = fixtures::host();
    for host in [Some(&known), None] {
        let verified = Server::new().verify_host(&tampered, host, Standing::NotEnded);
        assert_eq!(verified.err(), refusal);
    }
}

// AA-2.11-03, AA-4.5.1-07, AA-5.13-08
#[test]
fn each_endpoint_is_open_to_hosts_of_its_standing() {
    use HostStatus::{Active, Pending, Rejected, Revoked};
    let cases = [
        (Active, Standing::Active, None),
        (Active, Standing::NotEnded, None),
        (Pending, Standing::Active, Some(Refusal::HostPending)),
        (Pending, Standing::NotEnded, None),
        (Revoked, Standing::Active, Some(Refusal::HostRevoked)),
        (Revoked, Standing::NotEnded, Some(Refusal::HostRevoked)),
        (Rejected, Standing::Active, Some(Refusal::HostRejected)),
        (Rejected, Standing::NotEnded, Some(Refusal::HostRejected)),
    ];
    let token = Draft::host().text();
    for (status, standing, refusal) in cases {
        let mut host = fixtures::host();
        host.status = status;
        let verified = Server::new().verify_host(&token, Some(&host), standing);
        assert_eq!(verified.err(), refusal, "{status} {standing:?}");
    }
}

// AA-4.5-13, AA-4.5.1-05
#[test]
fn no_state_is_told_to_whoever_cannot_sign() {
    let forged = Draft::host().signed_by(strange_key());
    for status in HostStatus::ALL {
        let mut server = Server::new();
        server.host.status = status;
        assert_eq!(
            server.host_refusal(&forged),
            Some(invalid(TokenDefect::NotVerified)),
            "{status}"
        );
        server.now = NOW.plus(seconds(1_000));
        assert_eq!(
            server.host_refusal(&Draft::host()),
            Some(invalid(TokenDefect::Expired)),
            "{status}"
        );
    }
}

fn agent_key_of(draft: &Draft) -> Result<AgentKey, Refusal> {
    let token = draft.text();
    let verified = Server::new().verify_host(&token, None, Standing::NotEnded);
    verified.unwrap().agent_key()
}

// AA-4.2-08, AA-4.5.1-08, AA-5.3-01
#[test]
fn registration_takes_the_agents_key_from_the_token() {
    assert_eq!(
        agent_key_of(&Draft::host()),
        Ok(AgentKey::Inline(agent_key().public().clone()))
    );
    let none = Draft::host().without("agent_public_key");
    let refusal = agent_key_of(&none).unwrap_err();
    assert_eq!(refusal.code_and_status(), ("invalid_request", 400));
    let both = Draft::host().claim("agent_jwks_url", "https://keys.example/agent");
    let two = TokenDefect::TwoKeys("agent_public_key", "agent_jwks_url");
    assert_eq!(agent_key_of(&both), Err(invalid(two)));
    let by_url = both.without("agent_public_key").claim("agent_kid", "k");
    let published = AgentJwks {
        url: "https://keys.example/agent".parse().unwrap(),
        kid: "k".into(),
    };
    assert_eq!(agent_key_of(&by_url), Ok(AgentKey::Published(published)));
}

// AA-4.2-09, AA-8.12-03
#[test]
fn a_published_agent_key_needs_a_good_url_and_a_kid() {
    let by_url = |url: &str| {
        let draft = Draft::host().without("agent_public_key");
        draft.claim("agent_jwks_url", url)
    };
    let good = "https://keys.example/agent";
    let drafts = [
        by_url(good),
        by_url(good).claim("agent_kid", 7),
        by_url(good).claim("agent_kid", "k".repeat(257)),
        by_url("http://keys.example/agent").claim("agent_kid", "k"),
        by_url("keys").claim("agent_kid", "k"),
    ];
    for draft in drafts {
        let refusal = agent_key_of(&draft).unwrap_err();
        let shown = refusal.code_and_status();
        assert_eq!(shown, ("invalid_request", 400), "{}", draft.claims);
    }
}

// AA-4.2-08, AA-4.2-17
#[test]
fn operations_on_known_hosts_do_not_look_at_the_agents_key() {
    let drafts = [
        Draft::host().without("agent_public_key"),
        Draft::host().claim("agent_public_key", ec_jwk()),
        Draft::host().claim("agent_public_key", Value::Null),
        Draft::host().claim("agent_jwks_url", 7),
    ];
    for draft in drafts {
        assert_eq!(Server::new().host_refusal(&draft), None, "{}", draft.claims);
    }
}
