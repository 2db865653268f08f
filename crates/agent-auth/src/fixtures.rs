//! Records for tests: one host linked to Alice, one active agent under it, one grant. A test changes what it
//! is about and leaves the rest.

use std::time::Duration;

use procura_keys::clock::Timestamp;
use procura_keys::key::SigningKey;
use serde_json::Value;

use crate::agent::{Agent, AgentState, Mode};
use crate::approval::{Approval, ApprovalState, Channel, Purpose};
use crate::capability::{ApprovalStrength, CapabilityName};
use crate::constraint::Constraints;
use crate::grant::{Actor, Grant, GrantState};
use crate::host::{Host, HostStatus};
use crate::id::{AgentId, ApprovalId, GrantId, HostId, UserId};
use crate::lifetime::LifetimePolicy;
use crate::request::{ApproverKind, Wanted};

/// The moment at which tests take place.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// An hour without use, a day of use, a week in all.
pub(crate) const LIFETIME: LifetimePolicy = LifetimePolicy {
    session_ttl: Some(Duration::from_hours(1)),
    max_lifetime: Some(Duration::from_hours(24)),
    absolute_lifetime: Some(Duration::from_hours(7 * 24)),
};

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(crate) fn alice() -> UserId {
    UserId("usr_alice".into())
}

pub(crate) fn bob() -> UserId {
    UserId("usr_bob".into())
}

pub(crate) fn host_key() -> SigningKey {
    SigningKey::from_seed(&[1; 32]).unwrap()
}

pub(crate) fn agent_key() -> SigningKey {
    SigningKey::from_seed(&[2; 32]).unwrap()
}

/// Active and linked to Alice. Its only default is `balance`.
pub(crate) fn host() -> Host {
    Host {
        id: HostId::new(NOW, [1; 10]),
        name: Some("Laptop".into()),
        public_key: host_key().public().clone(),
        jwks: None,
        user_id: Some(alice()),
        default_capabilities: vec![name("balance")],
        status: HostStatus::Active,
        activated_at: Some(NOW),
        last_used_at: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

/// Delegated and active under [`host`] since now.
pub(crate) fn agent() -> Agent {
    Agent {
        id: AgentId::new(NOW, [2; 10]),
        host_id: host().id,
        user_id: Some(alice()),
        name: "Assistant".into(),
        mode: Mode::Delegated,
        public_key: agent_key().public().clone(),
        jwks: None,
        state: AgentState::Active { activated_at: NOW },
        last_used_at: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

/// An active grant to [`agent`]. `number` tells grants apart.
pub(crate) fn grant(number: u8, capability: &str, limits: &Value) -> Grant {
    Grant {
        id: GrantId::new(NOW, [number; 10]),
        agent_id: agent().id,
        capability: name(capability),
        constraints: constraints(limits),
        state: GrantState::Active {
            granted_by: Actor::User(alice()),
        },
        reason: Some("to pay the rent".into()),
        expires_at: None,
        uses: None,
        form: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

/// The same, waiting for the decision on [`approval_id`].
pub(crate) fn pending_grant(number: u8, capability: &str, limits: &Value) -> Grant {
    Grant {
        state: GrantState::Pending {
            approval_id: approval_id(),
        },
        ..grant(number, capability, limits)
    }
}

/// An open request by [`agent`] for more capabilities, with a code.
pub(crate) fn approval() -> Approval {
    Approval {
        id: approval_id(),
        agent_id: agent().id,
        host_id: host().id,
        purpose: Purpose::Capabilities,
        approver: ApproverKind::Person,
        channel: Channel::Code { digest: [0; 32] },
        reason: Some("to pay the rent".into()),
        binding_message: None,
        login_hint: None,
        notification: None,
        state: ApprovalState::Open,
        created_at: NOW,
        expires_at: NOW.plus(seconds(300)),
    }
}

pub(crate) fn approval_id() -> ApprovalId {
    ApprovalId::new(NOW, [9; 10])
}

pub(crate) fn wanted(capability: &str, approval: ApprovalStrength, limits: &Value) -> Wanted {
    Wanted {
        name: name(capability),
        approval,
        constraints: Ok(constraints(limits)),
    }
}

pub(crate) fn name(text: &str) -> CapabilityName {
    text.parse().unwrap()
}

pub(crate) fn constraints(limits: &Value) -> Option<Constraints> {
    Constraints::parse(limits).unwrap()
}
