use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::json;

use super::*;
use crate::digest::to_base64url;
use crate::jwk::PublicJwk;
use crate::jwt::JwtError;
use crate::key::SigningKey;

fn rsa_pair() -> RsaKeyPair {
    RsaKeyPair::generate(KeySize::Rsa2048).unwrap()
}

fn rsa_jwk(pair: &RsaKeyPair, kid: &str) -> Value {
    // PKCS #1 for 2048 bits: heads of nine bytes and a zero before the modulus, of two before the exponent.
    let numbers = pair.public_key().as_ref();
    let (n, e) = (
        to_base64url(&numbers[9..265]),
        to_base64url(&numbers[267..]),
    );
    json!({ "kty": "RSA", "use": "sig", "kid": kid, "n": n, "e": e })
}

fn signed_part(header: &Value) -> String {
    let part = |value: &Value| to_base64url(value.to_string().as_bytes());
    format!("{}.{}", part(header), part(&json!({ "sub": "1" })))
}

fn rs256(pair: &RsaKeyPair, header: &Value) -> String {
    let signed = signed_part(header);
    let mut signature = vec![0; pair.public_modulus_len()];
    let random = SystemRandom::new();
    pair.sign(
        &RSA_PKCS1_SHA256,
        &random,
        signed.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{signed}.{}", to_base64url(&signature))
}

fn set(keys: &[Value]) -> Result<IssuerKeys, IssuerKeysError> {
    IssuerKeys::parse(json!({ "keys": keys }).to_string().as_bytes())
}

fn read(token: &str) -> Result<Unverified<'_>, JwtError> {
    Unverified::parse_any(token, &ALGORITHMS, 8192)
}

fn ed25519_jwk(number: u8, kid: &str) -> Value {
    let key = SigningKey::from_seed(&[number; 32]).unwrap();
    let (key, kid) = (key.public().clone(), Some(kid.to_owned()));
    PublicJwk { key, kid }.to_value()
}

#[test]
fn a_key_signs_under_its_own_name_only() {
    let (ours, other) = (rsa_pair(), rsa_pair());
    let keys = set(&[rsa_jwk(&ours, "a"), rsa_jwk(&other, "b")]).unwrap();
    let judged = |pair, header: Value| keys.judge(&read(&rs256(pair, &header)).unwrap());
    let named = |kid| json!({ "alg": "RS256", "kid": kid });
    assert_eq!(judged(&ours, named("a")), Verdict::Signed);
    assert_eq!(judged(&ours, named("b")), Verdict::Forged);
    assert_eq!(judged(&ours, named("c")), Verdict::UnknownKey);
    let nameless = json!({ "alg": "RS256" });
    assert_eq!(judged(&other, nameless.clone()), Verdict::Signed);
    assert_eq!(judged(&rsa_pair(), nameless), Verdict::UnknownKey);
}

#[test]
fn a_tampered_token_is_forged() {
    let pair = rsa_pair();
    let keys = set(&[rsa_jwk(&pair, "a")]).unwrap();
    let token = rs256(&pair, &json!({ "alg": "RS256", "kid": "a" }));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let claims = to_base64url(br#"{"sub":"2"}"#);
    let tampered = format!("{header}.{claims}.{signature}");
    assert_eq!(keys.judge(&read(&tampered).unwrap()), Verdict::Forged);
}

#[test]
fn an_algorithm_is_never_the_tokens_own_choice() {
    let pair = rsa_pair();
    for alg in ["none", "HS256", "RS512", "PS256", "rs256"] {
        let token = rs256(&pair, &json!({ "alg": alg, "kid": "a" }));
        assert!(
            matches!(read(&token), Err(JwtError::NoSuchAlgorithm(_))),
            "{alg}"
        );
    }
    let unsigned = signed_part(&json!({ "alg": "RS256" })) + ".";
    assert_eq!(read(&unsigned).unwrap_err(), JwtError::BadSignatureForm);
    // An RSA signature under the name of another algorithm, and a key that is meant for another one.
    let token = rs256(&pair, &json!({ "alg": "ES256", "kid": "a" }));
    assert_eq!(read(&token).unwrap_err(), JwtError::BadSignatureForm);
    let mut meant = rsa_jwk(&pair, "a");
    meant["alg"] = json!("PS256");
    let keys = set(&[meant]).unwrap();
    let token = rs256(&pair, &json!({ "alg": "RS256", "kid": "a" }));
    assert_eq!(keys.judge(&read(&token).unwrap()), Verdict::UnknownKey);
}

#[test]
fn ed25519_verifies_under_both_of_its_names() {
    let keys = set(&[ed25519_jwk(1, "e")]).unwrap();
    let key = SigningKey::from_seed(&[1; 32]).unwrap();
    for alg in ["EdDSA", "Ed25519"] {
        let signed = signed_part(&json!({ "alg": alg, "kid": "e" }));
        let signature = to_base64url(&key.sign(signed.as_bytes()));
        let token = format!("{signed}.{signature}");
        assert_eq!(keys.judge(&read(&token).unwrap()), Verdict::Signed, "{alg}");
    }
}

#[test]
fn es256_is_verified_by_keys_of_p256_only() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = (to_base64url(&point[1..33]), to_base64url(&point[33..]));
    let p256 = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "e" });
    let signed = signed_part(&json!({ "alg": "ES256", "kid": "e" }));
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    let token = format!("{signed}.{}", to_base64url(signature.as_ref()));
    let judged = |key| set(&[key]).unwrap().judge(&read(&token).unwrap());
    assert_eq!(judged(p256), Verdict::Signed);
    // Keys of other kinds do not even come into question under the same name.
    assert_eq!(judged(ed25519_jwk(1, "e")), Verdict::UnknownKey);
    assert_eq!(judged(rsa_jwk(&rsa_pair(), "e")), Verdict::UnknownKey);
}

#[test]
fn keys_for_something_else_are_passed_over_and_secrets_spoil_the_set() {
    let good = ed25519_jwk(1, "good");
    let with = |name: &str, value: Value| {
        let mut jwk = ed25519_jwk(2, "other");
        jwk[name] = value;
        jwk
    };
    let unusable = [
        with("use", json!("enc")),
        with("key_ops", json!(["sign"])),
        with("crv", json!("X25519")),
        json!({ "kty": "AKP", "pub": "AAAA" }),
        json!({ "kty": "RSA", "n": to_base64url(&[1; 128]), "e": "AQAB" }),
        json!("key"),
    ];
    for other in unusable {
        assert!(set(&[good.clone(), other.clone()]).is_ok(), "{other}");
        let alone = set(std::slice::from_ref(&other)).unwrap_err();
        assert_eq!(alone, IssuerKeysError::NoUsableKey, "{other}");
    }
    for secret in [with("d", json!("AAAA")), json!({ "kty": "oct", "k": "AA" })] {
        let spoiled = set(&[good.clone(), secret]).unwrap_err();
        assert_eq!(spoiled, IssuerKeysError::Secret);
    }
    let many = vec![good; MAX_KEYS + 1];
    assert_eq!(set(&many).unwrap_err(), IssuerKeysError::TooManyKeys);
    for text in ["", "[]", "{}", r#"{"keys":[],"keys":[]}"#] {
        let error = IssuerKeys::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error, IssuerKeysError::NotASet, "{text}");
    }
}
