//! Registrations from before they are sent until their answer is kept.
//!
//! When a process ends in between, nobody knows whether there is an agent now. Its key is still here, and a
//! server takes a second registration of the same key for the same agent (§5.3).

use procura_agent_auth::wire::register::RegisterRequest;
use procura_keys::clock::Timestamp;
use procura_keys::entropy::Entropy;
use procura_keys::key::SigningKey;
use procura_keys::thumbprint::Thumbprint;

use super::records::{IntentFile, KeptKey};
use super::storage::Claim;
use super::{AgentFile, Connection, Profile, ProfileError, agent_file};
use crate::error::ClientError;

/// A registration that this process works on, and no other.
pub(crate) struct Intent {
    /// The key of the agent to be.
    pub(crate) key: SigningKey,
    /// Whether it was begun before, and its answer never arrived.
    pub(crate) is_resumed: bool,
    name: String,
    _claim: Claim,
}

impl Profile {
    /// Takes up a registration of the same request that nobody works on, or begins one with a new key.
    pub(crate) fn begin(
        &self,
        issuer: &str,
        request: &RegisterRequest,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<Intent, ClientError> {
        let request = serde_json::to_value(request)?;
        let _lock = self.storage.lock()?;
        for (name, file) in self.intents()? {
            if file.issuer != issuer || file.request != request {
                continue;
            }
            if let Some(claim) = self.storage.claim(&name)? {
                let key = file.key.into_inner();
                return Ok(Intent {
                    key,
                    is_resumed: true,
                    name,
                    _claim: claim,
                });
            }
        }
        let key = SigningKey::generate(entropy)?;
        let name = format!("{INTENTS}/{}.json", Thumbprint::of(key.public()));
        let file = IntentFile {
            issuer: issuer.to_owned(),
            request,
            key: KeptKey::of(&key)?,
            created_at: now,
        };
        self.write(&name, &file, entropy)?;
        let claim = self.storage.claim(&name)?;
        let claim = claim.ok_or_else(|| self.storage.gone(&name))?;
        Ok(Intent {
            key,
            is_resumed: false,
            name,
            _claim: claim,
        })
    }

    /// Drops a registration whose answer is kept, or which certainly made no agent.
    pub(crate) fn settle(&self, intent: &Intent) -> Result<(), ProfileError> {
        let _lock = self.storage.lock()?;
        self.storage.remove_claimed(&intent.name)
    }

    /// The agent of an intent, if its answer was kept already.
    pub(crate) fn outcome_of(&self, intent: &Intent) -> Result<Option<Connection>, ProfileError> {
        let name = agent_file(&Thumbprint::of(intent.key.public()));
        Ok(self.read::<AgentFile>(&name)?.map(|it| it.connection))
    }

    pub(super) fn issuers_of_intents(&self) -> Result<Vec<String>, ProfileError> {
        let intents = self.intents()?.into_iter();
        Ok(intents.map(|(_, file)| file.issuer).collect())
    }

    pub(super) fn drop_intents(&self) -> Result<(), ProfileError> {
        for name in self.storage.list(INTENTS)? {
            self.storage.remove_claimed(&name)?;
        }
        Ok(())
    }

    fn intents(&self) -> Result<Vec<(String, IntentFile)>, ProfileError> {
        let mut intents = Vec::new();
        for name in self.storage.list(INTENTS)? {
            if let Some(file) = self.read::<IntentFile>(&name)? {
                intents.push((name, file));
            }
        }
        intents.sort_by_key(|(_, file)| file.created_at);
        Ok(intents)
    }
}

pub(super) const INTENTS: &str = "intents";
