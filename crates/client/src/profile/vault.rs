//! Files encrypted at rest (§10.7).
//!
//! Everything the profile keeps is sealed with ChaCha20-Poly1305 (RFC 8439) under a random key, each file bound to its
//! name. That key is in `vault.json`, sealed under another one, which is derived from a passphrase with Argon2id
//! (RFC 9106), or is kept in the keychain of the operating system. So a change of passphrase or keeper replaces one file
//! as a whole, and no other process notices.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use procura_keys::digest::{from_base64url, to_base64url};
use procura_keys::entropy::{self, Entropy};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::keychain::{Keychain, KeychainError};
use super::protection::{Keeper, Protection};

/// The key of a profile's files.
pub(super) struct Vault {
    key: LessSafeKey,
    secret: Zeroizing<Vec<u8>>,
    keychain: Option<Arc<dyn Keychain>>,
}

/// `vault.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VaultFile {
    keeper: KeptBy,
    /// The key of the other files, sealed under the keeper's.
    key: String,
    /// Whether everything that was there before has been sealed.
    pub(super) is_complete: bool,
}

/// What opens a vault.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum KeptBy {
    /// A passphrase, by way of this derivation.
    Passphrase(Kdf),
    /// The keychain, under this name.
    Keychain(String),
}

/// How a passphrase becomes a key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    name: String,
    memory_kib: u32,
    passes: u32,
    salt: String,
}

/// Why a vault does not open.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum VaultDefect {
    /// Made by something else, or not at all.
    #[error("it names a derivation this program does not know")]
    UnknownKdf,
    /// The passphrase is wrong, or somebody changed the file.
    #[error("the passphrase does not fit")]
    WrongPassphrase,
    /// A passphrase was given where the keychain has the key, or the other way round.
    #[error("it is opened in another way")]
    OtherKeeper(Protection),
    /// The keychain has a key of this name that opens something else.
    #[error("the key in the keychain does not fit")]
    WrongKeychainKey,
    /// The keychain failed.
    #[error(transparent)]
    Keychain(#[from] KeychainError),
    /// A file was changed, moved, or never sealed.
    #[error("it cannot be decrypted: it was changed, or is not of this profile")]
    NotSealed,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Library,
}

impl Vault {
    /// A new vault, and the file that opens it again.
    pub(super) fn create(
        keeper: &Keeper,
        entropy: &dyn Entropy,
    ) -> Result<(Self, VaultFile), VaultDefect> {
        let secret = Zeroizing::new(entropy::bytes::<32>(entropy).to_vec());
        Self::of(secret, keeper)?.kept_by(keeper, false, entropy)
    }

    /// The vault that this file is of.
    pub(super) fn unlock(file: &VaultFile, keeper: &Keeper) -> Result<Self, VaultDefect> {
        let (outer, misfit) = match (&file.keeper, keeper) {
            (KeptBy::Passphrase(kdf), Keeper::Passphrase(passphrase)) => {
                (kdf.derive(passphrase)?, VaultDefect::WrongPassphrase)
            }
            (KeptBy::Keychain(entry), Keeper::Keychain(keychain)) => {
                let kept = keychain.load(entry)?.ok_or(KeychainError::NoEntry)?;
                (cipher(&kept)?, VaultDefect::WrongKeychainKey)
            }
            _ => return Err(VaultDefect::OtherKeeper(file.protection())),
        };
        let secret = open(&outer, VAULT, &file.key).ok_or(misfit)?;
        Self::of(Zeroizing::new(secret), keeper)
    }

    /// The same vault under another keeper, and the file that opens it from then on.
    pub(super) fn kept_by(
        &self,
        keeper: &Keeper,
        is_complete: bool,
        entropy: &dyn Entropy,
    ) -> Result<(Self, VaultFile), VaultDefect> {
        let (kept_by, outer) = match keeper {
            Keeper::Passphrase(passphrase) => {
                let kdf = Kdf::new(entropy);
                let outer = kdf.derive(passphrase)?;
                (KeptBy::Passphrase(kdf), outer)
            }
            Keeper::Keychain(keychain) => {
                // A name of its own: until the file is written, the key before has to stay.
                let entry = to_base64url(&entropy::bytes::<16>(entropy));
                let secret = Zeroizing::new(entropy::bytes::<32>(entropy));
                keychain.store(&entry, &*secret)?;
                (KeptBy::Keychain(entry), cipher(&*secret)?)
            }
        };
        let file = VaultFile {
            keeper: kept_by,
            key: seal(&outer, VAULT, &self.secret, entropy)?,
            is_complete,
        };
        Ok((Self::of(self.secret.clone(), keeper)?, file))
    }

    /// Drops what a keychain kept for a file that is no more.
    pub(super) fn forget(&self, file: &VaultFile) {
        if let (KeptBy::Keychain(entry), Some(keychain)) = (&file.keeper, &self.keychain) {
            // It opens nothing any more; a keychain that will not let go of it is no reason to fail.
            let _ = keychain.remove(entry);
        }
    }

    pub(super) fn protection(&self) -> Protection {
        match &self.keychain {
            Some(keychain) => Protection::Keychain(keychain.name()),
            None => Protection::Passphrase,
        }
    }

    /// What is written for a file of this name.
    pub(super) fn seal(
        &self,
        name: &str,
        bytes: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, VaultDefect> {
        let sealed = seal(&self.key, name, bytes, entropy)?;
        serde_json::to_vec(&Sealed { sealed }).map_err(|_| VaultDefect::Library)
    }

    /// What was sealed under this name.
    pub(super) fn open(&self, name: &str, bytes: &[u8]) -> Result<Vec<u8>, VaultDefect> {
        let file = sealed(bytes).ok_or(VaultDefect::NotSealed)?;
        open(&self.key, name, &file.sealed).ok_or(VaultDefect::NotSealed)
    }

    /// Whether a file is sealed, by its form.
    pub(super) fn is_sealed(bytes: &[u8]) -> bool {
        sealed(bytes).is_some()
    }

    fn of(secret: Zeroizing<Vec<u8>>, keeper: &Keeper) -> Result<Self, VaultDefect> {
        Ok(Self {
            key: cipher(&secret)?,
            secret,
            keychain: match keeper {
                Keeper::Passphrase(_) => None,
                Keeper::Keychain(keychain) => Some(keychain.clone()),
            },
        })
    }
}

impl VaultFile {
    /// What it takes to open the vault.
    pub(super) fn protection(&self) -> Protection {
        match self.keeper {
            KeptBy::Passphrase(_) => Protection::Passphrase,
            KeptBy::Keychain(_) => Protection::Keychain("keychain"),
        }
    }
}

/// The form of every file in a vault but its own.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    sealed: String,
}

fn sealed(bytes: &[u8]) -> Option<Sealed> {
    serde_json::from_slice(bytes).ok()
}

impl Kdf {
    fn new(entropy: &dyn Entropy) -> Self {
        Self {
            name: KDF.to_owned(),
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            salt: to_base64url(&entropy::bytes::<16>(entropy)),
        }
    }

    fn derive(&self, passphrase: &[u8]) -> Result<LessSafeKey, VaultDefect> {
        let salt = from_base64url(&self.salt).ok_or(VaultDefect::UnknownKdf)?;
        // A planted file must not take all the memory there is.
        if self.name != KDF || self.memory_kib > MOST_MEMORY_KIB || self.passes > MOST_PASSES {
            return Err(VaultDefect::UnknownKdf);
        }
        let params = Params::new(self.memory_kib, self.passes, 1, Some(32));
        let params = params.map_err(|_| VaultDefect::UnknownKdf)?;
        let mut derived = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase, &salt, &mut *derived)
            .map_err(|_| VaultDefect::UnknownKdf)?;
        cipher(&*derived)
    }
}

fn cipher(secret: &[u8]) -> Result<LessSafeKey, VaultDefect> {
    let key = UnboundKey::new(&CHACHA20_POLY1305, secret);
    key.map(LessSafeKey::new).map_err(|_| VaultDefect::Library)
}

/// Nonce, text and tag. A file is written a few thousand times at most, so random nonces do not meet.
fn seal(
    key: &LessSafeKey,
    name: &str,
    bytes: &[u8],
    entropy: &dyn Entropy,
) -> Result<String, VaultDefect> {
    let nonce = entropy::bytes::<NONCE_LEN>(entropy);
    let mut text = bytes.to_vec();
    key.seal_in_place_append_tag(Nonce::from(&nonce), Aad::from(name), &mut text)
        .map_err(|_| VaultDefect::Library)?;
    Ok(to_base64url(&[nonce.as_slice(), &text].concat()))
}

fn open(key: &LessSafeKey, name: &str, sealed: &str) -> Option<Vec<u8>> {
    let mut bytes = from_base64url(sealed)?;
    let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let text = key.open_in_place(nonce, Aad::from(name), text).ok()?;
    Some(text.to_vec())
}

/// The vault's own file.
pub(super) const VAULT: &str = "vault.json";
const KDF: &str = "argon2id";
/// A tenth of a second on a small machine: more than RFC 9106 asks of a machine with little memory.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_PASSES: u32 = 16;
