use serde_json::json;

use super::*;
use crate::key::SigningKey;

fn public(number: u8) -> PublicKey {
    let key = SigningKey::from_seed(&[number; 32]).unwrap();
    key.public().clone()
}

fn jwk(number: u8, kid: &str) -> Value {
    PublicJwk {
        key: public(number),
        kid: Some(kid.to_owned()),
    }
    .to_value()
}

fn with(member: &str, value: Value) -> Value {
    let mut key = jwk(1, "a");
    key[member] = value;
    key
}

fn parse(document: &Value) -> Result<JwkSet, JwkSetError> {
    JwkSet::parse(document.to_string().as_bytes())
}

fn parse_keys(keys: &[Value]) -> Result<JwkSet, JwkSetError> {
    parse(&json!({ "keys": keys }))
}

/// A set whose first member is good and whose second is this one.
fn defect_of(member: Value) -> MemberDefect {
    match parse_keys(&[jwk(9, "good"), member]) {
        Err(JwkSetError::Member { index: 1, defect }) => defect,
        other => panic!("{other:?}"),
    }
}

// AA-8.12-10
#[test]
fn a_key_is_found_by_kid_and_by_thumbprint() {
    let set = parse_keys(&[jwk(1, "a"), jwk(2, "b")]).unwrap();
    assert_eq!(set.find(KeyName::Kid("b")), Some(&public(2)));
    let thumbprint = Thumbprint::of(&public(1));
    let by_thumbprint = set.find(KeyName::Thumbprint(thumbprint.as_str()));
    assert_eq!(by_thumbprint, Some(&public(1)));
    let both = |kid| {
        set.find(KeyName::Both {
            kid,
            thumbprint: thumbprint.as_str(),
        })
    };
    assert_eq!(both("a"), Some(&public(1)));
    assert_eq!(both("b"), None);
    for nobody in [
        KeyName::Kid("c"),
        KeyName::Kid(""),
        KeyName::Thumbprint("a"),
    ] {
        assert_eq!(set.find(nobody), None, "{nobody:?}");
    }
}

// AA-8.12-07
#[test]
fn only_an_object_with_keys_is_a_set() {
    let cases = [
        ("", JwkSetError::NotJson),
        ("keys", JwkSetError::NotJson),
        (r#"{"keys":[],"keys":[]}"#, JwkSetError::NotJson),
        ("[]", JwkSetError::NotASet),
        ("\"keys\"", JwkSetError::NotASet),
        ("{}", JwkSetError::NotASet),
        (r#"{"keys":{}}"#, JwkSetError::NotASet),
        (r#"{"keys":[]}"#, JwkSetError::Empty),
    ];
    for (text, error) in cases {
        assert_eq!(JwkSet::parse(text.as_bytes()), Err(error), "{text}");
    }
}

// AA-8.12-08, AA-8.12-09
#[test]
fn one_bad_member_spoils_the_set() {
    let cases = [
        (json!("key"), JwkError::NotAnObject.into()),
        (json!({}), JwkError::MissingMember("kty").into()),
        (
            json!({ "kty": "oct", "k": "AAAA" }),
            MemberDefect::Symmetric,
        ),
        (
            json!({ "kty": "AKP" }),
            JwkError::UnsupportedType("AKP".to_owned()).into(),
        ),
        (
            json!({ "kty": "OKP", "crv": "Ed25519" }),
            JwkError::MissingMember("x").into(),
        ),
        (
            json!({ "kty": "OKP", "x": "AAAA" }),
            JwkError::MissingMember("crv").into(),
        ),
        (
            json!({ "kty": "EC", "crv": "P-256", "x": "AAAA" }),
            JwkError::MissingMember("y").into(),
        ),
        (
            json!({ "kty": "RSA", "n": "AAAA" }),
            JwkError::MissingMember("e").into(),
        ),
        (
            json!({ "kty": "RSA", "n": "A+/=", "e": "AQAB" }),
            MemberDefect::BadEncoding("n"),
        ),
        (
            json!({ "kty": "RSA", "n": "AAAA", "e": "AQAB", "d": "AAAA" }),
            JwkError::PrivateMember.into(),
        ),
        (with("d", json!("AAAA")), JwkError::PrivateMember.into()),
        (with("kid", json!(7)), JwkError::BadKid.into()),
        (
            json!({ "kty": "RSA", "n": "AAAA", "e": "AQAB", "kid": "k".repeat(257) }),
            JwkError::BadKid.into(),
        ),
        (
            with("x", json!("AAAA")),
            JwkError::Key(crate::key::KeyError::WrongLength).into(),
        ),
    ];
    for (member, defect) in cases {
        assert_eq!(defect_of(member.clone()), defect, "{member}");
    }
}

#[test]
fn other_public_keys_are_allowed_and_not_used() {
    let others = [
        json!({ "kty": "RSA", "n": "AAAA", "e": "AQAB", "kid": "a" }),
        json!({ "kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA", "kid": "a" }),
        json!({ "kty": "OKP", "crv": "X25519", "x": "AAAA", "kid": "a" }),
        with("use", json!("enc")),
        with("alg", json!("ES256")),
        with("key_ops", json!(["sign"])),
    ];
    for other in others {
        let set = parse_keys(&[other.clone(), jwk(2, "b")]).unwrap();
        assert_eq!(set.find(KeyName::Kid("a")), None, "{other}");
        assert_eq!(set.find(KeyName::Kid("b")), Some(&public(2)), "{other}");
    }
    let meant = [
        with("use", json!("sig")),
        with("alg", json!("EdDSA")),
        with("key_ops", json!(["verify"])),
    ];
    for meant in meant {
        let set = parse_keys(std::slice::from_ref(&meant)).unwrap();
        assert_eq!(set.find(KeyName::Kid("a")), Some(&public(1)), "{meant}");
    }
}

#[test]
fn a_kid_names_one_key_of_whatever_kind() {
    let rsa = json!({ "kty": "RSA", "n": "AAAA", "e": "AQAB", "kid": "a" });
    let repeated = Err(JwkSetError::RepeatedKid { index: 1 });
    assert_eq!(parse_keys(&[rsa, jwk(1, "a")]), repeated);
    let set = parse_keys(&[nameless(1), nameless(2)]).unwrap();
    let second = Thumbprint::of(&public(2));
    assert_eq!(
        set.find(KeyName::Thumbprint(second.as_str())),
        Some(&public(2))
    );
}

fn nameless(number: u8) -> Value {
    PublicJwk {
        key: public(number),
        kid: None,
    }
    .to_value()
}

// AA-8.12-11
#[test]
fn twenty_keys_are_enough() {
    let keys: Vec<_> = (1..=21).map(|n| jwk(n, &n.to_string())).collect();
    assert!(parse_keys(&keys[..20]).is_ok());
    assert_eq!(parse_keys(&keys), Err(JwkSetError::TooManyKeys));
}
