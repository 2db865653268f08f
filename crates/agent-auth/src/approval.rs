//! Requests for approval and what a decision on one changes (§7, §5.3, §2.9).

use std::num::NonZeroU32;

use procura_keys::clock::Timestamp;

use crate::agent::{Agent, AgentState, AgentStatus, Mode};
use crate::constraint::{Constraints, Contradiction, narrow};
use crate::grant::{Actor, Grant, GrantState, Uses};
use crate::host::{Host, HostStatus};
use crate::id::{AgentId, ApprovalId, GrantId, HostId, UserId};
use crate::lifetime::{self, LifetimePolicy};
use crate::method::Method;
use crate::request::ApproverKind;

/// A request for approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Its identifier.
    pub id: ApprovalId,
    /// The agent that asks.
    pub agent_id: AgentId,
    /// That agent's host.
    pub host_id: HostId,
    /// What is asked for, apart from the grants that carry this request.
    pub purpose: Purpose,
    /// Who may answer.
    pub approver: ApproverKind,
    /// How they learn of it.
    pub channel: Channel,
    /// Why, in the agent's words.
    pub reason: Option<String>,
    /// A short message for the approver, in the agent's words.
    pub binding_message: Option<String>,
    /// Whom the client expects to approve.
    pub login_hint: Option<String>,
    /// The SHA-256 of the secret part of its notification URL, if it has one (§10.10.2). The secret is known to
    /// the client only.
    pub notification: Option<[u8; 32]>,
    /// Where it stands.
    pub state: ApprovalState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it can no longer be answered.
    pub expires_at: Timestamp,
}

impl Approval {
    /// Whether the request can be answered at `now`.
    pub fn require_open(&self, now: Timestamp) -> Result<(), ApprovalError> {
        match self.state {
            ApprovalState::Open if now < self.expires_at => Ok(()),
            ApprovalState::Open => Err(ApprovalError::Expired),
            ApprovalState::Approved { .. } | ApprovalState::Denied { .. } => {
                Err(ApprovalError::AlreadyDecided)
            }
            ApprovalState::Cancelled => Err(ApprovalError::Cancelled),
        }
    }
}

/// How an approver learns of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    /// They type its user code.
    Code {
        /// The SHA-256 of the code. The code itself is known to the client only.
        digest: [u8; 32],
    },
    /// It waits in the inbox of one person, and nobody else is shown it.
    Inbox {
        /// Whose.
        user_id: UserId,
    },
    /// By a method of the server's own. Whoever runs the server answers, and nobody else is shown it.
    Custom {
        /// What it is called.
        method: String,
    },
}

impl Channel {
    /// What the method it belongs to is called.
    pub fn method(&self) -> &str {
        match self {
            Self::Code { .. } => Method::DeviceAuthorization.as_str(),
            Self::Inbox { .. } => Method::Ciba.as_str(),
            Self::Custom { method } => method,
        }
    }

    /// The digest of the user code, if there is a code.
    pub fn code_digest(&self) -> Option<&[u8; 32]> {
        match self {
            Self::Code { digest } => Some(digest),
            Self::Inbox { .. } | Self::Custom { .. } => None,
        }
    }

    /// The person in whose inbox the request waits, if it is in one.
    pub fn user_id(&self) -> Option<&UserId> {
        match self {
            Self::Code { .. } | Self::Custom { .. } => None,
            Self::Inbox { user_id } => Some(user_id),
        }
    }
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A new agent.
    Registration,
    /// More capabilities for an active agent.
    Capabilities,
    /// An expired agent that wants to go on.
    Reactivation,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 3] = [Self::Registration, Self::Capabilities, Self::Reactivation];

    /// The storage form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Capabilities => "capabilities",
            Self::Reactivation => "reactivation",
        }
    }
}

/// Where a request stands. Running out of time is not a state of its own: see [`Approval::require_open`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApprovalState {
    /// Waiting for an answer.
    Open,
    /// Answered, at least in part, with yes.
    Approved {
        /// By whom.
        by: Actor,
        /// When.
        at: Timestamp,
    },
    /// Answered with no.
    Denied {
        /// By whom.
        by: Actor,
        /// When.
        at: Timestamp,
    },
    /// Replaced by a newer request, or without an agent to ask for.
    Cancelled,
}

impl ApprovalState {
    /// The storage form.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved { .. } => "approved",
            Self::Denied { .. } => "denied",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Who answers. Whether they have shown enough of themselves has been checked before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approver {
    /// A person, for themselves.
    Person(UserId),
    /// Somebody who runs the server.
    Administrator {
        /// The name the server knows.
        name: String,
        /// The person the host is to be linked to, if any.
        on_behalf_of: Option<UserId>,
    },
}

impl Approver {
    /// As whom the decision is recorded.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Person(id) => Actor::User(id.clone()),
            Self::Administrator { name, .. } => Actor::Administrator(name.clone()),
        }
    }
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Yes to the request as such, and to these of its grants. The others are denied.
    Approve {
        /// What is granted.
        choices: Vec<Choice>,
        /// Why the others are not; shown to the agent.
        reason: Option<String>,
    },
    /// No.
    Deny {
        /// Shown to the agent.
        reason: Option<String>,
    },
}

/// Yes or no to one grant.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The grant.
    pub grant_id: GrantId,
    /// Limits on top of those asked for.
    pub limits: Option<Constraints>,
    /// When the grant is to end.
    pub expires_at: Option<Timestamp>,
    /// How often it may be used.
    pub uses: Option<NonZeroU32>,
}

/// Everything a decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The request.
    pub approval: &'a Approval,
    /// Its agent.
    pub agent: &'a Agent,
    /// Its host.
    pub host: &'a Host,
    /// The pending grants that carry this request, and no others.
    pub grants: &'a [Grant],
    /// How long agents live here.
    pub lifetime: &'a LifetimePolicy,
}

/// What an answer changes.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalDecision {
    /// The request's new state.
    pub approval: ApprovalState,
    /// The agent's new state, if it changes.
    pub agent: Option<AgentState>,
    /// The person the host and the agent are linked to from now on, if that is new.
    pub link: Option<UserId>,
    /// Whether the host becomes active.
    pub activate_host: bool,
    /// What becomes of each grant.
    pub grants: Vec<GrantChange>,
}

/// What becomes of one pending grant.
#[derive(Clone, Debug, PartialEq)]
pub struct GrantChange {
    /// The grant.
    pub grant_id: GrantId,
    /// Its new state.
    pub state: GrantState,
    /// Its limits.
    pub constraints: Option<Constraints>,
    /// Why, if something new is to be said.
    pub reason: Option<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// How often it may be used.
    pub uses: Option<Uses>,
}

/// Decides an answer.
pub fn decide(
    case: Case<'_>,
    approver: &Approver,
    answer: &Answer,
    now: Timestamp,
) -> Result<ApprovalDecision, ApprovalError> {
    case.approval.require_open(now)?;
    require_waiting(case, now)?;
    require_entitled(case, approver)?;
    match answer {
        Answer::Approve { choices, reason } => {
            approve(case, approver, choices, reason.as_deref(), now)
        }
        Answer::Deny { reason } => Ok(deny(case, approver, reason.as_deref(), now)),
    }
}

/// The agent still is in the state it asked in.
fn require_waiting(case: Case<'_>, now: Timestamp) -> Result<(), ApprovalError> {
    let expected = match case.approval.purpose {
        Purpose::Registration | Purpose::Reactivation => AgentStatus::Pending,
        Purpose::Capabilities => AgentStatus::Active,
    };
    let status = lifetime::state_at(case.agent, case.lifetime, now).status();
    if status == expected {
        Ok(())
    } else {
        Err(ApprovalError::AgentIs(status))
    }
}

fn require_entitled(case: Case<'_>, approver: &Approver) -> Result<(), ApprovalError> {
    let Approver::Person(person) = approver else {
        return Ok(());
    };
    if case.approval.approver == ApproverKind::Administrator || case.agent.mode == Mode::Autonomous
    {
        return Err(ApprovalError::AdministratorsOnly);
    }
    if matches!(case.approval.channel, Channel::Custom { .. }) {
        return Err(ApprovalError::AtTheDesk);
    }
    // A host belongs to one person; somebody else's approval does not move it (§2.9). What waits in an
    // inbox is for one person from the start (§7.2).
    let belongs_to = [case.host.user_id.as_ref(), case.approval.channel.user_id()];
    if belongs_to.into_iter().flatten().all(|one| one == person) {
        Ok(())
    } else {
        Err(ApprovalError::OtherPerson)
    }
}

fn approve(
    case: Case<'_>,
    approver: &Approver,
    choices: &[Choice],
    reason: Option<&str>,
    now: Timestamp,
) -> Result<ApprovalDecision, ApprovalError> {
    let chosen = |grant: &Grant| choices.iter().find(|choice| choice.grant_id == grant.id);
    let strange = |choice: &&Choice| !case.grants.iter().any(|grant| grant.id == choice.grant_id);
    if choices.iter().any(|choice| strange(&choice)) {
        return Err(ApprovalError::ForeignGrant);
    }
    let mut grants = Vec::with_capacity(case.grants.len());
    for grant in case.grants {
        grants.push(match chosen(grant) {
            Some(choice) => granted(grant, choice, approver, now)?,
            None => denied(grant, approver, reason),
        });
    }
    let agent = match case.approval.purpose {
        Purpose::Registration | Purpose::Reactivation => {
            Some(AgentState::Active { activated_at: now })
        }
        Purpose::Capabilities => None,
    };
    Ok(ApprovalDecision {
        approval: ApprovalState::Approved {
            by: approver.actor(),
            at: now,
        },
        agent,
        link: new_link(case, approver),
        activate_host: case.host.status == HostStatus::Pending,
        grants,
    })
}

/// Turning a registration down ends the agent; its host stays pending, so that another agent may ask.
fn deny(
    case: Case<'_>,
    approver: &Approver,
    reason: Option<&str>,
    now: Timestamp,
) -> ApprovalDecision {
    let agent = match case.approval.purpose {
        Purpose::Registration | Purpose::Reactivation => Some(case.agent.state.rejected()),
        Purpose::Capabilities => None,
    };
    ApprovalDecision {
        approval: ApprovalState::Denied {
            by: approver.actor(),
            at: now,
        },
        agent,
        link: None,
        activate_host: false,
        grants: case
            .grants
            .iter()
            .map(|grant| denied(grant, approver, reason))
            .collect(),
    }
}

fn new_link(case: Case<'_>, approver: &Approver) -> Option<UserId> {
    if case.host.user_id.is_some() || case.agent.mode == Mode::Autonomous {
        return None;
    }
    match approver {
        Approver::Person(id) => Some(id.clone()),
        Approver::Administrator { on_behalf_of, .. } => on_behalf_of.clone(),
    }
}

fn granted(
    grant: &Grant,
    choice: &Choice,
    approver: &Approver,
    now: Timestamp,
) -> Result<GrantChange, ApprovalError> {
    if choice.expires_at.is_some_and(|end| end <= now) {
        return Err(ApprovalError::EndsBeforeItBegins);
    }
    Ok(GrantChange {
        grant_id: grant.id.clone(),
        state: GrantState::Active {
            granted_by: approver.actor(),
        },
        // An approver can tighten what was asked, never widen it (§2.13).
        constraints: narrow(grant.constraints.as_ref(), choice.limits.as_ref())?,
        reason: grant.reason.clone(),
        // Neither is a bound that the grant came with moved out.
        expires_at: earlier(grant.expires_at, choice.expires_at),
        uses: fewer(grant.uses, choice.uses.map(Uses::of)),
    })
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

fn fewer(one: Option<Uses>, other: Option<Uses>) -> Option<Uses> {
    one.into_iter().chain(other).min_by_key(|uses| uses.left())
}

fn denied(grant: &Grant, approver: &Approver, reason: Option<&str>) -> GrantChange {
    GrantChange {
        grant_id: grant.id.clone(),
        state: GrantState::Denied {
            denied_by: approver.actor(),
        },
        constraints: grant.constraints.clone(),
        reason: reason.map(str::to_owned),
        expires_at: None,
        uses: None,
    }
}

/// Why an answer does not count. Shown to the approver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// Too late.
    #[error("This request has expired. The app can start a new one.")]
    Expired,
    /// Somebody was faster.
    #[error("This request has been answered already.")]
    AlreadyDecided,
    /// Replaced or without purpose.
    #[error("This request was cancelled, or replaced by a newer one.")]
    Cancelled,
    /// The agent moved on.
    #[error("The agent that asked is {0} by now.")]
    AgentIs(AgentStatus),
    /// The host belongs to somebody else.
    #[error("This app is connected to another person's account.")]
    OtherPerson,
    /// The agent acts for nobody.
    #[error("This agent acts on its own. An administrator has to approve it.")]
    AdministratorsOnly,
    /// The request goes another way.
    #[error("This request is answered by whoever runs the server.")]
    AtTheDesk,
    /// A choice names a grant of another request.
    #[error("The answer names a capability that this request does not ask for.")]
    ForeignGrant,
    /// A grant would be over at once.
    #[error("A grant has to end in the future.")]
    EndsBeforeItBegins,
    /// Nothing satisfies the chosen limits and those asked for.
    #[error("Nothing would be allowed: {0}.")]
    Contradiction(#[from] Contradiction),
}

#[cfg(test)]
mod tests;
