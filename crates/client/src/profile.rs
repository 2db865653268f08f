//! What a client keeps: the host's key pair, one key pair and record for each connected agent, registrations whose
//! answer is not known yet, and the providers it has met. In a directory that only its user can read, encrypted if
//! wanted, or in memory.
//!
//! Every change happens under a lock that holds for all processes, and reads the file again first. Nothing
//! waits for a network while it holds the lock.

mod access;
mod error;
mod intents;
mod keychain;
mod keys;
mod protection;
mod records;
mod storage;
#[cfg(test)]
mod tests;
mod vault;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use procura_keys::digest::{sha256, to_base64url};
use procura_keys::entropy::Entropy;
use procura_keys::key::SigningKey;
use procura_keys::thumbprint::Thumbprint;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::error::ProfileError;
pub(crate) use self::intents::Intent;
#[cfg(feature = "keychain")]
pub use self::keychain::SystemKeychain;
pub use self::keychain::{Keychain, KeychainError};
pub(crate) use self::keys::KeyChoice;
pub use self::protection::{Keeper, Protection};
use self::records::AgentFile;
pub use self::records::Connection;
pub(crate) use self::records::{KeptLocation, ProviderRecord};
pub(crate) use self::storage::Claim;
use self::storage::Storage;
use self::vault::{VAULT, Vault};
use crate::error::{CallerError, ClientError};

/// A client's state. Clones and other processes may use the same directory at the same time.
#[derive(Clone)]
pub struct Profile {
    storage: Storage,
    vault: Option<Arc<Vault>>,
}

impl Profile {
    /// The profile in `directory`, which is made when something is first written. Its keys are not encrypted; one
    /// whose keys are is refused.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, ProfileError> {
        let profile = Self {
            storage: Storage::directory(directory.into())?,
            vault: None,
        };
        profile.refuse_locked()?;
        Ok(profile)
    }

    /// A profile that is gone with the process.
    pub fn in_memory() -> Self {
        Self {
            storage: Storage::memory(),
            vault: None,
        }
    }

    /// The directory, unless the profile is in memory.
    pub fn directory(&self) -> Option<&Path> {
        self.storage.path()
    }

    /// Every connected agent, oldest first.
    pub fn connections(&self) -> Result<Vec<Connection>, ProfileError> {
        let mut connections = Vec::new();
        for name in self.storage.list(AGENTS)? {
            // A file may be removed by another process between listing and reading.
            if let Some(file) = self.read::<AgentFile>(&name)? {
                connections.push(file.connection);
            }
        }
        connections.sort_by(|a, b| (a.created_at, &a.agent_id).cmp(&(b.created_at, &b.agent_id)));
        Ok(connections)
    }

    /// The connected agent with this identifier, or the only one whose identifier starts like this.
    pub fn connection(&self, prefix: &str) -> Result<Connection, ClientError> {
        let mut found = self.connections()?;
        if let Some(exact) = found.iter().position(|it| it.agent_id == prefix) {
            return Ok(found.swap_remove(exact));
        }
        found.retain(|it| it.agent_id.starts_with(prefix));
        match found.len() {
            1 => Ok(found.swap_remove(0)),
            0 => Err(CallerError::UnknownAgent(prefix.to_owned()).into()),
            _ => Err(CallerError::AmbiguousAgent {
                prefix: prefix.to_owned(),
                ids: found.into_iter().map(|it| it.agent_id).collect(),
            }
            .into()),
        }
    }

    /// Keeps a new agent and its key. Agents are named by their identifiers alone, so a provider must not give
    /// its agent the identifier of another one's.
    pub(crate) fn insert(
        &self,
        connection: Connection,
        key: &SigningKey,
        entropy: &dyn Entropy,
    ) -> Result<(), ClientError> {
        let _lock = self.storage.lock()?;
        let mut known = self.connections()?.into_iter();
        if connection.agent_id.is_empty() || known.any(|it| it.agent_id == connection.agent_id) {
            let reason = format!("the agent id {:?} is empty or in use", connection.agent_id);
            return Err(ClientError::bad_answer(&connection.issuer, reason));
        }
        let name = agent_file(&connection.agent_key);
        let file = AgentFile::new(connection, key)?;
        Ok(self.write(&name, &file, entropy)?)
    }

    /// Changes the record of an agent, if it still exists.
    pub(crate) fn update(
        &self,
        agent_key: &Thumbprint,
        entropy: &dyn Entropy,
        change: impl FnOnce(&mut Connection),
    ) -> Result<(), ProfileError> {
        let _lock = self.storage.lock()?;
        let name = agent_file(agent_key);
        let Some(mut file) = self.read::<AgentFile>(&name)? else {
            return Ok(());
        };
        change(&mut file.connection);
        self.write(&name, &file, entropy)
    }

    /// Drops an agent and its key for good.
    pub(crate) fn remove(&self, agent_key: &Thumbprint) -> Result<(), ProfileError> {
        let _lock = self.storage.lock()?;
        self.storage.remove(&agent_file(agent_key))
    }

    /// Every provider met so far, by name.
    pub(crate) fn providers(&self) -> Result<Vec<ProviderRecord>, ProfileError> {
        let mut records = Vec::new();
        for name in self.storage.list(PROVIDERS)? {
            records.extend(self.read::<ProviderRecord>(&name)?);
        }
        records.sort_by(|a, b| {
            let key = |it: &ProviderRecord| {
                (
                    it.provider.name().to_owned(),
                    it.provider.issuer().to_owned(),
                )
            };
            key(a).cmp(&key(b))
        });
        Ok(records)
    }

    /// The provider with this issuer.
    pub(crate) fn provider(&self, issuer: &str) -> Result<Option<ProviderRecord>, ProfileError> {
        self.read(&provider_file(issuer))
    }

    /// Keeps a provider as it was just fetched, with what was learned about it before.
    pub(crate) fn put_provider(
        &self,
        mut record: ProviderRecord,
        entropy: &dyn Entropy,
    ) -> Result<(), ProfileError> {
        let _lock = self.storage.lock()?;
        let name = provider_file(record.provider.issuer());
        if let Some(known) = self.read::<ProviderRecord>(&name)? {
            record.clock_offset = known.clock_offset;
            record.compat = known.compat;
            record.refuses_issuer = known.refuses_issuer;
            record.known_as.extend(known.known_as);
            record.known_as.sort();
            record.known_as.dedup();
        }
        self.write(&name, &record, entropy)
    }

    /// Changes the record of a provider, if there is one.
    pub(crate) fn update_provider(
        &self,
        issuer: &str,
        entropy: &dyn Entropy,
        change: impl FnOnce(&mut ProviderRecord),
    ) -> Result<(), ProfileError> {
        let _lock = self.storage.lock()?;
        let name = provider_file(issuer);
        let Some(mut record) = self.read::<ProviderRecord>(&name)? else {
            return Ok(());
        };
        change(&mut record);
        self.write(&name, &record, entropy)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ProfileError> {
        let Some(mut bytes) = self.storage.read(name)? else {
            return Ok(None);
        };
        if let Some(vault) = &self.vault {
            let opened = vault.open(name, &bytes);
            bytes = opened.map_err(|defect| self.storage.damaged(name, &defect))?;
        } else if Vault::is_sealed(&bytes) {
            self.refuse_locked()?;
        }
        let record = serde_json::from_slice(&bytes);
        record
            .map(Some)
            .map_err(|error| self.storage.damaged(name, &error))
    }

    fn write(
        &self,
        name: &str,
        record: &impl Serialize,
        entropy: &dyn Entropy,
    ) -> Result<(), ProfileError> {
        let bytes = serde_json::to_vec_pretty(record)
            .map_err(|error| self.storage.damaged(name, &error))?;
        self.put(name, bytes, entropy)
    }

    fn put(
        &self,
        name: &str,
        mut bytes: Vec<u8>,
        entropy: &dyn Entropy,
    ) -> Result<(), ProfileError> {
        if let Some(vault) = &self.vault {
            let sealed = vault.seal(name, &bytes, entropy);
            bytes = sealed.map_err(|defect| self.storage.damaged(name, &defect))?;
        } else {
            // It may have been encrypted by another process since it was opened.
            self.refuse_locked()?;
        }
        self.storage.write(name, &bytes, entropy)
    }

    fn refuse_locked(&self) -> Result<(), ProfileError> {
        match self.storage.path() {
            Some(directory) if directory.join(VAULT).exists() => {
                Err(self.locked(Self::protection_of(directory)?))
            }
            _ => Ok(()),
        }
    }
}

const AGENTS: &str = "agents";
const PROVIDERS: &str = "providers";

/// Agents are filed under the key they were registered with, since their identifier is the server's text and may be anything.
fn agent_file(agent_key: &Thumbprint) -> String {
    format!("{AGENTS}/{agent_key}.json")
}

/// Issuers are URLs and no file names.
fn provider_file(issuer: &str) -> String {
    format!(
        "{PROVIDERS}/{}.json",
        to_base64url(&sha256(issuer.as_bytes()))
    )
}
