use std::time::Duration;

use procura_keys::digest::to_base64url;
use procura_keys::key::SigningKey;
use serde_json::{Value, json};

use super::*;
use crate::challenge::LIFETIME;
use crate::passkey::{PasskeyId, PasskeyName};
use crate::person::PersonId;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const MINE: Holder = Holder([1; 32]);
const PAYMENT: Purpose = Purpose::Confirm([7; 32]);
const USED: u8 = 0x05;
const MADE: u8 = 0x45;

/// An answer, piece by piece, so that a test can spoil one of them.
struct Answer {
    client: Value,
    relying_party: &'static str,
    flags: u8,
    count: u32,
    behind: Vec<u8>,
    credential_id: Vec<u8>,
    user_handle: Option<&'static str>,
    spoil_signature: bool,
}

impl Answer {
    fn to(challenge: &Challenge) -> Self {
        Self {
            client: json!({
                "type": "webauthn.get",
                "challenge": to_base64url(&challenge.value),
                "origin": "https://bank.example",
                "crossOrigin": false,
            }),
            relying_party: "bank.example",
            flags: USED,
            count: 5,
            behind: Vec::new(),
            credential_id: vec![3; 16],
            user_handle: Some("usr_1"),
            spoil_signature: false,
        }
    }

    fn making(challenge: &Challenge) -> Self {
        let mut answer = Self::to(challenge);
        answer.client["type"] = json!("webauthn.create");
        answer.flags = MADE;
        answer.behind = [&[0; 16][..], &[0, 16], &[3; 16], &cose()].concat();
        answer
    }

    fn json(&self) -> String {
        let mut data = sha256(self.relying_party.as_bytes()).to_vec();
        data.push(self.flags);
        data.extend(self.count.to_be_bytes());
        data.extend(&self.behind);
        let client = self.client.to_string();
        let mut signature = key().sign(&[&data[..], &sha256(client.as_bytes())].concat());
        signature[9] ^= u8::from(self.spoil_signature);
        json!({
            "id": to_base64url(&self.credential_id),
            "type": "public-key",
            "response": {
                "clientDataJSON": to_base64url(client.as_bytes()),
                "authenticatorData": to_base64url(&data),
                "signature": to_base64url(&signature),
                "userHandle": self.user_handle.map(|handle| to_base64url(handle.as_bytes())),
            },
        })
        .to_string()
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32]).unwrap()
}

fn cose() -> Vec<u8> {
    let head = [0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32];
    [&head[..], key().public().as_bytes()].concat()
}

fn passkey() -> Passkey {
    Passkey {
        id: PasskeyId("pky_1".to_owned()),
        person_id: PersonId("usr_1".to_owned()),
        credential_id: vec![3; 16].try_into().unwrap(),
        public_key: CoseKey::parse(&cose()).unwrap(),
        sign_count: 4,
        synced: false,
        name: PasskeyName::try_from("Laptop".to_owned()).unwrap(),
        created_at: NOW,
        last_used_at: None,
    }
}

fn challenge(purpose: Purpose) -> Challenge {
    Challenge::new(purpose, MINE, [9; 32], NOW)
}

fn ceremony<'a>(relying_party: &'a RelyingParty, challenge: &'a Challenge) -> Ceremony<'a> {
    Ceremony {
        relying_party,
        challenge,
        purpose: PAYMENT,
        holder: MINE,
        now: NOW,
    }
}

fn bank() -> RelyingParty {
    RelyingParty::of_issuer("https://bank.example").unwrap()
}

/// What becomes of the use of a passkey that was spoiled like this.
fn verdict(spoil: impl FnOnce(&mut Answer)) -> Result<u32, WebauthnError> {
    let challenge = challenge(PAYMENT);
    let mut answer = Answer::to(&challenge);
    spoil(&mut answer);
    let answer = UnverifiedAssertion::parse(&answer.json())?;
    ceremony(&bank(), &challenge).assert(&answer, &passkey())
}

#[test]
fn a_good_answer_counts() {
    assert_eq!(verdict(|_| {}), Ok(5));
    assert_eq!(verdict(|answer| answer.user_handle = None), Ok(5));
    // Extensions that nobody asked for are signed like the rest, and ignored.
    assert_eq!(
        verdict(|answer| {
            answer.flags |= 0x80;
            answer.behind = vec![0xa0];
        }),
        Ok(5)
    );
}

// AA-8.11-05
#[test]
fn one_wrong_piece_spoils_the_use_of_a_passkey() {
    type Spoil = fn(&mut Answer);
    let cases: [(Spoil, WebauthnError); 18] = [
        (
            |a| a.client["type"] = json!("webauthn.create"),
            WebauthnError::Kind,
        ),
        (
            |a| a.client["challenge"] = json!("A".repeat(43)),
            BadChallenge::Unknown.into(),
        ),
        (
            |a| a.client["challenge"] = json!("AAAA"),
            WebauthnError::Malformed,
        ),
        (
            |a| a.client["origin"] = json!("https://evil.example"),
            WebauthnError::Origin,
        ),
        (
            |a| a.client["origin"] = json!("https://sub.bank.example"),
            WebauthnError::Origin,
        ),
        (
            |a| a.client["origin"] = json!("http://bank.example"),
            WebauthnError::Origin,
        ),
        (
            |a| a.client["crossOrigin"] = json!(true),
            WebauthnError::Origin,
        ),
        (
            |a| a.client["topOrigin"] = json!("https://evil.example"),
            WebauthnError::Origin,
        ),
        (
            |a| a.relying_party = "evil.example",
            WebauthnError::RelyingParty,
        ),
        (|a| a.flags = 0x04, WebauthnError::Presence),
        // AA-8.11-04
        (|a| a.flags = 0x01, WebauthnError::Verification),
        (|a| a.flags |= 0x10, WebauthnError::Malformed),
        (|a| a.behind = vec![0], WebauthnError::Malformed),
        (
            |a| a.credential_id = vec![4; 16],
            WebauthnError::OtherCredential,
        ),
        (
            |a| a.user_handle = Some("usr_2"),
            WebauthnError::OtherCredential,
        ),
        (|a| a.spoil_signature = true, WebauthnError::Signature),
        (|a| a.count = 4, WebauthnError::Counter),
        (|a| a.count = 0, WebauthnError::Counter),
    ];
    for (number, (spoil, error)) in cases.into_iter().enumerate() {
        assert_eq!(verdict(spoil), Err(error), "case {number}");
    }
}

#[test]
fn a_passkey_on_several_devices_does_not_count() {
    let challenge = challenge(PAYMENT);
    let mut answer = Answer::to(&challenge);
    answer.count = 0;
    answer.flags |= 0x18;
    let answer = UnverifiedAssertion::parse(&answer.json()).unwrap();
    let passkey = Passkey {
        sign_count: 0,
        ..passkey()
    };
    let relying_party = bank();
    assert_eq!(
        ceremony(&relying_party, &challenge).assert(&answer, &passkey),
        Ok(0)
    );
}

// AA-8.11-05
#[test]
fn an_answer_counts_for_its_purpose_its_holder_and_its_time() {
    let relying_party = bank();
    let challenge = challenge(PAYMENT);
    let answer = UnverifiedAssertion::parse(&Answer::to(&challenge).json()).unwrap();
    let good = ceremony(&relying_party, &challenge);
    let swapped = Ceremony {
        purpose: Purpose::Confirm([8; 32]),
        ..good
    };
    let sign_in = Ceremony {
        purpose: Purpose::SignIn,
        ..good
    };
    let other_session = Ceremony {
        holder: Holder([2; 32]),
        ..good
    };
    for ceremony in [swapped, sign_in, other_session] {
        let verdict = ceremony.assert(&answer, &passkey());
        assert_eq!(
            verdict,
            Err(BadChallenge::ForSomethingElse.into()),
            "{ceremony:?}"
        );
    }
    let late = Ceremony {
        now: NOW.plus(LIFETIME),
        ..good
    };
    assert_eq!(
        late.assert(&answer, &passkey()),
        Err(BadChallenge::Expired.into())
    );
    let early = Ceremony {
        now: NOW.plus(LIFETIME).minus(Duration::from_millis(1)),
        ..good
    };
    assert_eq!(early.assert(&answer, &passkey()), Ok(5));
}

#[test]
fn a_new_credential_is_taken_as_it_was_made() {
    let relying_party = bank();
    let challenge = challenge(Purpose::Register);
    let ceremony = Ceremony {
        purpose: Purpose::Register,
        ..ceremony(&relying_party, &challenge)
    };
    let made = |spoil: fn(&mut Answer)| {
        let mut answer = Answer::making(&challenge);
        spoil(&mut answer);
        let answer = UnverifiedRegistration::parse(&answer.json())?;
        assert_eq!(answer.challenge(), &challenge.value);
        ceremony.register(&answer)
    };
    let credential = NewCredential {
        credential_id: vec![3; 16].try_into().unwrap(),
        public_key: CoseKey::parse(&cose()).unwrap(),
        sign_count: 5,
        synced: false,
    };
    assert_eq!(made(|_| {}), Ok(credential));
    // AA-8.11-04
    assert_eq!(made(|a| a.flags = 0x41), Err(WebauthnError::Verification));
    assert_eq!(
        made(|a| a.client["type"] = json!("webauthn.get")),
        Err(WebauthnError::Kind)
    );
    assert_eq!(
        made(|a| a.relying_party = "evil.example"),
        Err(WebauthnError::RelyingParty)
    );
    let nothing_made = made(|a| {
        a.flags = 0x05;
        a.behind.clear();
    });
    assert_eq!(nothing_made, Err(WebauthnError::NoCredential));
}

#[test]
fn what_cannot_be_read_is_no_answer() {
    let good = Answer::to(&challenge(PAYMENT)).json();
    let other_alphabet = good.replace('_', "/").replace('-', "+");
    let without_signature = good.replace("\"signature\"", "\"other\"");
    for text in [
        "",
        "{}",
        "[]",
        "null",
        &good[1..],
        &other_alphabet,
        &without_signature,
    ] {
        assert!(UnverifiedAssertion::parse(text).is_err(), "{text}");
    }
    for length in 0..good.len() {
        assert!(UnverifiedAssertion::parse(&good[..length]).is_err());
    }
}
