//! The key pairs in force, and those that are to follow them (§5.8, §5.9).
//!
//! A key that is to follow is kept before any provider is told of it, and the one before it until a provider has
//! shown that it knows the new one. So whatever moment a process ends at, one of the kept keys works.

use std::collections::BTreeSet;

use procura_keys::clock::Timestamp;
use procura_keys::digest::hmac_sha256;
use procura_keys::entropy::Entropy;
use procura_keys::key::{KeyError, PublicKey, SigningKey};
use procura_keys::thumbprint::Thumbprint;

use super::records::{HostFile, KeptKey};
use super::storage::Claim;
use super::{AGENTS, AgentFile, Connection, Profile, ProfileError, agent_file};
use crate::error::ClientError;

/// The keys of one signer that its provider may know: two while a rotation is under way.
#[derive(Debug)]
pub(crate) struct KeyChoice {
    /// The one it was last seen to accept.
    pub(crate) in_force: SigningKey,
    /// The one that is to follow.
    pub(crate) next: Option<SigningKey>,
}

impl Profile {
    /// The host's keys at `issuer`; made now if there are none. Says whether they were.
    pub(crate) fn host_keys(
        &self,
        issuer: &str,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(KeyChoice, bool), ClientError> {
        if let Some(file) = self.host_file()? {
            return Ok((file.choice(issuer)?, false));
        }
        // Without the lock two processes could make a key each, and one would be lost.
        let _lock = self.storage.lock()?;
        if let Some(file) = self.host_file()? {
            return Ok((file.choice(issuer)?, false));
        }
        let file = HostFile::new(SigningKey::generate(entropy)?, false, now);
        self.write(HOST, &file, entropy)?;
        Ok((file.choice(issuer)?, true))
    }

    /// The keys of a connected agent.
    pub(crate) fn agent_keys(&self, connection: &Connection) -> Result<KeyChoice, ProfileError> {
        let name = agent_file(&connection.agent_key);
        let file = self.read::<AgentFile>(&name)?;
        let file = file.ok_or_else(|| self.storage.gone(&name))?;
        Ok(KeyChoice {
            in_force: file.key.into_inner(),
            next: file.next.map(KeptKey::into_inner),
        })
    }

    /// Keeps everybody else from replacing keys while it exists; `None` while somebody else has it. Two that replace the
    /// same key at once could tell the provider of theirs in another order than they keep it.
    pub(crate) fn claim_rotation(&self) -> Result<Option<Claim>, ProfileError> {
        let _lock = self.storage.lock()?;
        self.storage.claim(ROTATION)
    }

    /// That somebody else had it for too long.
    pub(crate) fn is_rotating(&self) -> ProfileError {
        self.storage.rotating()
    }

    /// Keeps a key that is to follow the agent's present one, and returns its public half. Says whether there
    /// was one already, of a rotation whose outcome nobody learned.
    pub(crate) fn prepare_agent_key(
        &self,
        connection: &Connection,
        entropy: &dyn Entropy,
    ) -> Result<(PublicKey, bool), ClientError> {
        let _lock = self.storage.lock()?;
        let name = agent_file(&connection.agent_key);
        let file = self.read::<AgentFile>(&name)?;
        let mut file = file.ok_or_else(|| self.storage.gone(&name))?;
        if let Some(next) = &file.next {
            return Ok((next.as_inner().public().clone(), true));
        }
        let next = SigningKey::generate(entropy)?;
        let public = next.public().clone();
        file.next = Some(KeptKey::of(&next)?);
        self.write(&name, &file, entropy)?;
        Ok((public, false))
    }

    /// Takes note that the provider knows the agent by `key`.
    pub(crate) fn adopt_agent_key(
        &self,
        agent_key: &Thumbprint,
        key: &PublicKey,
        entropy: &dyn Entropy,
    ) -> Result<(), ProfileError> {
        self.change_next(agent_key, key, entropy, |file, next| file.key = next)
    }

    /// Drops a key that the provider would not have.
    pub(crate) fn drop_next_agent_key(
        &self,
        agent_key: &Thumbprint,
        key: &PublicKey,
        entropy: &dyn Entropy,
    ) -> Result<(), ProfileError> {
        self.change_next(agent_key, key, entropy, |_, _| ())
    }

    fn change_next(
        &self,
        agent_key: &Thumbprint,
        key: &PublicKey,
        entropy: &dyn Entropy,
        change: impl FnOnce(&mut AgentFile, KeptKey),
    ) -> Result<(), ProfileError> {
        let _lock = self.storage.lock()?;
        let name = agent_file(agent_key);
        let Some(mut file) = self.read::<AgentFile>(&name)? else {
            return Ok(());
        };
        match file.next.take_if(|next| next.as_inner().public() == key) {
            Some(next) => change(&mut file, next),
            None => return Ok(()),
        }
        self.write(&name, &file, entropy)
    }

    /// Keeps a key that is to follow the host's present one, unless there is one already, and returns its public
    /// half; `None` for a host that has no key yet.
    pub(crate) fn prepare_host_key(
        &self,
        entropy: &dyn Entropy,
    ) -> Result<Option<PublicKey>, ClientError> {
        let _lock = self.storage.lock()?;
        let Some(mut file) = self.host_file()? else {
            return Ok(None);
        };
        if let Some(next) = &file.next {
            return Ok(Some(next.as_inner().public().clone()));
        }
        let next = SigningKey::generate(entropy)?;
        let public = next.public().clone();
        file.next = Some(KeptKey::of(&next)?);
        self.write(HOST, &file, entropy)?;
        Ok(Some(public))
    }

    /// Takes note that `issuer` knows the host by `key`.
    pub(crate) fn adopt_host_key(
        &self,
        issuer: &str,
        key: &PublicKey,
        entropy: &dyn Entropy,
    ) -> Result<(), ClientError> {
        let _lock = self.storage.lock()?;
        let Some(mut file) = self.host_file()? else {
            return Ok(());
        };
        let next = file.next.as_ref();
        let next = next.map(|next| file.key_at(issuer, next)).transpose()?;
        if next.is_some_and(|next| next.public() == key) && file.moved.insert(issuer.to_owned()) {
            self.write(HOST, &file, entropy)?;
        }
        Ok(())
    }

    /// Puts the host key that is to follow, `key`, in the place of the present one once every issuer that has agents,
    /// or may have, knows it. Returns whether it is there.
    pub(crate) fn promote_host_key(
        &self,
        key: &PublicKey,
        entropy: &dyn Entropy,
    ) -> Result<bool, ClientError> {
        let _lock = self.storage.lock()?;
        let Some(mut file) = self.host_file()? else {
            return Ok(true);
        };
        // Another process may have come to the end of it, and have begun with the next one.
        let Some(next) = file.next.take_if(|next| next.as_inner().public() == key) else {
            return Ok(true);
        };
        if !self.issuers_of_agents()?.is_subset(&file.moved) {
            return Ok(false);
        }
        file.key = next;
        file.moved.clear();
        self.write(HOST, &file, entropy)?;
        Ok(true)
    }

    /// The issuers that know the next host key.
    pub(crate) fn moved_issuers(&self) -> Result<BTreeSet<String>, ProfileError> {
        Ok(self.host_file()?.map(|it| it.moved).unwrap_or_default())
    }

    /// The issuers that know the host, or are about to.
    pub(crate) fn issuers_of_agents(&self) -> Result<BTreeSet<String>, ProfileError> {
        let connected = self.connections()?.into_iter().map(|it| it.issuer);
        let mut issuers: BTreeSet<_> = connected.collect();
        issuers.extend(self.issuers_of_intents()?);
        Ok(issuers)
    }

    /// Replaces the host's key by one that has nothing to do with it, and forgets everything that hung on the old
    /// one. Returns the identifiers of the agents that are gone.
    pub(crate) fn renew_host(
        &self,
        per_server: bool,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<Vec<String>, ClientError> {
        let _lock = self.storage.lock()?;
        let gone = self.connections()?.into_iter().map(|it| it.agent_id);
        let gone = gone.collect();
        let file = HostFile::new(SigningKey::generate(entropy)?, per_server, now);
        self.write(HOST, &file, entropy)?;
        for name in self.storage.list(AGENTS)? {
            self.storage.remove(&name)?;
        }
        self.drop_intents()?;
        Ok(gone)
    }

    /// Whether each provider sees a host key of its own; `None` before there is any.
    pub(crate) fn is_host_per_server(&self) -> Result<Option<bool>, ProfileError> {
        Ok(self.host_file()?.map(|it| it.per_server))
    }

    fn host_file(&self) -> Result<Option<HostFile>, ProfileError> {
        self.read(HOST)
    }
}

impl HostFile {
    fn choice(&self, issuer: &str) -> Result<KeyChoice, KeyError> {
        let next = self.next.as_ref();
        let next = next.map(|next| self.key_at(issuer, next)).transpose()?;
        let (in_force, next) = match next {
            Some(next) if self.moved.contains(issuer) => (next, None),
            next => (self.key_at(issuer, &self.key)?, next),
        };
        Ok(KeyChoice { in_force, next })
    }

    /// What `issuer` sees of a key of this file.
    fn key_at(&self, issuer: &str, key: &KeptKey) -> Result<SigningKey, KeyError> {
        let seed = key.as_inner().expose_seed();
        if self.per_server {
            SigningKey::from_seed(&derived(seed, issuer))
        } else {
            SigningKey::from_seed(seed)
        }
    }
}

/// HKDF with SHA-256 (RFC 5869), no salt, 32 bytes, and the issuer as context.
fn derived(secret: &[u8; 32], issuer: &str) -> [u8; 32] {
    let prk = hmac_sha256(&[0; 32], secret);
    let block = [issuer.as_bytes(), &[1]].concat();
    hmac_sha256(&prk, &block)
}

const ROTATION: &str = "rotation";
pub(super) const HOST: &str = "host.json";

#[cfg(test)]
mod tests;
