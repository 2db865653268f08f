//! Proofs as strangers might make them: each really signed, with one thing wrong.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use procura_keys::jwk::{JwkError, PublicJwk};
use procura_keys::key::SigningKey;
use serde_json::json;

use super::*;
use crate::fixtures::{NOW, seconds};
use crate::token::nonce::NonceKey;

const URL: &str = "https://bank.example/agents/capability/execute";
const TOKEN: &str = "a.b.c";

/// A proof in the making.
struct Draft {
    header: Value,
    claims: Value,
    key: SigningKey,
}

fn proof_key() -> SigningKey {
    SigningKey::from_seed(&[7; 32]).unwrap()
}

fn jwk(key: &SigningKey) -> Value {
    PublicJwk::named_by_thumbprint(key.public()).to_value()
}

fn ath(token: &str) -> String {
    to_base64url(&sha256(token.as_bytes()))
}

impl Draft {
    fn new() -> Self {
        Self {
            header: json!({ "alg": "EdDSA", "typ": TYPE, "jwk": jwk(&proof_key()) }),
            claims: json!({
                "htm": "POST", "htu": URL, "iat": NOW.as_seconds(), "jti": "p-1", "ath": ath(TOKEN),
            }),
            key: proof_key(),
        }
    }

    fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }

    fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name).unwrap();
        self
    }

    fn signed(&self) -> String {
        let part = |value: &Value| to_base64url(value.to_string().as_bytes());
        format!("{}.{}", part(&self.header), part(&self.claims))
    }

    fn text(&self) -> String {
        let signed = self.signed();
        let signature = to_base64url(&self.key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

fn verify_with<'a>(
    proof: &str,
    key: &'a Thumbprint,
    change: impl FnOnce(&mut Expected<'a>),
) -> Result<VerifiedProof, Refusal> {
    let mut expected = Expected {
        token: TOKEN,
        key,
        method: "POST",
        url: URL,
        nonces: None,
        window: Window::default(),
        now: NOW,
    };
    change(&mut expected);
    verify(proof, &expected)
}

fn verify_at(draft: &Draft, now: Timestamp) -> Result<VerifiedProof, Refusal> {
    let key = Thumbprint::of(proof_key().public());
    verify_with(&draft.text(), &key, |expected| expected.now = now)
}

fn defect(draft: &Draft) -> DpopDefect {
    match verify_at(draft, NOW) {
        Err(Refusal::InvalidDpopProof(defect)) => defect,
        other => panic!("{other:?}"),
    }
}

// AA-4.4-02
#[test]
fn a_proof_for_this_request_and_token_holds() {
    let proof = verify_at(&Draft::new(), NOW).unwrap();
    assert_eq!(proof.key(), &Thumbprint::of(proof_key().public()));
    assert_eq!(proof.jti(), "p-1");
    assert_eq!(proof.forget_at(), NOW.plus(seconds(90)));
    // The name that RFC 9864 gives the same algorithm.
    assert!(verify_at(&Draft::new().header("alg", "Ed25519"), NOW).is_ok());
}

// AA-4.4-02, AA-4.4-03
#[test]
fn each_thing_that_can_be_wrong_is_named() {
    let other = SigningKey::from_seed(&[8; 32]).unwrap();
    let mut private = jwk(&proof_key());
    private["d"] = json!("AA");
    let by_other = Draft {
        key: SigningKey::from_seed(&[8; 32]).unwrap(),
        ..Draft::new().header("jwk", jwk(&other))
    };
    let unsigned = Draft {
        key: SigningKey::from_seed(&[8; 32]).unwrap(),
        ..Draft::new()
    };
    let of_another_url = || DpopDefect::OtherUrl(URL.into());
    let none_of = JwtError::NoSuchAlgorithm("EdDSA, Ed25519, ES256".into());
    let cases = [
        (Draft::new().header("typ", "JWT"), DpopDefect::WrongType),
        (
            Draft::new().header("typ", "agent+jwt"),
            DpopDefect::WrongType,
        ),
        (
            Draft::new().header("alg", "none"),
            DpopDefect::Malformed(none_of.clone()),
        ),
        (
            Draft::new().header("alg", "HS256"),
            DpopDefect::Malformed(none_of),
        ),
        (
            Draft::new().header("crit", json!(["b64"])),
            DpopDefect::Malformed(JwtError::CriticalExtension),
        ),
        // The key is one for another algorithm than the one named.
        (
            Draft::new().header("alg", "ES256"),
            DpopDefect::BadSignature,
        ),
        (
            Draft::new().header("jwk", private),
            DpopDefect::BadKey(VerifyingKeyError::PrivateMember("d")),
        ),
        (
            Draft::new().header("jwk", json!({ "kty": "oct", "k": "AA" })),
            DpopDefect::BadKey(VerifyingKeyError::PrivateMember("k")),
        ),
        (
            Draft::new().header("jwk", Value::Null),
            DpopDefect::BadKey(JwkError::NotAnObject.into()),
        ),
        (unsigned, DpopDefect::BadSignature),
        (by_other, DpopDefect::OtherKey),
        (Draft::new().claim("htm", "GET"), DpopDefect::OtherMethod),
        (Draft::new().claim("htm", "post"), DpopDefect::OtherMethod),
        (
            Draft::new().claim("htu", "https://evil.example/agents/capability/execute"),
            of_another_url(),
        ),
        (
            Draft::new().claim("htu", "https://bank.example/capability/execute"),
            of_another_url(),
        ),
        (
            Draft::new().claim("htu", format!("{URL}/")),
            of_another_url(),
        ),
        (
            Draft::new().claim("htu", URL.replace("https", "http")),
            of_another_url(),
        ),
        (
            Draft::new().claim("htu", URL.replace("//", "//user@")),
            of_another_url(),
        ),
        (
            Draft::new().claim("htu", "/agents/capability/execute"),
            of_another_url(),
        ),
        (
            Draft::new().claim("ath", ath("another.token.x")),
            DpopDefect::OtherToken,
        ),
        (
            Draft::new().claim("iat", NOW.as_seconds() + 31),
            DpopDefect::IssuedInTheFuture,
        ),
        (
            Draft::new().claim("iat", NOW.as_seconds() - 90),
            DpopDefect::TooOld,
        ),
    ];
    for (draft, expected) in cases {
        assert_eq!(
            defect(&draft),
            expected,
            "{} {}",
            draft.header,
            draft.claims
        );
    }
}

// AA-4.4-02
#[test]
fn every_claim_is_needed() {
    for name in ["htm", "htu", "iat", "jti", "ath"] {
        let missing = defect(&Draft::new().without(name));
        assert!(matches!(missing, DpopDefect::BadClaim(_)), "{name}");
        let garbled = defect(&Draft::new().claim(name, json!([1])));
        assert!(matches!(garbled, DpopDefect::BadClaim(_)), "{name}");
    }
    let endless = defect(&Draft::new().claim("jti", "j".repeat(257)));
    assert!(matches!(endless, DpopDefect::BadClaim(_)));
    let mut keyless = Draft::new();
    keyless.header.as_object_mut().unwrap().remove("jwk");
    assert_eq!(defect(&keyless), DpopDefect::NoKey);
}

#[test]
fn a_url_may_be_spelled_as_urls_may() {
    for same in [
        "HTTPS://BANK.example:443/agents/capability/execute",
        "https://bank.example/agents/./x/../capability/execute",
        "https://bank.example/agents/capability/execute?a=b#c",
    ] {
        let draft = Draft::new().claim("htu", same);
        assert!(verify_at(&draft, NOW).is_ok(), "{same}");
    }
}

#[test]
fn a_proof_is_good_for_as_long_as_its_name_is_remembered() {
    let draft = Draft::new();
    let end = verify_at(&draft, NOW).unwrap().forget_at();
    let millisecond = std::time::Duration::from_millis(1);
    assert!(verify_at(&draft, end.minus(millisecond)).is_ok());
    assert!(verify_at(&draft, end).is_err());
    assert!(verify_at(&draft, NOW.minus(seconds(30))).is_ok());
    assert!(verify_at(&draft, NOW.minus(seconds(31))).is_err());
}

// AA-4.4-02
#[test]
fn es256_proofs_hold_and_garbage_does_not() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = (to_base64url(&point[1..33]), to_base64url(&point[33..]));
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
    let key = VerifyingKey::parse(&jwk).unwrap().thumbprint();
    let draft = Draft::new().header("alg", "ES256").header("jwk", jwk);
    let signed = draft.signed();
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    let signature: [u8; 64] = signature.as_ref().try_into().unwrap();
    let with = |signature: &[u8]| {
        let proof = format!("{signed}.{}", to_base64url(signature));
        verify_with(&proof, &key, |_| ())
    };
    assert!(with(&signature).is_ok());
    let mut turned = signature;
    turned[5] ^= 4;
    for garbage in [[0; 64], [0xff; 64], turned] {
        assert_eq!(with(&garbage), Err(DpopDefect::BadSignature.into()));
    }
    // Neither the DER form nor a key of the other kind's signature.
    assert!(with(&[0x30; 70]).is_err());
    assert!(with(&proof_key().sign(signed.as_bytes())).is_err());
}

#[test]
fn where_nonces_are_demanded_only_a_fresh_one_will_do() {
    let nonces = NonceKeys::first(NonceKey::new([1; 32]), NOW);
    let key = Thumbprint::of(proof_key().public());
    let check = |draft: &Draft| {
        verify_with(&draft.text(), &key, |expected| {
            expected.nonces = Some(&nonces);
        })
    };
    let Err(Refusal::UseDpopNonce { nonce }) = check(&Draft::new()) else {
        panic!()
    };
    assert!(check(&Draft::new().claim("nonce", nonce.clone())).is_ok());
    let old = nonces.issue(NOW.minus(seconds(300)));
    let of_others = NonceKey::new([2; 32]).issue(NOW);
    for bad in [json!(old), json!(of_others), json!(7), json!("")] {
        let refused = check(&Draft::new().claim("nonce", bad.clone()));
        assert!(
            matches!(refused, Err(Refusal::UseDpopNonce { .. })),
            "{bad}"
        );
    }
    // What is wrong otherwise does not get better by a nonce.
    let stolen = Draft::new()
        .claim("nonce", nonce)
        .claim("ath", ath("x.y.z"));
    assert_eq!(check(&stolen), Err(DpopDefect::OtherToken.into()));
}
