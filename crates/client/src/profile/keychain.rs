//! The keychain of the operating system, which keeps the key to an encrypted profile for its user.

use zeroize::Zeroizing;

/// Keeps secrets by name, for this user alone. `SystemKeychain` is the real one (feature `keychain`).
pub trait Keychain: Send + Sync {
    /// What people call it.
    fn name(&self) -> &'static str;

    /// The secret of this name. May wait for a person who has to unlock the keychain.
    fn load(&self, entry: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeychainError>;

    /// Keeps a secret under a name that is not in use.
    fn store(&self, entry: &str, secret: &[u8]) -> Result<(), KeychainError>;

    /// Drops a secret.
    fn remove(&self, entry: &str) -> Result<(), KeychainError>;
}

/// Why a keychain is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeychainError {
    /// There is none, or it is locked.
    #[error("the keychain of this system does not answer: {0}")]
    Unavailable(String),
    /// It answers, and does not have what it should.
    #[error("the keychain of this system has no key for it")]
    NoEntry,
}

/// The keychain of this system: Keychain on macOS, the Credential Manager on Windows, else the Secret Service.
#[cfg(feature = "keychain")]
#[derive(Clone, Copy, Debug)]
pub struct SystemKeychain(());

#[cfg(feature = "keychain")]
impl SystemKeychain {
    /// The keychain, if one answers.
    pub fn connect() -> Result<Self, KeychainError> {
        match keyring::Entry::store_status() {
            Ok(()) => Ok(Self(())),
            Err(error) => Err(KeychainError::of(error)),
        }
    }

    fn entry(entry: &str) -> Result<keyring::Entry, KeychainError> {
        keyring::Entry::new(SERVICE, entry).map_err(|error| KeychainError::of(&error))
    }
}

#[cfg(feature = "keychain")]
impl Keychain for SystemKeychain {
    fn name(&self) -> &'static str {
        if cfg!(target_os = "macos") {
            "Keychain"
        } else if cfg!(windows) {
            "Credential Manager"
        } else {
            "Secret Service"
        }
    }

    fn load(&self, entry: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeychainError> {
        match Self::entry(entry)?.get_secret() {
            Ok(secret) => Ok(Some(Zeroizing::new(secret))),
            Err(keyring::Error::NoEntry) => Ok(None),
            Err(error) => Err(KeychainError::of(&error)),
        }
    }

    fn store(&self, entry: &str, secret: &[u8]) -> Result<(), KeychainError> {
        let stored = Self::entry(entry)?.set_secret(secret);
        stored.map_err(|error| KeychainError::of(&error))
    }

    fn remove(&self, entry: &str) -> Result<(), KeychainError> {
        let removed = Self::entry(entry)?.delete_credential();
        removed.map_err(|error| KeychainError::of(&error))
    }
}

#[cfg(feature = "keychain")]
impl KeychainError {
    /// Some errors carry the secret they are about; those are told by their kind alone.
    fn of(error: &keyring::Error) -> Self {
        Self::Unavailable(match error {
            keyring::Error::PlatformFailure(cause) | keyring::Error::NoStorageAccess(cause) => {
                cause.to_string()
            }
            keyring::Error::Ambiguous(_) => "it has several keys of one name".to_owned(),
            keyring::Error::NoDefaultStore => "there is none".to_owned(),
            _ => "it failed".to_owned(),
        })
    }
}

/// Under what name entries are filed.
#[cfg(feature = "keychain")]
const SERVICE: &str = "procura";
