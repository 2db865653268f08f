//! Passkeys: what the server keeps of a credential with which a person signs in and approves.

use std::fmt;

use procura_keys::clock::Timestamp;
use procura_keys::cose::CoseKey;
use serde::{Deserialize, Serialize};
use uuid::Builder;

use crate::person::PersonId;

/// A passkey record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Its identifier on this server.
    pub id: PasskeyId,
    /// Whose it is.
    pub person_id: PersonId,
    /// What the authenticator calls it.
    pub credential_id: CredentialId,
    /// Verifies its signatures.
    pub public_key: CoseKey,
    /// How often it had signed when it was last used. Stays 0 for passkeys that are kept on several devices.
    pub sign_count: u32,
    /// Whether it is kept on several devices.
    pub synced: bool,
    /// What its person calls it.
    pub name: PasskeyName,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// Names a passkey: `pky_` and a UUIDv7.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasskeyId(pub String);

impl PasskeyId {
    /// A new identifier from the present time and ten random bytes.
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        let uuid = Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        Self(format!("pky_{}", uuid.simple()))
    }
}

impl fmt::Display for PasskeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an authenticator calls a credential: 16 to 1023 bytes of its choice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialId(Vec<u8>);

impl CredentialId {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<Vec<u8>> for CredentialId {
    type Error = NotACredentialId;

    fn try_from(bytes: Vec<u8>) -> Result<Self, NotACredentialId> {
        let fits = CREDENTIAL_ID_BYTES.contains(&bytes.len());
        fits.then_some(Self(bytes)).ok_or(NotACredentialId)
    }
}

/// The bytes are no identifier of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the identifier of a credential has 16 to 1023 bytes")]
pub struct NotACredentialId;

/// WebAuthn §4 wants at least 16 bytes, of which 100 bits are random, and at most 1023.
const CREDENTIAL_ID_BYTES: std::ops::RangeInclusive<usize> = 16..=1023;

/// What a person calls a passkey: some text on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyName(String);

impl PasskeyName {
    /// What a passkey is called until its person calls it something else.
    pub fn first() -> Self {
        Self("Passkey".to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PasskeyName {
    type Error = NotAPasskeyName;

    fn try_from(text: String) -> Result<Self, NotAPasskeyName> {
        let text = text.trim();
        let length = text.chars().count();
        if (1..=MAX_NAME).contains(&length) && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAPasskeyName)
        }
    }
}

impl fmt::Display for PasskeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no name for a passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Give the passkey a name of at most {MAX_NAME} characters.")]
pub struct NotAPasskeyName;

/// The longest name, in characters.
pub const MAX_NAME: usize = 60;
/// The most passkeys of one person.
pub const MAX_PASSKEYS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_of_some_text() {
        let name = |text: &str| PasskeyName::try_from(text.to_owned());
        assert_eq!(name("  Work laptop ").unwrap().as_str(), "Work laptop");
        for text in ["", "  ", "a\nb", &"x".repeat(MAX_NAME + 1)] {
            assert_eq!(name(text), Err(NotAPasskeyName), "{text:?}");
        }
    }

    #[test]
    fn a_credential_has_room_for_randomness() {
        for (length, fits) in [(15, false), (16, true), (1023, true), (1024, false)] {
            assert_eq!(
                CredentialId::try_from(vec![0; length]).is_ok(),
                fits,
                "{length}"
            );
        }
    }
}
