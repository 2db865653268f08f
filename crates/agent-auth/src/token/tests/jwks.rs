//! Hosts and agents that publish their keys (§4.2, §4.5 step 4, §8.7).

use procura_keys::jwk_set::{JwkSet, KeyName};
use procura_keys::key::PublicKey;

use super::*;
use crate::agent::AgentJwks;
use crate::fixtures::seconds;
use crate::host::{HostJwks, PreviousKey};
use crate::token::host::AgentKey;

const URL: &str = "https://keys.example/host";

fn set(keys: &[(&str, &SigningKey)]) -> JwkSet {
    let named = |(kid, key): &(&str, &SigningKey)| {
        let mut value = jwk(key);
        value["kid"] = json!(kid);
        value
    };
    let keys: Vec<_> = keys.iter().map(named).collect();
    JwkSet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

/// The host of the fixtures, which publishes its keys.
fn publisher() -> Host {
    Host {
        jwks: Some(HostJwks {
            url: URL.parse().unwrap(),
            previous: None,
        }),
        ..fixtures::host()
    }
}

fn published() -> Draft {
    let draft = Draft::host().without("host_public_key");
    draft.claim("host_jwks_url", URL).header("kid", "h1")
}

/// The same host with another key.
fn rotated() -> Draft {
    let draft = published().claim("iss", json!(Thumbprint::of(strange_key().public())));
    draft.header("kid", "h2").signed_by(strange_key())
}

fn verify(
    draft: &Draft,
    host: Option<&Host>,
    key_set: Option<&JwkSet>,
) -> Result<VerifiedHostToken, Refusal> {
    let known = Known { host, key_set };
    UnverifiedHostToken::parse(&draft.text(), ISSUER)?.verify(
        known,
        Standing::Active,
        Window::default(),
        NOW,
    )
}

fn refusal(draft: &Draft, host: Option<&Host>, key_set: Option<&JwkSet>) -> Option<TokenDefect> {
    match verify(draft, host, key_set) {
        Ok(_) => None,
        Err(Refusal::InvalidJwt(defect)) => Some(defect),
        Err(other) => panic!("{other:?}"),
    }
}

// AA-4.2-07, AA-4.2-12, AA-4.5.1-04
#[test]
fn a_host_signs_with_the_published_key_that_kid_and_iss_name() {
    let (own, other) = (host_key(), strange_key());
    let keys = set(&[("h1", &own), ("h2", &other)]);
    for host in [Some(&publisher()), None] {
        let verified = verify(&published(), host, Some(&keys)).unwrap();
        assert_eq!(verified.key(), own.public());
        assert_eq!(
            verified.jwks_url().map(ToString::to_string),
            Some(URL.into())
        );
        // Its next key, before the record has it.
        let verified = verify(&rotated(), host, Some(&keys)).unwrap();
        assert_eq!(verified.thumbprint(), &Thumbprint::of(other.public()));
        let cases = [
            (
                published().header("kid", "h2"),
                TokenDefect::ThumbprintMismatch,
            ),
            (
                rotated().header("kid", "h1"),
                TokenDefect::ThumbprintMismatch,
            ),
            (
                published().header("kid", "h3"),
                TokenDefect::KidNotPublished("host_jwks_url"),
            ),
            (published().without_header("kid"), TokenDefect::NoKid),
            (published().signed_by(agent_key()), TokenDefect::NotVerified),
        ];
        for (draft, defect) in cases {
            assert_eq!(refusal(&draft, host, Some(&keys)), Some(defect));
        }
        // Nothing is proved without the set, not even by the key on record.
        assert_eq!(
            refusal(&published(), host, None),
            Some(TokenDefect::NotVerified)
        );
    }
}

// AA-8.12-03
#[test]
fn only_plain_https_urls_are_looked_at() {
    for url in ["http://keys.example/host", "https://a@keys.example/", "x"] {
        let draft = published().claim("host_jwks_url", url);
        let token = draft.text();
        let refused = UnverifiedHostToken::parse(&token, ISSUER).err();
        assert!(
            matches!(
                refused,
                Some(Refusal::InvalidJwt(TokenDefect::BadClaim {
                    name: "host_jwks_url",
                    ..
                }))
            ),
            "{url}: {refused:?}"
        );
    }
}

// AA-8.7-06
#[test]
fn delivery_stays_as_it_was_registered() {
    let keys = set(&[("h1", &host_key())]);
    let inline = fixtures::host();
    let publishes_now = TokenDefect::DeliveryFixed("host_public_key");
    let refused = refusal(&published(), Some(&inline), None);
    assert_eq!(refused, Some(publishes_now));
    let inline_now = TokenDefect::DeliveryFixed("host_jwks_url");
    let refused = refusal(&Draft::host(), Some(&publisher()), Some(&keys));
    assert_eq!(refused, Some(inline_now));
    // Whoever cannot sign for the host does not learn how it delivers its keys.
    for (draft, host) in [(published(), inline), (Draft::host(), publisher())] {
        let forged = draft.signed_by(strange_key());
        let refused = refusal(&forged, Some(&host), Some(&keys));
        assert_eq!(refused, Some(TokenDefect::NotVerified));
    }
}

// AA-4.2-11
#[test]
fn a_host_publishes_at_one_url() {
    let keys = set(&[("h1", &host_key())]);
    let elsewhere = published().claim("host_jwks_url", "https://keys.example/other");
    let token = elsewhere.text();
    let parsed = UnverifiedHostToken::parse(&token, ISSUER).unwrap();
    assert_eq!(parsed.key_set_of(Some(&publisher())), None);
    let refused = refusal(&elsewhere, Some(&publisher()), Some(&keys));
    assert_eq!(refused, Some(TokenDefect::NotVerified));
}

#[test]
fn a_set_is_fetched_only_for_hosts_that_publish() {
    let token = published().text();
    let parsed = UnverifiedHostToken::parse(&token, ISSUER).unwrap();
    let url = URL.parse().unwrap();
    let thumbprint = Thumbprint::of(host_key().public());
    for host in [Some(&publisher()), None] {
        let wanted = KeyName::Both {
            kid: "h1",
            thumbprint: thumbprint.as_str(),
        };
        assert_eq!(parsed.key_set_of(host), Some((&url, wanted)));
    }
    assert_eq!(parsed.key_set_of(Some(&fixtures::host())), None);
    let inline = Draft::host().text();
    let parsed = UnverifiedHostToken::parse(&inline, ISSUER).unwrap();
    assert_eq!(parsed.key_set_of(Some(&publisher())), None);
}

// AA-4.2-14
#[test]
fn hosts_and_agents_publish_at_different_urls() {
    let keys = set(&[("h1", &host_key())]);
    let agent_at = |url: &str| {
        let draft = published().without("agent_public_key");
        let draft = draft.claim("agent_jwks_url", url).claim("agent_kid", "a1");
        let verified = verify(&draft, None, Some(&keys)).unwrap();
        verified.agent_key()
    };
    for same in [URL, "https://KEYS.example:443/./host"] {
        let refused = agent_at(same).unwrap_err();
        assert_eq!(refused.code_and_status(), ("invalid_request", 400));
    }
    let other = agent_at("https://keys.example/agent");
    assert!(matches!(other, Ok(AgentKey::Published(_))), "{other:?}");
}

/// Whether an agent's token with this `iss` is accepted.
fn accepts(host: &Host, iss: &SigningKey, host_keys: Option<&JwkSet>, now: Timestamp) -> bool {
    let draft = Draft::agent().claim("iss", json!(Thumbprint::of(iss.public())));
    let token = draft
        .claim("iat", now.as_seconds())
        .claim("exp", now.as_seconds() + 60)
        .text();
    let agent = fixtures::agent();
    let issuer = host.thumbprint();
    let signer = Signer {
        agent: &agent,
        key: &agent.public_key,
        host,
        issuer: issuer.as_str(),
        host_keys,
        lifetime: &LIFETIME,
    };
    let parsed = UnverifiedAgentToken::parse(&token, &[EXECUTE]).unwrap();
    let verified = parsed.verify(&signer, Window::default(), now);
    assert!(matches!(
        verified,
        Ok(_) | Err(Refusal::InvalidJwt(TokenDefect::NotVerified))
    ));
    verified.is_ok()
}

// AA-4.5-04, AA-4.5-05
#[test]
fn an_agents_iss_may_name_any_key_its_host_publishes_now() {
    let keys = set(&[("h1", &host_key()), ("h2", &strange_key())]);
    let host = publisher();
    assert!(accepts(&host, &host_key(), None, NOW));
    assert!(accepts(&host, &strange_key(), Some(&keys), NOW));
    assert!(!accepts(&host, &strange_key(), None, NOW));
    assert!(!accepts(&host, &agent_key(), Some(&keys), NOW));
    // Inline hosts have no set, whatever anybody shows.
    assert!(!accepts(
        &fixtures::host(),
        &strange_key(),
        Some(&keys),
        NOW
    ));
}

// AA-8.7-04
#[test]
fn an_agents_iss_may_be_the_hosts_previous_name_for_a_while() {
    let mut host = publisher();
    let previous = PreviousKey {
        thumbprint: Thumbprint::of(strange_key().public()),
        until: NOW.plus(seconds(300)),
    };
    host.jwks.as_mut().unwrap().previous = Some(previous);
    for (passed, accepted) in [(0, true), (299, true), (300, false)] {
        let now = NOW.plus(seconds(passed));
        assert_eq!(accepts(&host, &strange_key(), None, now), accepted);
    }
}

// AA-4.5-08
#[test]
fn an_agents_kid_counts_if_its_set_has_it() {
    let keys = set(&[("a1", &agent_key()), ("a2", &strange_key())]);
    let jwks = AgentJwks {
        url: "https://keys.example/agent".parse().unwrap(),
        kid: "a1".into(),
    };
    let (registered, other) = (agent_key(), strange_key());
    let cases: [(Option<&str>, &PublicKey); 4] = [
        (None, registered.public()),
        (Some("a1"), registered.public()),
        (Some("a2"), other.public()),
        (Some("a3"), registered.public()),
    ];
    for (kid, key) in cases {
        assert_eq!(jwks.key(&keys, kid), Some(key), "{kid:?}");
    }
    let without = set(&[("a2", &strange_key())]);
    assert_eq!(jwks.key(&without, None), None);
}
