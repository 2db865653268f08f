use procura_keys::cose::CoseKey;

use super::WebauthnError;
use crate::passkey::CredentialId;

/// What the authenticator says (WebAuthn §6.1): a fixed head, a credential if one was made, and extensions, which
/// are not asked for and not read.
#[derive(Debug)]
pub(super) struct AuthenticatorData {
    /// SHA-256 of the identifier of the relying party.
    pub(super) relying_party: [u8; 32],
    flags: u8,
    pub(super) sign_count: u32,
    pub(super) credential: Option<(CredentialId, CoseKey)>,
}

impl AuthenticatorData {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, WebauthnError> {
        let (relying_party, rest) = bytes.split_first_chunk().ok_or(WebauthnError::Malformed)?;
        let ([flags], rest) = rest.split_first_chunk().ok_or(WebauthnError::Malformed)?;
        let (count, mut rest) = rest.split_first_chunk().ok_or(WebauthnError::Malformed)?;
        let mut credential = None;
        if flags & ATTESTED != 0 {
            let (made, behind) = attested(rest)?;
            (credential, rest) = (Some(made), behind);
        }
        // A credential on several devices has to have been made for that.
        let impossible = flags & BACKED_UP != 0 && flags & BACKUP_ELIGIBLE == 0;
        if impossible || rest.is_empty() != (flags & EXTENSIONS == 0) {
            return Err(WebauthnError::Malformed);
        }
        Ok(Self {
            relying_party: *relying_party,
            flags: *flags,
            sign_count: u32::from_be_bytes(*count),
            credential,
        })
    }

    pub(super) fn user_is_present(&self) -> bool {
        self.flags & PRESENT != 0
    }

    pub(super) fn user_is_verified(&self) -> bool {
        self.flags & VERIFIED != 0
    }

    pub(super) fn is_synced(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }
}

/// The credential (§6.5.2): the model of the authenticator, the identifier after its length, the key.
fn attested(bytes: &[u8]) -> Result<((CredentialId, CoseKey), &[u8]), WebauthnError> {
    let (_model, rest) = bytes
        .split_first_chunk::<16>()
        .ok_or(WebauthnError::Malformed)?;
    let (length, rest) = rest.split_first_chunk().ok_or(WebauthnError::Malformed)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (id, rest) = rest
        .split_at_checked(length)
        .ok_or(WebauthnError::Malformed)?;
    let (key, rest) = CoseKey::parse_first(rest)?;
    Ok(((id.to_vec().try_into()?, key), rest))
}

const PRESENT: u8 = 1;
const VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;
