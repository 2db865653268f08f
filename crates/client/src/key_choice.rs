//! Which keys sign a request while a rotation is under way, and what is learned from the answer.

use procura_keys::key::SigningKey;

use crate::call::{Answer, Call, Signer};
use crate::client::{Client, Notice};
use crate::error::{ClientError, Refused};
use crate::naming::Naming;
use crate::profile::KeyChoice;

/// The keys that one attempt signs with.
pub(crate) struct Keys {
    /// The host's.
    pub(crate) host: SigningKey,
    /// The agent's, if an agent signs.
    pub(crate) agent: Option<SigningKey>,
    /// What an agent's token says of the host.
    pub(crate) naming: Naming,
}

impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        let agent = |keys: &Self| keys.agent.as_ref().map(|it| *it.public().as_bytes());
        self.host.public() == other.host.public() && agent(self) == agent(other)
    }
}

impl Client {
    /// The keys to try next, those in force first; `None` when all were tried.
    pub(crate) fn untried_keys(
        &self,
        call: &Call<'_>,
        naming: Naming,
        tried: &[Keys],
    ) -> Result<Option<Keys>, ClientError> {
        if tried.len() >= MAX_TRIED {
            return Ok(None);
        }
        for with_next in [(false, false), (false, true), (true, false), (true, true)] {
            // A token that does not name the host is the same with either of its keys.
            if with_next.0 && call.signer.is_agent() && !naming.is_named {
                continue;
            }
            let keys = self.keys(call, naming, with_next)?;
            if let Some(keys) = keys.filter(|keys| !tried.contains(keys)) {
                return Ok(Some(keys));
            }
        }
        Ok(None)
    }

    /// The keys of host and agent, each the next one if that is wanted; `None` if there is no next one.
    fn keys(
        &self,
        call: &Call<'_>,
        naming: Naming,
        (next_host, next_agent): (bool, bool),
    ) -> Result<Option<Keys>, ClientError> {
        let Some(host) = self.host_keys(call.issuer)?.take(next_host) else {
            return Ok(None);
        };
        let agent = match &call.signer {
            Signer::Host(_) => None,
            Signer::Agent { connection, .. } => {
                match self.profile.agent_keys(connection)?.take(next_agent) {
                    Some(agent) => Some(agent),
                    None => return Ok(None),
                }
            }
        };
        Ok(Some(Keys {
            host,
            agent,
            naming,
        }))
    }

    /// The host's keys at `issuer`, made on first use.
    pub(crate) fn host_keys(&self, issuer: &str) -> Result<KeyChoice, ClientError> {
        let (entropy, now) = (&*self.parts.entropy, self.now());
        let (keys, are_new) = self.profile.host_keys(issuer, entropy, now)?;
        if are_new {
            self.notify_of_host_key();
        }
        Ok(keys)
    }

    pub(crate) fn notify_of_host_key(&self) {
        self.notify(&Notice::HostKeyCreated {
            directory: self.profile.directory().map(Into::into),
            protection: self.profile.protection(),
        });
    }

    /// Goes on with keys that were accepted when those before them were not.
    pub(crate) fn adopt(&self, call: &Call<'_>, keys: &Keys) -> Result<(), ClientError> {
        let entropy = &*self.parts.entropy;
        let host = keys.host.public();
        self.profile.adopt_host_key(call.issuer, host, entropy)?;
        if let (Signer::Agent { connection, .. }, Some(agent)) = (&call.signer, &keys.agent) {
            let file = &connection.agent_key;
            self.profile
                .adopt_agent_key(file, agent.public(), entropy)?;
        }
        Ok(())
    }
}

impl KeyChoice {
    fn take(self, next: bool) -> Option<SigningKey> {
        if next { self.next } else { Some(self.in_force) }
    }
}

/// Whether a refusal may be about the key that signed.
pub(crate) fn is_key_refused(refused: &Refused) -> bool {
    let about_the_proof = refused
        .code
        .as_deref()
        .is_some_and(|code| ["invalid_dpop_proof", "use_dpop_nonce"].contains(&code));
    refused.status == 401 && !about_the_proof
}

/// Whether an answer shows that the key is known, when the same request with another key was refused for its token.
/// Servers in trouble and those that limit rates may not have looked at it.
pub(crate) fn tells_of_the_key(outcome: &Result<Answer, ClientError>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(ClientError::Refused(refused)) => refused.status != 429 && refused.status < 500,
        Err(_) => false,
    }
}

/// Two keys each of host and agent, and those that other processes may have made meanwhile.
const MAX_TRIED: usize = 16;
