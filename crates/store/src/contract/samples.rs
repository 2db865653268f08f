//! Records to store. A number tells records of a kind apart; a higher one is younger.

use std::time::Duration;

use procura_agent_auth::agent::{Agent, AgentState, Mode};
use procura_agent_auth::approval::{Approval, ApprovalState, Channel, Purpose};
use procura_agent_auth::grant::{Actor, Grant, GrantState};
use procura_agent_auth::host::{Host, HostJwks, HostStatus};
use procura_agent_auth::id::{AgentId, ApprovalId, GrantId, HostId, NoticeId, UserId};
use procura_agent_auth::jwks::JwksUrl;
use procura_agent_auth::notice::{Audience, Notice, NoticeState, WaitingRequest};
use procura_agent_auth::request::ApproverKind;
use procura_keys::clock::Timestamp;
use procura_keys::cose::CoseKey;
use procura_keys::digest::sha256;
use procura_keys::key::{PublicKey, SigningKey};
use procura_people::challenge::{self, Challenge, Holder};
use procura_people::invitation::Invitation;
use procura_people::openid::{self, Flow, FlowSecret, Identity, Upstream};
use procura_people::passkey::{Passkey, PasskeyId};
use procura_people::password::PasswordHash;
use procura_people::person::{Person, PersonId};
use procura_people::presence::{Method, Proof};
use procura_people::session::Session;
use procura_people::vault::{SealedSecret, VaultEntry};
use serde_json::json;

use crate::Page;
use crate::audit::AuditEntry;
use crate::jobs::{Job, JobState};
use crate::nodes::NodeId;
use crate::replay::SeenToken;
use crate::secrets::Secret;

/// The moment `seconds` after the one at which the cases take place.
pub fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000).plus(Duration::from_secs(seconds))
}

/// A person as the protocol knows them.
pub fn user(number: u32) -> UserId {
    UserId(format!("usr_{number}"))
}

/// A notice to the first person that waits to be sent.
pub fn notice(number: u32) -> Notice {
    Notice {
        id: NoticeId::new(at(number.into()), [8; 10]),
        receiver: "pager".to_owned(),
        audience: Audience::Person(user(1)),
        requests: vec![WaitingRequest {
            approval_id: ApprovalId::new(at(number.into()), [8; 10]),
            host_id: HostId::new(at(number.into()), [8; 10]),
            agent_id: AgentId::new(at(number.into()), [8; 10]),
        }],
        state: NoticeState::Waiting,
        attempts: 0,
        planned_at: at(0),
        due_at: at(0),
        error: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// A public key.
pub fn key(number: u32) -> PublicKey {
    let seed = sha256(&number.to_be_bytes());
    SigningKey::from_seed(&seed).unwrap().public().clone()
}

/// An active host that nobody owns.
pub fn host(number: u32) -> Host {
    Host {
        id: HostId::new(at(number.into()), [7; 10]),
        name: None,
        public_key: key(number),
        jwks: None,
        user_id: None,
        default_capabilities: Vec::new(),
        status: HostStatus::Active,
        activated_at: Some(at(0)),
        last_used_at: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// The same host, publishing its keys.
pub fn publisher(number: u32) -> Host {
    Host {
        jwks: Some(HostJwks {
            url: jwks_url(number),
            previous: None,
        }),
        ..host(number)
    }
}

/// Where keys are published.
pub fn jwks_url(number: u32) -> JwksUrl {
    format!("https://keys.example/{number}").parse().unwrap()
}

/// An active agent that acts for nobody.
pub fn agent(number: u32, host: &Host) -> Agent {
    Agent {
        id: AgentId::new(at(number.into()), [7; 10]),
        host_id: host.id.clone(),
        user_id: None,
        name: format!("Agent {number}"),
        mode: Mode::Autonomous,
        public_key: key(number),
        jwks: None,
        state: AgentState::Active {
            activated_at: at(0),
        },
        last_used_at: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// A grant by policy.
pub fn grant(number: u32, agent: &Agent, capability: &str) -> Grant {
    Grant {
        id: GrantId::new(at(number.into()), [7; 10]),
        agent_id: agent.id.clone(),
        capability: capability.parse().unwrap(),
        constraints: None,
        state: GrantState::Active {
            granted_by: Actor::Policy,
        },
        reason: None,
        expires_at: None,
        uses: None,
        form: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// A grant that waits for the decision on a request.
pub fn pending_grant(number: u32, approval: &Approval, capability: &str) -> Grant {
    Grant {
        id: GrantId::new(at(number.into()), [7; 10]),
        agent_id: approval.agent_id.clone(),
        capability: capability.parse().unwrap(),
        constraints: None,
        state: GrantState::Pending {
            approval_id: approval.id.clone(),
        },
        reason: None,
        expires_at: None,
        uses: None,
        form: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// An open request that can be answered for ten minutes.
pub fn approval(number: u32, agent: &Agent) -> Approval {
    Approval {
        id: ApprovalId::new(at(number.into()), [7; 10]),
        agent_id: agent.id.clone(),
        host_id: agent.host_id.clone(),
        purpose: Purpose::Capabilities,
        approver: ApproverKind::Administrator,
        channel: Channel::Code {
            digest: code_digest(number),
        },
        reason: None,
        binding_message: None,
        login_hint: None,
        notification: None,
        state: ApprovalState::Open,
        created_at: at(0),
        expires_at: at(600),
    }
}

/// The digest of the code of [`approval`] with this number.
pub fn code_digest(number: u32) -> [u8; 32] {
    sha256(&number.to_be_bytes())
}

/// The same request in a person's inbox.
pub fn inbox_approval(number: u32, agent: &Agent, user_id: UserId) -> Approval {
    Approval {
        approver: ApproverKind::Person,
        channel: Channel::Inbox { user_id },
        ..approval(number, agent)
    }
}

/// A person with an account.
pub fn person(number: u32) -> Person {
    Person {
        id: PersonId::new(at(number.into()), [7; 10]),
        email: format!("person{number}@example.com").parse().unwrap(),
        name: format!("Person {number}"),
        password: Some(PasswordHash::of_nobody()),
        administrator: false,
        disabled: false,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// A session that lasts for an hour.
pub fn session(number: u32, person: &Person) -> Session {
    Session {
        token_digest: sha256(&number.to_be_bytes()),
        person_id: person.id.clone(),
        created_at: at(0),
        proof: Proof {
            method: Method::Password,
            at: at(0),
        },
        expires_at: at(3600),
    }
}

/// A passkey that was not used yet.
pub fn passkey(number: u32, person: &Person) -> Passkey {
    let head = [0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32];
    let cose = [&head[..], key(number).as_bytes()].concat();
    Passkey {
        id: PasskeyId::new(at(number.into()), [7; 10]),
        person_id: person.id.clone(),
        credential_id: sha256(&number.to_be_bytes()).to_vec().try_into().unwrap(),
        public_key: CoseKey::parse(&cose).unwrap(),
        sign_count: 0,
        synced: true,
        name: format!("Passkey {number}").try_into().unwrap(),
        created_at: at(0),
        last_used_at: None,
    }
}

/// A challenge that waits for five minutes.
pub fn challenge(number: u32) -> Challenge {
    let nonce = sha256(&number.to_be_bytes());
    Challenge::new(challenge::Purpose::SignIn, Holder([7; 32]), nonce, at(0))
}

/// A sign-in that is at a provider, and is over after ten minutes.
pub fn flow(number: u32, purpose: openid::Purpose) -> Flow {
    let secret = FlowSecret::new(sha256(&number.to_be_bytes()));
    secret.begin("https://id.example", purpose, None, at(0))
}

/// Who a person is at this provider: there, they are called by the number.
pub fn identity(issuer: &str, number: u32, person: &Person) -> Identity {
    Identity {
        upstream: Upstream {
            issuer: issuer.to_owned(),
            subject: number.to_string(),
        },
        person_id: person.id.clone(),
        created_at: at(0),
    }
}

/// What the person with this number has entrusted for a service.
pub fn vault_entry(number: u32, service: &str) -> VaultEntry {
    VaultEntry {
        person_id: person(number).id,
        service: service.to_owned(),
        secret: SealedSecret {
            key_id: "old".to_owned(),
            wrapped_key: sha256(&number.to_be_bytes()).to_vec(),
            ciphertext: vec![0, 255, 7],
        },
        created_at: at(0),
    }
}

/// A link for the person with this number.
pub fn invitation(number: u32) -> Invitation {
    Invitation {
        token_digest: sha256(&number.to_be_bytes()),
        email: Some(person(number).email),
        administrator: false,
        created_at: at(0),
        expires_at: at(60),
    }
}

/// An entry for the log.
pub fn entry(number: u32) -> AuditEntry {
    AuditEntry {
        at: at(number.into()),
        event: "capability.executed".to_owned(),
        actor: format!("agent:{number}"),
        user_id: None,
        host_id: None,
        agent_id: None,
        capability: None,
        outcome: "ok".to_owned(),
        jti: None,
        detail: json!({}),
    }
}

/// A token of one signer, to be remembered for a minute.
pub fn seen(jti: &str) -> SeenToken {
    SeenToken {
        signer: "agt_1".to_owned(),
        jti: jti.to_owned(),
        forget_at: at(60),
    }
}

/// A secret of the installation.
pub fn secret(purpose: &str, number: u8) -> Secret {
    Secret {
        purpose: purpose.to_owned(),
        number: number.into(),
        value: [number; 32],
        created_at: at(number.into()),
    }
}

/// A job that runs at the first node.
pub fn job(number: u32) -> Job {
    Job {
        id: format!("job_{number}"),
        agent_id: agent(1, &host(1)).id,
        capability: "work".to_owned(),
        jti: "j".to_owned(),
        node: NodeId("node_1".to_owned()),
        started_at: at(0),
        state: JobState::Pending,
        forget_at: None,
    }
}

/// The page after a key.
pub fn page<K>(after: Option<K>, limit: u32) -> Page<K> {
    Page { after, limit }
}
