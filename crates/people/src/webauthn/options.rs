//! What a page asks an authenticator for, as `navigator.credentials` takes it (WebAuthn §5.4, §5.5), with bytes in
//! base64url.

use procura_keys::cose::ALGORITHMS;
use procura_keys::digest::to_base64url;
use serde_json::{Value, json};

use super::RelyingParty;
use crate::challenge::{Challenge, LIFETIME};
use crate::passkey::Passkey;
use crate::person::PersonId;

/// For whom a passkey is made.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The person. Authenticators keep it and hand it back.
    pub id: &'a PersonId,
    /// What tells accounts apart when somebody has several.
    pub email: &'a str,
    /// How to address them.
    pub name: &'a str,
}

/// To make a passkey for somebody who has these already.
pub fn to_register(
    relying_party: &RelyingParty,
    service: &str,
    challenge: &Challenge,
    person: Subject<'_>,
    known: &[Passkey],
) -> Value {
    json!({
        "rp": { "id": relying_party.id, "name": service },
        "user": {
            "id": to_base64url(person.id.0.as_bytes()),
            "name": person.email,
            "displayName": person.name,
        },
        "challenge": to_base64url(&challenge.value),
        "pubKeyCredParams": ALGORITHMS.map(|alg| json!({ "type": "public-key", "alg": alg })),
        "timeout": LIFETIME.as_millis(),
        "excludeCredentials": descriptors(known),
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": true,
            "userVerification": "required",
        },
        "attestation": "none",
    })
}

/// To use one of these passkeys; whichever the person has, if none are named.
pub fn to_assert(
    relying_party: &RelyingParty,
    challenge: &Challenge,
    allowed: &[Passkey],
) -> Value {
    json!({
        "rpId": relying_party.id,
        "challenge": to_base64url(&challenge.value),
        "timeout": LIFETIME.as_millis(),
        "allowCredentials": descriptors(allowed),
        "userVerification": "required",
    })
}

fn descriptors(passkeys: &[Passkey]) -> Vec<Value> {
    let descriptor = |passkey: &Passkey| json!({ "type": "public-key", "id": to_base64url(passkey.credential_id.as_bytes()) });
    passkeys.iter().map(descriptor).collect()
}

#[cfg(test)]
mod tests {
    use procura_keys::clock::Timestamp;

    use super::*;
    use crate::challenge::{Holder, Purpose};

    // AA-8.11-04
    #[test]
    fn every_question_requires_user_verification() {
        let relying_party = RelyingParty::of_issuer("https://bank.example").unwrap();
        let now = Timestamp::from_millis(0);
        let challenge = Challenge::new(Purpose::SignIn, Holder([1; 32]), [2; 32], now);
        let id = PersonId("usr_1".to_owned());
        let person = Subject {
            id: &id,
            email: "alice@example.com",
            name: "Alice",
        };
        let made = to_register(&relying_party, "bank", &challenge, person, &[]);
        assert_eq!(
            made["authenticatorSelection"]["userVerification"],
            "required"
        );
        assert_eq!(made["user"]["id"], to_base64url(b"usr_1"));
        let used = to_assert(&relying_party, &challenge, &[]);
        assert_eq!(used["userVerification"], "required");
        assert_eq!(used["rpId"], "bank.example");
        for options in [made, used] {
            assert_eq!(options["challenge"], to_base64url(&challenge.value));
        }
    }
}
