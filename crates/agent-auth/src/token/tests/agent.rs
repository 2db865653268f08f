//! Agent JWTs (§4.3, §4.5).

use procura_keys::jwt::{Header, sign};

use super::*;
use crate::agent::{AgentState, AgentStatus};
use crate::fixtures::{name, seconds};
use crate::host::HostStatus;
use crate::id::{AgentId, HostId};

// AA-4.1-02, AA-4.3-01, AA-4.3-04
#[test]
fn a_token_made_with_the_agents_key_proves_the_agent() {
    let header = Header {
        algorithm: "EdDSA",
        typ: "agent+jwt",
        kid: None,
    };
    let token = sign(header, &Draft::agent().claims, &agent_key()).unwrap();
    let parsed = UnverifiedAgentToken::parse(&token, &[EXECUTE]).unwrap();
    assert_eq!(parsed.agent_id(), &fixtures::agent().id);
    let verified = Server::new().verify_agent(&token).unwrap();
    assert_eq!(verified.agent_id(), &fixtures::agent().id);
    assert_eq!(verified.jti(), "a-1");
    assert_eq!(verified.forget_at(), NOW.plus(seconds(90)));
}

// AA-4.1-02, AA-4.3-01, AA-4.5-01
#[test]
fn another_header_is_refused() {
    let draft = Draft::agent;
    let wrong_type = || invalid(TokenDefect::WrongType("agent+jwt"));
    let wrong_algorithm = || malformed(JwtError::WrongAlgorithm("EdDSA"));
    let cases = [
        (draft().without_header("typ"), wrong_type()),
        (draft().header("typ", "JWT"), wrong_type()),
        (draft().header("typ", "Agent+JWT"), wrong_type()),
        (draft().header("typ", "host+jwt"), wrong_type()),
        (
            draft().header("typ", json!(["agent+jwt"])),
            malformed(JwtError::NotAString("typ")),
        ),
        (draft().without_header("alg"), wrong_algorithm()),
        (draft().header("alg", "none"), wrong_algorithm()),
        (draft().header("alg", "HS256"), wrong_algorithm()),
        (draft().header("alg", "ES256"), wrong_algorithm()),
        (draft().header("alg", "Ed25519"), wrong_algorithm()),
        (
            draft().header("crit", json!(["exp"])),
            malformed(JwtError::CriticalExtension),
        ),
    ];
    for (draft, refusal) in cases {
        assert_eq!(
            Server::new().agent_refusal(&draft),
            Some(refusal),
            "{}",
            draft.header
        );
    }
}

// AA-4.2-03, AA-4.5-01
#[test]
fn a_host_token_is_not_an_agent_token() {
    let host = Draft::host()
        .claim("sub", fixtures::agent().id.as_str())
        .signed_by(agent_key());
    assert_eq!(
        Server::new().agent_refusal(&host),
        Some(invalid(TokenDefect::WrongType("agent+jwt")))
    );
}

// AA-4.3-04, AA-4.6-01
#[test]
fn every_claim_but_capabilities_is_required() {
    let cases = [
        ("iss", "a string"),
        ("sub", "a string"),
        ("aud", "one string"),
        ("iat", NUMBER),
        ("exp", NUMBER),
        ("jti", "a string"),
    ];
    for (claim, expected) in cases {
        let refusal = Some(bad_claim(claim, expected));
        let missing = Draft::agent().without(claim);
        assert_eq!(Server::new().agent_refusal(&missing), refusal, "{claim}");
        let null = Draft::agent().claim(claim, Value::Null);
        assert_eq!(Server::new().agent_refusal(&null), refusal, "{claim}");
    }
}

// AA-4.3-04, AA-4.3-08, AA-4.6-01
#[test]
fn a_claim_of_another_type_is_refused() {
    let cases = [
        ("iss", json!(7), "a string"),
        ("sub", json!({"id": 1}), "a string"),
        ("aud", json!(true), "one string"),
        ("iat", json!("1800000000"), NUMBER),
        ("exp", json!([1_800_000_060]), NUMBER),
        ("exp", json!(1e13), NUMBER),
        ("exp", json!(-1e300), NUMBER),
        ("jti", json!(1), "a string"),
        ("jti", json!(""), "a string of 1 to 256 bytes"),
        ("jti", json!("x".repeat(257)), "a string of 1 to 256 bytes"),
        ("capabilities", json!("pay"), "a list of capability names"),
        ("capabilities", json!(null), "a list of capability names"),
        ("capabilities", json!([7]), "a list of capability names"),
        (
            "capabilities",
            json!(["pay", ""]),
            "a list of capability names",
        ),
    ];
    for (claim, value, expected) in cases {
        let draft = Draft::agent().claim(claim, value);
        assert_eq!(
            Server::new().agent_refusal(&draft),
            Some(bad_claim(claim, expected)),
            "{}",
            draft.claims
        );
    }
    let longest = Draft::agent().claim("jti", "x".repeat(256));
    assert_eq!(Server::new().agent_refusal(&longest), None);
    let fraction = Draft::agent().claim("iat", json!(1_799_999_999.5));
    assert_eq!(Server::new().agent_refusal(&fraction), None);
}

// AA-4.3-07, AA-4.5-02, AA-8.18-01
#[test]
fn aud_has_to_be_exactly_one_of_the_accepted_urls() {
    let wrong = || invalid(TokenDefect::WrongAudience(format!("{EXECUTE} or {ISSUER}")));
    let not_one = || bad_claim("aud", "one string");
    let cases = [
        (json!(EXECUTE), None),
        (json!(ISSUER), None),
        (json!([ISSUER]), None),
        (json!(""), Some(wrong())),
        (json!("https://bank.example/"), Some(wrong())),
        (json!("https://bank.exampl"), Some(wrong())),
        (json!("https://bank.example.evil.example"), Some(wrong())),
        (json!("HTTPS://bank.example"), Some(wrong())),
        (json!("https://other.example"), Some(wrong())),
        (json!(["https://other.example"]), Some(wrong())),
        (json!([ISSUER, EXECUTE]), Some(not_one())),
        (json!([]), Some(not_one())),
        (json!([1]), Some(not_one())),
    ];
    for (aud, refusal) in cases {
        let draft = Draft::agent().claim("aud", aud.clone());
        assert_eq!(Server::new().agent_refusal(&draft), refusal, "{aud}");
    }
}

// AA-4.3-03, AA-4.3-04, AA-4.5-06, AA-4.5-08, AA-5.8-02
#[test]
fn whatever_does_not_belong_together_gets_one_answer() {
    let other_agent = AgentId::new(NOW, [7; 10]);
    let mut under_other_host = Server::new();
    under_other_host.agent.host_id = HostId::new(NOW, [7; 10]);
    let mut with_new_agent_key = Server::new();
    with_new_agent_key.agent.public_key = strange_key().public().clone();
    let mut with_new_host_key = Server::new();
    with_new_host_key.host.public_key = strange_key().public().clone();
    let strange = Thumbprint::of(strange_key().public());
    let draft = Draft::agent;
    let cases = [
        (Server::new(), draft().claim("iss", strange.as_str())),
        (Server::new(), draft().claim("iss", "")),
        (Server::new(), draft().claim("sub", other_agent.as_str())),
        (Server::new(), draft().claim("sub", "agt_somebody")),
        (Server::new(), draft().claim("sub", "")),
        (Server::new(), draft().signed_by(strange_key())),
        (Server::new(), draft().signed_by(host_key())),
        (under_other_host, draft()),
        (with_new_agent_key, draft()),
        (with_new_host_key, draft()),
    ];
    for (server, draft) in cases {
        let refusal = Some(invalid(TokenDefect::NotVerified));
        assert_eq!(server.agent_refusal(&draft), refusal, "{}", draft.claims);
    }
}

// AA-4.3-08, AA-4.5-08
#[test]
fn claims_cannot_be_changed_under_a_signature() {
    let scoped = Draft::agent().claim("capabilities", json!(["balance"]));
    let token = scoped.with_claims_swapped_for(&Draft::agent());
    assert_eq!(
        Server::new().verify_agent(&token).err(),
        Some(invalid(TokenDefect::NotVerified))
    );
}

fn every_agent_state() -> impl Iterator<Item = AgentState> {
    AgentStatus::ALL
        .into_iter()
        .map(|status| AgentState::from_parts(status, Some(NOW)).unwrap())
}

// AA-2.3-02, AA-2.3-03, AA-2.3-04, AA-2.3-05, AA-4.5-07, AA-5.11-32
#[test]
fn only_an_active_agent_is_let_in() {
    for state in every_agent_state() {
        let mut server = Server::new();
        server.agent.state = state;
        assert_eq!(
            server.agent_refusal(&Draft::agent()),
            state.status().require_active().err(),
            "{state:?}"
        );
    }
}

// AA-4.5-03, AA-5.13-08
#[test]
fn an_agent_of_a_host_that_is_not_active_is_refused() {
    for (status, refusal) in [
        (HostStatus::Active, None),
        (HostStatus::Pending, Some(Refusal::HostPending)),
        (HostStatus::Revoked, Some(Refusal::HostRevoked)),
        (HostStatus::Rejected, Some(Refusal::HostRejected)),
    ] {
        let mut server = Server::new();
        server.host.status = status;
        assert_eq!(server.agent_refusal(&Draft::agent()), refusal);
    }
}

/// An ended host ends its agents, and its own end is the one its client has to know about. An agent that
/// waits with its host learns that it waits.
// AA-2.3-03, AA-4.5-03
#[test]
fn of_two_bad_states_the_more_telling_one_is_named() {
    let revoked = AgentState::Revoked {
        activated_at: Some(NOW),
    };
    let pending = AgentState::NEW;
    for (host, agent, refusal) in [
        (HostStatus::Revoked, revoked, Refusal::HostRevoked),
        (HostStatus::Rejected, pending, Refusal::HostRejected),
        (HostStatus::Pending, pending, Refusal::AgentPending),
        (HostStatus::Pending, revoked, Refusal::AgentRevoked),
    ] {
        let mut server = Server::new();
        (server.host.status, server.agent.state) = (host, agent);
        assert_eq!(server.agent_refusal(&Draft::agent()), Some(refusal));
    }
}

// AA-4.5-13, AA-5.13-06
#[test]
fn no_state_is_told_to_whoever_cannot_sign() {
    let forged = Draft::agent().signed_by(strange_key());
    for state in every_agent_state() {
        for status in HostStatus::ALL {
            let mut server = Server::new();
            (server.agent.state, server.host.status) = (state, status);
            assert_eq!(
                server.agent_refusal(&forged),
                Some(invalid(TokenDefect::NotVerified)),
                "{state:?} {status}"
            );
        }
    }
}

/// Times come after the signature, too: whether a forged token is fresh is nobody's business.
// AA-4.5-09
#[test]
fn signature_then_times_then_states() {
    let mut server = Server::at(NOW.plus(seconds(1_000)));
    server.agent.state = server.agent.state.revoked();
    let forged = Draft::agent().signed_by(strange_key());
    assert_eq!(
        server.agent_refusal(&forged),
        Some(invalid(TokenDefect::NotVerified))
    );
    assert_eq!(
        server.agent_refusal(&Draft::agent()),
        Some(invalid(TokenDefect::Expired))
    );
    server.now = NOW;
    assert_eq!(
        server.agent_refusal(&Draft::agent()),
        Some(Refusal::AgentRevoked)
    );
}

/// The first call past the absolute lifetime meets an agent that is stored as alive; later ones meet it revoked.
// AA-2.4-01, AA-2.4-03, AA-4.5-07
#[test]
fn the_clocks_are_applied_before_the_state_is_judged() {
    let fresh_at = |now: Timestamp| {
        Draft::agent()
            .claim("iat", now.as_seconds())
            .claim("exp", now.as_seconds() + 60)
    };
    let idle = Server::at(NOW.plus(seconds(3_600)));
    assert_eq!(
        idle.agent_refusal(&fresh_at(idle.now)),
        Some(Refusal::AgentExpired)
    );
    let week = NOW.plus(LIFETIME.absolute_lifetime.unwrap());
    let stored = [
        (AgentStatus::Pending, Refusal::AbsoluteLifetimeExceeded),
        (AgentStatus::Active, Refusal::AbsoluteLifetimeExceeded),
        (AgentStatus::Expired, Refusal::AbsoluteLifetimeExceeded),
        (AgentStatus::Revoked, Refusal::AgentRevoked),
        (AgentStatus::Rejected, Refusal::AgentRejected),
        (AgentStatus::Claimed, Refusal::AgentClaimed),
    ];
    for (status, refusal) in stored {
        let mut server = Server::at(week);
        server.agent.state = AgentState::from_parts(status, Some(NOW)).unwrap();
        assert_eq!(
            server.agent_refusal(&fresh_at(week)),
            Some(refusal),
            "{status}"
        );
    }
}

// AA-4.3-08, AA-4.3-09, AA-4.5-11, AA-2.14-02
#[test]
fn the_capabilities_claim_is_an_upper_bound() {
    let covers = |draft: Draft, capability: &str| {
        let verified = Server::new().verify_agent(&draft.text()).unwrap();
        verified.covers(&name(capability))
    };
    let claiming = |list: Value| Draft::agent().claim("capabilities", list);
    assert!(covers(Draft::agent(), "pay"));
    assert!(!covers(claiming(json!([])), "pay"));
    assert!(covers(claiming(json!(["balance", "pay"])), "pay"));
    for other in ["Pay", "pay2", "pa", "*", "pay "] {
        assert!(!covers(claiming(json!([other])), "pay"), "{other}");
    }
}
