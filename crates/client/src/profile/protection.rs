//! Whether a profile is encrypted, and who keeps the key to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use procura_keys::entropy::Entropy;
use zeroize::Zeroizing;

use super::keychain::Keychain;
use super::storage::Storage;
use super::vault::{VAULT, Vault, VaultDefect, VaultFile};
use super::{AGENTS, PROVIDERS, Profile, ProfileError, intents, keys};

/// What opens an encrypted profile.
#[derive(Clone)]
pub enum Keeper {
    /// Whoever knows this passphrase.
    Passphrase(Zeroizing<Vec<u8>>),
    /// The operating system, for its user.
    Keychain(Arc<dyn Keychain>),
}

impl Keeper {
    /// A passphrase that is not empty.
    pub fn passphrase(passphrase: &[u8]) -> Result<Self, ProfileError> {
        if passphrase.is_empty() {
            return Err(ProfileError::EmptyPassphrase);
        }
        Ok(Self::Passphrase(Zeroizing::new(passphrase.to_vec())))
    }
}

/// How what a profile keeps is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// By the permissions of its files alone.
    Permissions,
    /// Encrypted under a passphrase.
    Passphrase,
    /// Encrypted under a key in the keychain of this name.
    Keychain(&'static str),
}

impl Profile {
    /// The profile in `directory`, all of whose files are encrypted. The first time, what is there is encrypted, too.
    /// Without the keeper there is no way back to the keys.
    pub fn open_encrypted(
        directory: impl Into<PathBuf>,
        keeper: &Keeper,
        entropy: &dyn Entropy,
    ) -> Result<Self, ProfileError> {
        let plain = Self {
            storage: Storage::directory(directory.into())?,
            vault: None,
        };
        // Two that begin together have to agree on one key.
        let _lock = plain.storage.lock()?;
        let refused = |defect| plain.refused(defect);
        let (vault, file) = if let Some(file) = plain.vault_file()? {
            (Vault::unlock(&file, keeper).map_err(refused)?, file)
        } else {
            let (vault, file) = Vault::create(keeper, entropy).map_err(refused)?;
            plain.write_vault(&file, entropy)?;
            (vault, file)
        };
        plain.sealed(vault, file, entropy)
    }

    /// Puts the key of this profile into the hands of another keeper, or encrypts it if it is not. Whatever moment
    /// that is cut off at, the old keeper or the new one opens it. Other processes that have it open go on, unless it
    /// was not encrypted.
    ///
    /// The files stay under the key they were sealed with. Who has a copy of `vault.json` from before, and its keeper,
    /// can open what is sealed later, too.
    pub fn entrust(&self, keeper: &Keeper, entropy: &dyn Entropy) -> Result<Self, ProfileError> {
        let _lock = self.storage.lock()?;
        let before = self.vault_file()?;
        let made = match (&self.vault, &before) {
            (Some(vault), Some(file)) => vault.kept_by(keeper, file.is_complete, entropy),
            (None, None) => Vault::create(keeper, entropy),
            (None, Some(file)) => return Err(self.locked(file.protection())),
            (Some(_), None) => return Err(self.storage.gone(VAULT)),
        };
        let (vault, file) = made.map_err(|defect| self.refused(defect))?;
        self.write_vault(&file, entropy)?;
        let entrusted = self.sealed(vault, file, entropy)?;
        if let (Some(vault), Some(before)) = (&self.vault, &before) {
            vault.forget(before);
        }
        Ok(entrusted)
    }

    /// How the profile in `directory` is protected, without opening it.
    pub fn protection_of(directory: impl Into<PathBuf>) -> Result<Protection, ProfileError> {
        let plain = Self {
            storage: Storage::directory(directory.into())?,
            vault: None,
        };
        let file = plain.vault_file()?;
        Ok(file.map_or(Protection::Permissions, |file| file.protection()))
    }

    /// Whether there are keys in `directory`, encrypted or not.
    pub fn has_keys(directory: &Path) -> bool {
        [VAULT, keys::HOST, AGENTS, intents::INTENTS]
            .iter()
            .any(|name| directory.join(name).exists())
    }

    /// How what is kept here is protected.
    pub fn protection(&self) -> Protection {
        match &self.vault {
            Some(vault) => vault.protection(),
            None => Protection::Permissions,
        }
    }

    /// Whether what is written is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.vault.is_some()
    }

    /// This profile with its vault in place, and everything in it that was not.
    fn sealed(
        &self,
        vault: Vault,
        mut file: VaultFile,
        entropy: &dyn Entropy,
    ) -> Result<Self, ProfileError> {
        let profile = Self {
            storage: self.storage.clone(),
            vault: Some(Arc::new(vault)),
        };
        if !file.is_complete {
            profile.seal_all(entropy)?;
            file.is_complete = true;
            self.write_vault(&file, entropy)?;
        }
        Ok(profile)
    }

    /// Encrypts what is not.
    fn seal_all(&self, entropy: &dyn Entropy) -> Result<(), ProfileError> {
        let mut names = vec![keys::HOST.to_owned(), super::access::ACCESS.to_owned()];
        for folder in [AGENTS, PROVIDERS, intents::INTENTS] {
            names.extend(self.storage.list(folder)?);
            self.storage.sweep(folder)?;
        }
        self.storage.sweep("")?;
        for name in names {
            let bytes = self.storage.read(&name)?;
            if let Some(bytes) = bytes.filter(|bytes| !Vault::is_sealed(bytes)) {
                self.put(&name, bytes, entropy)?;
            }
        }
        Ok(())
    }

    fn vault_file(&self) -> Result<Option<VaultFile>, ProfileError> {
        let Some(bytes) = self.storage.read(VAULT)? else {
            return Ok(None);
        };
        let file = serde_json::from_slice(&bytes);
        file.map(Some)
            .map_err(|error| self.storage.damaged(VAULT, &error))
    }

    fn write_vault(&self, file: &VaultFile, entropy: &dyn Entropy) -> Result<(), ProfileError> {
        let bytes =
            serde_json::to_vec_pretty(file).map_err(|error| self.storage.damaged(VAULT, &error))?;
        self.storage.write(VAULT, &bytes, entropy)
    }

    fn refused(&self, defect: VaultDefect) -> ProfileError {
        let path = self
            .storage
            .path()
            .unwrap_or(Path::new("memory"))
            .to_owned();
        match defect {
            VaultDefect::WrongPassphrase => ProfileError::WrongPassphrase { path },
            VaultDefect::OtherKeeper(by) => ProfileError::Locked { path, by },
            VaultDefect::Keychain(error) => ProfileError::Keychain { path, error },
            defect => self.storage.damaged(VAULT, &defect),
        }
    }

    pub(super) fn locked(&self, by: Protection) -> ProfileError {
        let path = self.storage.path().unwrap_or(Path::new("memory"));
        ProfileError::Locked {
            path: path.to_owned(),
            by,
        }
    }
}

#[cfg(test)]
mod tests;
