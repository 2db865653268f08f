//! Every combination of what a token is bound to, what the request shows and what the server demands.

use procura_keys::digest::{sha256, to_base64url};
use procura_keys::jwk::PublicJwk;
use procura_keys::jwt::JwtError;
use procura_keys::key::SigningKey;
use serde_json::json;

use super::*;
use crate::fixtures::NOW;

const ISSUER: &str = "https://bank.example/agents";

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32]).unwrap()
}

fn key_thumbprint() -> Thumbprint {
    Thumbprint::of(key().public())
}

fn certificate() -> Thumbprint {
    Thumbprint::of_certificate(b"a certificate")
}

/// A proof for `POST {ISSUER}/x` with the token `t`.
fn proof() -> String {
    let part = |value: Value| to_base64url(value.to_string().as_bytes());
    let jwk = PublicJwk::named_by_thumbprint(key().public()).to_value();
    let header = part(json!({ "alg": "EdDSA", "typ": dpop::TYPE, "jwk": jwk }));
    let claims = part(json!({
        "htm": "POST", "htu": format!("{ISSUER}/x"), "iat": NOW.as_seconds(), "jti": "p",
        "ath": to_base64url(&sha256(b"t")),
    }));
    let signature = to_base64url(&key().sign(format!("{header}.{claims}").as_bytes()));
    format!("{header}.{claims}.{signature}")
}

fn bearer() -> Presentation<'static> {
    Presentation {
        token: "t",
        scheme: Scheme::Bearer,
        proof: ProofHeader::Absent,
        certificate: None,
        method: "POST",
        path: "/x",
    }
}

fn with_proof(proof: &str) -> Presentation<'_> {
    Presentation {
        scheme: Scheme::Dpop,
        proof: ProofHeader::One(proof),
        ..bearer()
    }
}

fn bound(jkt: bool, certificate_too: bool) -> Confirmation {
    Confirmation {
        jkt: jkt.then(key_thumbprint),
        certificate: certificate_too.then(certificate),
    }
}

fn prove(bound: &Confirmation, sent: &Presentation<'_>) -> Result<Possession, Refusal> {
    let terms = Terms {
        issuer: ISSUER,
        nonces: None,
        window: Window::default(),
        now: NOW,
    };
    Possession::prove(bound, sent, &terms)
}

// AA-4.4-02, AA-4.4-03, AA-4.5-10
#[test]
fn a_token_is_held_to_the_key_it_names() {
    let proof = proof();
    let sent = with_proof(&proof);
    let held = prove(&bound(true, false), &sent).unwrap();
    assert_eq!(held.proof().unwrap().key(), &key_thumbprint());

    let missing = Presentation {
        proof: ProofHeader::Absent,
        ..sent.clone()
    };
    let two = Presentation {
        proof: ProofHeader::Unreadable,
        ..sent.clone()
    };
    let as_bearer = Presentation {
        scheme: Scheme::Bearer,
        ..sent.clone()
    };
    let another_path = Presentation {
        path: "/y",
        ..sent.clone()
    };
    let malformed = DpopDefect::Malformed(JwtError::NotCompact);
    let url = DpopDefect::OtherUrl(format!("{ISSUER}/y"));
    for (sent, defect) in [
        (missing, DpopDefect::NotOneHeader),
        (two, DpopDefect::NotOneHeader),
        (as_bearer, DpopDefect::SentAsBearer),
        (bearer(), DpopDefect::SentAsBearer),
        (another_path, url),
        (with_proof("x"), malformed),
    ] {
        assert_eq!(prove(&bound(true, false), &sent), Err(defect.into()));
    }
    // A proof by a key that the token does not name shows nothing.
    assert_eq!(
        prove(&bound(false, false), &sent),
        Err(DpopDefect::NotBound.into())
    );
    let other = Confirmation {
        jkt: Some(certificate()),
        certificate: None,
    };
    assert_eq!(prove(&other, &sent), Err(DpopDefect::OtherKey.into()));
}

// AA-4.4-04, AA-4.4-05, AA-4.5-10
#[test]
fn a_token_is_held_to_the_certificate_it_names() {
    let over = |certificate| Presentation {
        certificate,
        ..bearer()
    };
    let refused = Err(Refusal::InvalidJwt(TokenDefect::OtherCertificate));
    let another = Thumbprint::of_certificate(b"another");
    assert!(prove(&bound(false, true), &over(Some(certificate()))).is_ok());
    assert_eq!(prove(&bound(false, true), &over(Some(another))), refused);
    assert_eq!(prove(&bound(false, true), &over(None)), refused);
    // A certificate that the token does not name is nobody's business, and shows nothing.
    let unbound = prove(&bound(false, false), &over(Some(certificate()))).unwrap();
    assert!(unbound.require(Demand::Mtls).is_err());
}

// AA-4.4-01, AA-4.5-10, AA-8.14-01
#[test]
fn what_is_demanded_has_to_be_shown() {
    let proof = proof();
    let none = prove(&bound(false, false), &bearer()).unwrap();
    let dpop = prove(&bound(true, false), &with_proof(&proof)).unwrap();
    let over_tls = Presentation {
        certificate: Some(certificate()),
        ..bearer()
    };
    let mtls = prove(&bound(false, true), &over_tls).unwrap();
    let both = Presentation {
        certificate: Some(certificate()),
        ..with_proof(&proof)
    };
    let both = prove(&bound(true, true), &both).unwrap();
    let needs_proof = || Some(Refusal::from(DpopDefect::Required));
    let needs_certificate = || Some(Refusal::from(TokenDefect::CertificateRequired));
    let cases = [
        (&none, Demand::None, None),
        (&none, Demand::Dpop, needs_proof()),
        (&none, Demand::Mtls, needs_certificate()),
        (&none, Demand::Any, needs_proof()),
        (&dpop, Demand::None, None),
        (&dpop, Demand::Dpop, None),
        (&dpop, Demand::Mtls, needs_certificate()),
        (&dpop, Demand::Any, None),
        (&mtls, Demand::Dpop, needs_proof()),
        (&mtls, Demand::Mtls, None),
        (&mtls, Demand::Any, None),
        (&both, Demand::Dpop, None),
        (&both, Demand::Mtls, None),
    ];
    for (shown, demand, expected) in cases {
        assert_eq!(
            shown.require(demand).err(),
            expected,
            "{shown:?} {demand:?}"
        );
    }
    assert_eq!(
        Refusal::from(DpopDefect::Required).code_and_status(),
        ("invalid_dpop_proof", 401)
    );
}

#[test]
fn half_of_a_double_binding_is_not_enough() {
    let proof = proof();
    assert!(prove(&bound(true, true), &with_proof(&proof)).is_err());
    let over_tls = Presentation {
        certificate: Some(certificate()),
        ..bearer()
    };
    assert!(prove(&bound(true, true), &over_tls).is_err());
}

#[test]
fn a_binding_that_cannot_be_checked_is_refused() {
    let read = |cnf: Value| {
        let claims = json!({ "cnf": cnf });
        Confirmation::read(claims.as_object().unwrap())
    };
    let both = json!({ "jkt": key_thumbprint(), "x5t#S256": certificate() });
    assert_eq!(read(both), Ok(bound(true, true)));
    assert_eq!(Confirmation::read(&Map::new()), Ok(bound(false, false)));
    for cnf in [
        json!(null),
        json!("x"),
        json!([]),
        json!({}),
        json!({ "jkt": null }),
        json!({ "jkt": "short" }),
        json!({ "jkt": 7 }),
        json!({ "jwk": { "kty": "OKP" } }),
        json!({ "jkt": key_thumbprint(), "x5t#S256": "short" }),
    ] {
        let refused = read(cnf.clone());
        assert!(
            matches!(refused, Err(TokenDefect::BadClaim { name: "cnf", .. })),
            "{cnf}"
        );
    }
}
