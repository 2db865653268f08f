//! Which keys sign a request while a rotation is under way, and what is learned from the answer.

use std::sync::Arc;

use procura_keys::key::SigningKey;

use crate::call::{Answer, Call, Signer};
use crate::client::{Client, Notice};
use crate::error::{ClientError, Refused};
use crate::naming::Naming;
use crate::profile::KeyChoice;

/// The keys that one attempt signs with.
pub(crate) struct Keys {
    /// The host's.
    pub(crate) host: Arc<SigningKey>,
    /// The agent's, if an agent signs.
    pub(crate) agent: Option<Arc<SigningKey>>,
    /// What an agent's token says of the host.
    pub(crate) naming: Naming,
}

impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        let agent = |keys: &Self| keys.agent.as_ref().map(|it| *it.public().as_bytes());
        self.host.public() == other.host.public() && agent(self) == agent(other)
    }
}

/// Keys to try, or that were tried.
pub(crate) struct Candidate {
    pub(crate) keys: Keys,
    /// Whether they are in force, and not about to be. What was tried too early is worth another try.
    in_force: bool,
}

impl Client {
    /// The keys to try next, those in force first; `None` when all were tried.
    pub(crate) fn untried_keys(
        &self,
        call: &Call<'_>,
        naming: Naming,
        tried: &[Candidate],
    ) -> Result<Option<Candidate>, ClientError> {
        if tried.len() >= MAX_TRIED {
            return Ok(None);
        }
        let candidates = self.candidates(call, naming)?;
        let is_new = |candidate: &Candidate| {
            !tried.iter().any(|tried| {
                tried.keys == candidate.keys && (tried.in_force || !candidate.in_force)
            })
        };
        Ok(candidates.into_iter().find(is_new))
    }

    /// The keys that the provider may know now.
    fn candidates(&self, call: &Call<'_>, naming: Naming) -> Result<Vec<Candidate>, ClientError> {
        let mut hosts = self.host_keys(call.issuer)?.in_order();
        let agents = match &call.signer {
            Signer::Host(_) => vec![None],
            Signer::Agent { connection, .. } => {
                if !naming.is_named {
                    // Such a token is the same with either of the host's keys.
                    hosts.truncate(1);
                }
                let agents = self.profile.agent_keys(connection)?.in_order();
                agents.into_iter().map(Some).collect()
            }
        };
        let mut candidates = Vec::new();
        for host in &hosts {
            for agent in &agents {
                let (host, agent) = (Arc::clone(host), agent.clone());
                candidates.push(Candidate {
                    in_force: candidates.is_empty(),
                    keys: Keys {
                        host,
                        agent,
                        naming,
                    },
                });
            }
        }
        Ok(candidates)
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
    /// The key in force, then the one that is to follow it.
    fn in_order(self) -> Vec<Arc<SigningKey>> {
        let both = [Some(self.in_force), self.next];
        both.into_iter().flatten().map(Arc::new).collect()
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

/// Two keys each of host and agent, and those that other processes may have made meanwhile: many, where many replace them
/// all the time.
const MAX_TRIED: usize = 64;
