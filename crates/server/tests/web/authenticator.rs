//! An authenticator without a screen: one Ed25519 passkey, whose user is always there and always verified.

use procura_keys::cose::CoseKey;
use procura_keys::digest::{from_base64url, sha256, to_base64url};
use procura_keys::key::SigningKey;
use procura_people::passkey::{Passkey, PasskeyId, PasskeyName};
use procura_people::person::PersonId;
use serde_json::{Value, json};

use crate::support::Bank;

/// A passkey and its private key.
pub(crate) struct Authenticator {
    key: SigningKey,
    credential_id: [u8; 32],
}

impl Authenticator {
    /// A new authenticator, different for each seed.
    pub(crate) fn new(seed: &str) -> Self {
        let seed = sha256(seed.as_bytes());
        Self {
            key: SigningKey::from_seed(&seed).unwrap(),
            credential_id: sha256(&seed),
        }
    }

    /// Registers its passkey without asking anybody.
    pub(crate) async fn belongs_to(&self, bank: &Bank, person: &PersonId) {
        let passkey = Passkey {
            id: PasskeyId(format!("pky_{}", to_base64url(&self.credential_id[..6]))),
            person_id: person.clone(),
            credential_id: self.credential_id.to_vec().try_into().unwrap(),
            public_key: CoseKey::parse(&self.cose()).unwrap(),
            sign_count: 0,
            synced: false,
            name: PasskeyName::first(),
            created_at: bank.now(),
            last_used_at: None,
        };
        let mut tx = bank.store.begin().await.unwrap();
        tx.insert_passkey(&passkey).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Answers what a page was told to ask for: the use of a passkey.
    pub(crate) fn use_passkey(&self, bank: &Bank, options: &Value) -> String {
        let data = data(options["rpId"].as_str().unwrap(), 0x05, &[]);
        let client = client_data(bank, "webauthn.get", options);
        let signed = [&data[..], &sha256(client.as_bytes())].concat();
        json!({
            "id": to_base64url(&self.credential_id),
            "response": {
                "clientDataJSON": to_base64url(client.as_bytes()),
                "authenticatorData": to_base64url(&data),
                "signature": to_base64url(&self.key.sign(&signed)),
            },
        })
        .to_string()
    }

    /// Answers what a page was told to ask for: a new passkey.
    pub(crate) fn make_passkey(&self, bank: &Bank, options: &Value) -> String {
        let head = [&[0; 16][..], &[0, 32], &self.credential_id].concat();
        let made = [head, self.cose()].concat();
        let data = data(options["rp"]["id"].as_str().unwrap(), 0x45, &made);
        let client = client_data(bank, "webauthn.create", options);
        json!({
            "id": to_base64url(&self.credential_id),
            "response": {
                "clientDataJSON": to_base64url(client.as_bytes()),
                "authenticatorData": to_base64url(&data),
            },
        })
        .to_string()
    }

    fn cose(&self) -> Vec<u8> {
        let head = [0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32];
        [&head[..], self.key.public().as_bytes()].concat()
    }
}

fn data(relying_party: &str, flags: u8, behind: &[u8]) -> Vec<u8> {
    let head = sha256(relying_party.as_bytes());
    [&head[..], &[flags], &[0; 4], behind].concat()
}

fn client_data(bank: &Bank, kind: &str, options: &Value) -> String {
    let challenge = options["challenge"].as_str().unwrap();
    assert_eq!(from_base64url(challenge).unwrap().len(), 32);
    json!({ "type": kind, "challenge": challenge, "origin": bank.issuer }).to_string()
}
