//! Verifying what an authenticator answers (WebAuthn Level 3, §7.1 and §7.2), with user verification always
//! required (AAP §8.11) and attestation never asked for.
//!
//! An answer is parsed first, which shows the challenge and credential to look up and nothing else. A [`Ceremony`]
//! then checks it in the order of the standard and alone turns it into something that counts.

mod authenticator_data;
mod client_data;
pub mod options;
mod relying_party;
#[cfg(test)]
mod tests;

use procura_keys::clock::Timestamp;
use procura_keys::cose::{CoseError, CoseKey};
use procura_keys::digest::{from_base64url, sha256};
use serde::Deserialize;

use self::authenticator_data::AuthenticatorData;
use self::client_data::ClientData;
use crate::challenge::{BadChallenge, Challenge, Holder, Purpose};
use crate::passkey::{CredentialId, NotACredentialId, Passkey};

pub use relying_party::RelyingParty;

/// What was asked, and when the answer came.
#[derive(Clone, Copy, Debug)]
pub struct Ceremony<'a> {
    /// Who asked.
    pub relying_party: &'a RelyingParty,
    /// The challenge the answer names, taken out of the store.
    pub challenge: &'a Challenge,
    /// What it has to be for.
    pub purpose: Purpose,
    /// In whose hands it has to be.
    pub holder: Holder,
    /// The present moment.
    pub now: Timestamp,
}

/// A new credential, as an authenticator made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCredential {
    /// What the authenticator calls it.
    pub credential_id: CredentialId,
    /// Verifies its signatures.
    pub public_key: CoseKey,
    /// How often it has signed.
    pub sign_count: u32,
    /// Whether it may be kept on several devices.
    pub synced: bool,
}

impl Ceremony<'_> {
    /// Judges the making of a credential (§7.1).
    pub fn register(
        &self,
        answer: &UnverifiedRegistration,
    ) -> Result<NewCredential, WebauthnError> {
        self.check(&answer.client, "webauthn.create", &answer.data)?;
        let made = answer.data.credential.clone();
        let (credential_id, public_key) = made.ok_or(WebauthnError::NoCredential)?;
        Ok(NewCredential {
            credential_id,
            public_key,
            sign_count: answer.data.sign_count,
            synced: answer.data.is_synced(),
        })
    }

    /// Judges the use of a passkey (§7.2). Returns how often it has signed.
    pub fn assert(
        &self,
        answer: &UnverifiedAssertion,
        passkey: &Passkey,
    ) -> Result<u32, WebauthnError> {
        if answer.credential_id != passkey.credential_id {
            return Err(WebauthnError::OtherCredential);
        }
        let owner = passkey.person_id.0.as_bytes();
        if answer
            .user_handle
            .as_deref()
            .is_some_and(|handle| handle != owner)
        {
            return Err(WebauthnError::OtherCredential);
        }
        self.check(&answer.client, "webauthn.get", &answer.data)?;
        let signed = [&answer.data_bytes[..], &sha256(&answer.client_bytes)].concat();
        if !passkey.public_key.verifies(&signed, &answer.signature) {
            return Err(WebauthnError::Signature);
        }
        let count = answer.data.sign_count;
        let counts = count != 0 || passkey.sign_count != 0;
        if counts && count <= passkey.sign_count {
            return Err(WebauthnError::Counter);
        }
        Ok(count)
    }

    fn check(
        &self,
        client: &ClientData,
        kind: &str,
        data: &AuthenticatorData,
    ) -> Result<(), WebauthnError> {
        if client.kind != kind {
            return Err(WebauthnError::Kind);
        }
        if client.challenge != self.challenge.value {
            return Err(BadChallenge::Unknown.into());
        }
        self.challenge.judge(self.purpose, self.holder, self.now)?;
        if client.origin != self.relying_party.origin || client.is_cross_origin {
            return Err(WebauthnError::Origin);
        }
        if data.relying_party != sha256(self.relying_party.id.as_bytes()) {
            return Err(WebauthnError::RelyingParty);
        }
        if !data.user_is_present() {
            return Err(WebauthnError::Presence);
        }
        if !data.user_is_verified() {
            return Err(WebauthnError::Verification);
        }
        Ok(())
    }
}

/// An answer to the wish for a new credential.
#[derive(Debug)]
pub struct UnverifiedRegistration {
    client: ClientData,
    data: AuthenticatorData,
}

impl UnverifiedRegistration {
    /// Reads the JSON form of the answer (`RegistrationResponseJSON`).
    pub fn parse(json: &str) -> Result<Self, WebauthnError> {
        let wire: Wire = serde_json::from_str(json).map_err(|_| WebauthnError::Malformed)?;
        Ok(Self {
            client: ClientData::parse(&bytes(&wire.response.client_data)?)?,
            data: AuthenticatorData::parse(&bytes(&wire.response.authenticator_data)?)?,
        })
    }

    /// The challenge it answers.
    pub fn challenge(&self) -> &[u8; 32] {
        &self.client.challenge
    }
}

/// An answer to the wish for a signature.
#[derive(Debug)]
pub struct UnverifiedAssertion {
    credential_id: CredentialId,
    client: ClientData,
    client_bytes: Vec<u8>,
    data: AuthenticatorData,
    data_bytes: Vec<u8>,
    signature: Vec<u8>,
    user_handle: Option<Vec<u8>>,
}

impl UnverifiedAssertion {
    /// Reads the JSON form of the answer (`AuthenticationResponseJSON`).
    pub fn parse(json: &str) -> Result<Self, WebauthnError> {
        let wire: Wire = serde_json::from_str(json).map_err(|_| WebauthnError::Malformed)?;
        let client_bytes = bytes(&wire.response.client_data)?;
        let data_bytes = bytes(&wire.response.authenticator_data)?;
        let signature = wire.response.signature.ok_or(WebauthnError::Malformed)?;
        Ok(Self {
            credential_id: bytes(&wire.id)?.try_into()?,
            client: ClientData::parse(&client_bytes)?,
            client_bytes,
            data: AuthenticatorData::parse(&data_bytes)?,
            data_bytes,
            signature: bytes(&signature)?,
            user_handle: wire
                .response
                .user_handle
                .as_deref()
                .map(bytes)
                .transpose()?,
        })
    }

    /// The challenge it answers.
    pub fn challenge(&self) -> &[u8; 32] {
        &self.client.challenge
    }

    /// The credential that is said to have answered.
    pub fn credential_id(&self) -> &CredentialId {
        &self.credential_id
    }
}

/// Why an answer of an authenticator does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebauthnError {
    /// Not in the form of an answer.
    #[error("the answer of the authenticator could not be read")]
    Malformed,
    /// Not the identifier of a credential.
    #[error(transparent)]
    CredentialId(#[from] NotACredentialId),
    /// A key that is not accepted.
    #[error(transparent)]
    Key(#[from] CoseError),
    /// Making was answered by using, or the other way round.
    #[error("the answer is of another kind than the question")]
    Kind,
    /// The challenge does not count.
    #[error(transparent)]
    Challenge(#[from] BadChallenge),
    /// Answered on another site, or in a frame of one.
    #[error("the answer was given on another site")]
    Origin,
    /// Answered for another relying party.
    #[error("the answer was given for another server")]
    RelyingParty,
    /// Nobody touched the authenticator.
    #[error("the authenticator saw nobody")]
    Presence,
    /// The authenticator did not check who touched it.
    #[error("the authenticator did not verify who used it")]
    Verification,
    /// No credential was made.
    #[error("the authenticator made no credential")]
    NoCredential,
    /// Answered by another credential, or for another person.
    #[error("the answer is of another passkey")]
    OtherCredential,
    /// The signature is not the passkey's.
    #[error("the signature is not the passkey's")]
    Signature,
    /// The authenticator has signed less often than before, so there are two of it.
    #[error("the passkey was used before with a higher count, so it may have been copied")]
    Counter,
}

/// Both answers in JSON. Other members are for others.
#[derive(Deserialize)]
struct Wire {
    id: String,
    response: WireResponse,
}

#[derive(Deserialize)]
struct WireResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "authenticatorData")]
    authenticator_data: String,
    signature: Option<String>,
    #[serde(rename = "userHandle")]
    user_handle: Option<String>,
}

fn bytes(text: &str) -> Result<Vec<u8>, WebauthnError> {
    from_base64url(text).ok_or(WebauthnError::Malformed)
}
