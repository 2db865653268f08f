use super::*;

#[test]
fn keys_of_providers_are_derived_as_rfc_5869_says() {
    // By another implementation: PRK = HMAC(0^32, 07^32), OKM = HMAC(PRK, issuer || 01).
    let key = derived(&[7; 32], "https://bank.example");
    assert_eq!(procura_keys::digest::to_base64url(&key), EXPECTED);
    assert_ne!(key, derived(&[7; 32], "https://bank.example/"));
    assert_ne!(key, derived(&[8; 32], "https://bank.example"));
}

const EXPECTED: &str = "iwibeE0XEB0odUZdXrP04frMY0SZfkll-gNDngmopfE";
