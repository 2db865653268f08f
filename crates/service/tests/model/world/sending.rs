//! Steps in the form in which they are sent.

use std::time::Duration;

use procura_agent_auth::agent::Mode;
use procura_agent_auth::id::ApprovalId;
use procura_agent_auth::wire::register::{
    ApprovalHints, CapabilityRequest, RegisterRequest, RequestedCapability,
};
use procura_keys::clock::Timestamp;
use procura_people::presence::{Method, Proof};
use procura_people::session::Session;
use procura_service::admin::{AdminCall, AdminRequest};
use procura_service::people::SignedIn;

use super::call::Call;
use super::server::FRESH_FOR;
use super::signing::Purpose;
use super::{SentToken, World};
use crate::model::nth;
use crate::offers::{self, Ask};
use crate::step::{Administration, Answer, Approver, Claim, KeyNumber, Signer, Step};

impl World {
    /// A step in the form in which it is sent. `None` when there is nobody to do it.
    pub(crate) async fn call(&mut self, step: &Step) -> Option<Call> {
        match *step {
            Step::Administer(what) => self.administration(what).await.map(Call::Administer),
            Step::Register { .. } | Step::Request { .. } | Step::Answer { .. } => self.asking(step),
            Step::Reactivate { .. }
            | Step::Revoke { .. }
            | Step::RotateAgentKey { .. }
            | Step::RotateHostKey { .. }
            | Step::RevokeHost { .. } => self.changing(step),
            _ => self.calling(step),
        }
    }

    /// What is asked for, and answered.
    fn asking(&mut self, step: &Step) -> Option<Call> {
        let agent_of = |number| nth(self.agents.len(), number);
        Some(match *step {
            Step::Register {
                client,
                key,
                autonomous,
                ref asks,
                inbox,
            } => {
                let agent_key = self.keys.jwk(key);
                let host_key = self.clients[usize::from(client)];
                Call::Register {
                    token: self
                        .keys
                        .host_token(host_key, Some(agent_key), self.clock.millis()),
                    request: registration(autonomous, asks, inbox),
                }
            }
            Step::Request {
                agent,
                ref asks,
                claim,
                inbox,
            } => Call::Request {
                token: self.agent_token(agent_of(agent)?, Purpose::Issuer, claim),
                request: CapabilityRequest {
                    capabilities: requested(asks),
                    hints: hints(inbox),
                },
            },
            Step::Answer {
                request,
                by,
                answer,
            } => {
                let id = self.requests[nth(self.requests.len(), request)?].clone();
                match self.signed_in(by) {
                    Some(person) => Call::Answer {
                        person: Box::new(person),
                        id,
                        answer,
                        at: self.clock.millis(),
                    },
                    None => Call::Administer(self.administrators_answer(&id, by, answer)),
                }
            }
            _ => return None,
        })
    }

    /// What agents and hosts do every day.
    fn calling(&mut self, step: &Step) -> Option<Call> {
        let agent_of = |number| nth(self.agents.len(), number);
        let host_of = |number| nth(self.hosts.len(), number);
        Some(match *step {
            Step::Status { agent, by } => {
                let agent = agent_of(agent)?;
                let token = self.host_token(agent, by);
                self.tokens.push(SentToken {
                    text: token.clone(),
                    of_host: true,
                    agent,
                });
                Call::Status {
                    token,
                    agent: self.id(agent),
                }
            }
            Step::Execute { agent, call, claim } => {
                let agent = agent_of(agent)?;
                let token = self.agent_token(agent, Purpose::Execute, claim);
                self.tokens.push(SentToken {
                    text: token.clone(),
                    of_host: false,
                    agent,
                });
                Call::Execute {
                    token,
                    call: offers::call(call),
                }
            }
            Step::Introspect { agent, call } => Call::Introspect {
                call: call.map(offers::call),
                token: self.agent_token(agent_of(agent)?, Purpose::Execute, Claim::Absent),
            },
            Step::Replay { token } => {
                let sent = &self.tokens[nth(self.tokens.len(), token)?];
                let token = sent.text.clone();
                if sent.of_host {
                    Call::Status {
                        token,
                        agent: self.id(sent.agent),
                    }
                } else {
                    Call::Execute {
                        token,
                        call: offers::call(0),
                    }
                }
            }
            Step::ForgedCall { agent } => {
                let agent = &self.agents[agent_of(agent)?];
                let (id, issuer) = (agent.id.to_string(), self.hosts[agent.host].key);
                let now = self.clock.millis();
                let token = self.keys.agent_token(
                    &id,
                    issuer,
                    FORGER,
                    Purpose::Execute,
                    Claim::Absent,
                    now,
                );
                Call::Execute {
                    token,
                    call: offers::call(0),
                }
            }
            Step::ForgedHost { host } => {
                let key = self.hosts[host_of(host)?].key;
                Call::RevokeHost {
                    token: self
                        .keys
                        .forged_host_token(key, FORGER, self.clock.millis()),
                }
            }
            _ => return None,
        })
    }

    /// What changes agents and hosts.
    fn changing(&mut self, step: &Step) -> Option<Call> {
        let agent_of = |number| nth(self.agents.len(), number);
        let host_of = |number| nth(self.hosts.len(), number);
        Some(match *step {
            Step::Reactivate { agent, by } => {
                let agent = agent_of(agent)?;
                Call::Reactivate {
                    token: self.host_token(agent, by),
                    agent: self.id(agent),
                }
            }
            Step::Revoke { agent, by } => {
                let agent = agent_of(agent)?;
                Call::Revoke {
                    token: self.host_token(agent, by),
                    agent: self.id(agent),
                }
            }
            Step::RotateAgentKey { agent, by, key } => {
                let agent = agent_of(agent)?;
                Call::RotateAgentKey {
                    token: self.host_token(agent, by),
                    agent: self.id(agent),
                    key: self.keys.jwk(key),
                }
            }
            Step::RotateHostKey { host, key } => {
                let old = self.hosts[host_of(host)?].key;
                Call::RotateHostKey {
                    token: self.keys.host_token(old, None, self.clock.millis()),
                    key: self.keys.jwk(key),
                }
            }
            Step::RevokeHost { host } => {
                let key = self.hosts[host_of(host)?].key;
                Call::RevokeHost {
                    token: self.keys.host_token(key, None, self.clock.millis()),
                }
            }
            _ => return None,
        })
    }

    fn host_token(&mut self, agent: usize, by: Signer) -> String {
        let host = match by {
            Signer::Own => self.agents[agent].host,
            Signer::Host(number) => nth(self.hosts.len(), number).unwrap_or(0),
        };
        self.keys
            .host_token(self.hosts[host].key, None, self.clock.millis())
    }

    fn agent_token(&mut self, agent: usize, purpose: Purpose, claim: Claim) -> String {
        let agent = &self.agents[agent];
        let (id, issuer, key) = (agent.id.to_string(), self.hosts[agent.host].key, agent.key);
        self.keys
            .agent_token(&id, issuer, key, purpose, claim, self.clock.millis())
    }

    fn id(&self, agent: usize) -> String {
        self.agents[agent].id.to_string()
    }

    /// A person as the pages know them: they may have lost their account a moment ago.
    fn signed_in(&self, by: Approver) -> Option<SignedIn> {
        let now = Timestamp::from_millis(self.clock.millis());
        let (method, at) = match by {
            Approver::Passkey(_) => (Method::Passkey, now),
            Approver::Password(_) => (Method::Password, now),
            Approver::LongAgo(_) => (Method::Passkey, now.minus(FRESH_FOR)),
            Approver::Administrator { .. } => return None,
        };
        let person = self.account(by.person()?).clone();
        let session = Session {
            token_digest: [0; 32],
            person_id: person.id.clone(),
            created_at: at,
            proof: Proof { method, at },
            expires_at: now.plus(Duration::from_hours(1)),
        };
        Some(SignedIn {
            person,
            session,
            has_passkey: true,
            confirmation: None,
        })
    }

    fn administrators_answer(&self, id: &ApprovalId, by: Approver, answer: Answer) -> AdminCall {
        let reference = id.to_string();
        if answer == Answer::Deny {
            return administrator(AdminRequest::Deny {
                reference,
                reason: None,
            });
        }
        let user = match by {
            Approver::Administrator { link_to: Some(who) } => {
                Some(self.account(who).email.to_string())
            }
            _ => None,
        };
        administrator(AdminRequest::Approve { reference, user })
    }

    async fn administration(&self, what: Administration) -> Option<AdminCall> {
        let agent_of = |number| nth(self.agents.len(), number);
        let host_id = |number| Some(self.hosts[nth(self.hosts.len(), number)?].id.to_string());
        let email = |who| self.account(who).email.to_string();
        Some(administrator(match what {
            Administration::RevokeAgent { agent } => AdminRequest::RevokeAgent {
                agent_id: self.id(agent_of(agent)?),
            },
            Administration::RevokeHost { host } => AdminRequest::RevokeHost {
                host_id: host_id(host)?,
            },
            Administration::WithdrawGrant { agent, grant } => {
                let agent = &self.agents[agent_of(agent)?].id;
                let mut tx = self.store.read().await.unwrap();
                let grants = tx.list_grants_by_agent(agent).await.unwrap();
                let grant = &grants[nth(grants.len(), grant)?];
                AdminRequest::RevokeGrant {
                    grant_id: grant.id.to_string(),
                }
            }
            Administration::Link { host, to } => AdminRequest::LinkHost {
                host_id: host_id(host)?,
                user: email(to),
            },
            Administration::Unlink { host } => AdminRequest::UnlinkHost {
                host_id: host_id(host)?,
            },
            Administration::DeletePerson(who) => AdminRequest::RemovePerson { email: email(who) },
            Administration::AddPerson(_) => return None,
        }))
    }
}

fn administrator(request: AdminRequest) -> AdminCall {
    let administrator = "root".to_owned();
    AdminCall {
        administrator,
        request,
    }
}

fn registration(autonomous: bool, asks: &[u8], inbox: bool) -> RegisterRequest {
    RegisterRequest {
        name: "Agent".to_owned(),
        host_name: None,
        capabilities: Some(requested(asks)),
        mode: Some(if autonomous {
            Mode::Autonomous
        } else {
            Mode::Delegated
        }),
        hints: hints(inbox),
    }
}

fn requested(asks: &[u8]) -> Vec<RequestedCapability> {
    let one = |ask: Ask| match ask.limits {
        None => RequestedCapability::Name(ask.name.to_owned()),
        Some(sheet) => RequestedCapability::Scoped {
            name: ask.name.to_owned(),
            constraints: Some(sheet.value().clone()),
        },
    };
    offers::asks(asks).into_iter().map(one).collect()
}

fn hints(inbox: bool) -> ApprovalHints {
    ApprovalHints {
        preferred_method: inbox.then(|| "ciba".to_owned()),
        ..ApprovalHints::default()
    }
}

/// The key of somebody who is nobody.
const FORGER: KeyNumber = KeyNumber::MAX;
