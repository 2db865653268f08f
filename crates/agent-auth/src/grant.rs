//! Grants: what one agent may do, and who said so (§3.3).

use std::fmt;
use std::num::NonZeroU32;

use procura_keys::clock::Timestamp;

use crate::capability::{CapabilityName, Form};
use crate::constraint::Constraints;
use crate::id::{AgentId, ApprovalId, GrantId, UserId};

/// A grant record.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Its identifier.
    pub id: GrantId,
    /// The agent it is for.
    pub agent_id: AgentId,
    /// What it is for.
    pub capability: CapabilityName,
    /// Limits on the arguments; proposed while pending, effective once active.
    pub constraints: Option<Constraints>,
    /// Where it stands.
    pub state: GrantState,
    /// Why it was asked for, or why it was denied.
    pub reason: Option<String>,
    /// When it ends, apart from the agent's own lifetime.
    pub expires_at: Option<Timestamp>,
    /// How often it may be used; without end when absent.
    pub uses: Option<Uses>,
    /// What the capability was when it was granted. The grant is good for that and nothing else.
    pub form: Option<Form>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When the record last changed. Taking one of its uses does not count as a change.
    pub updated_at: Timestamp,
}

impl Grant {
    /// Whether the grant counts at `now` (§3.3).
    pub fn is_effective(&self, now: Timestamp) -> bool {
        matches!(self.state, GrantState::Active { .. })
            && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether the grant counts at `now` and is not used up.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.is_effective(now) && self.uses.is_none_or(|uses| uses.left > 0)
    }
}

/// How often a grant may be used, and how often it still may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uses {
    allowed: NonZeroU32,
    left: u32,
}

impl Uses {
    /// So many, none of them taken.
    pub fn of(allowed: NonZeroU32) -> Self {
        Self {
            allowed,
            left: allowed.get(),
        }
    }

    /// Puts stored numbers together; `None` for a mix that cannot be.
    pub fn from_parts(allowed: u32, left: u32) -> Option<Self> {
        let allowed = NonZeroU32::new(allowed)?;
        (left <= allowed.get()).then_some(Self { allowed, left })
    }

    /// How many there were.
    pub fn allowed(self) -> u32 {
        self.allowed.get()
    }

    /// How many there still are.
    pub fn left(self) -> u32 {
        self.left
    }

    /// The same with one taken; `None` when none is left.
    #[must_use]
    pub fn taken(self) -> Option<Self> {
        let left = self.left.checked_sub(1)?;
        Some(Self { left, ..self })
    }
}

/// Where a grant stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantState {
    /// Waiting for the decision on an approval request.
    Pending {
        /// The request that carries it.
        approval_id: ApprovalId,
    },
    /// May be used.
    Active {
        /// Who granted it.
        granted_by: Actor,
    },
    /// Turned down.
    Denied {
        /// Who turned it down.
        denied_by: Actor,
    },
    /// Taken back from this agent by somebody's decision. Never shown on the wire, and not undone by
    /// policy: a default that was withdrawn does not come back by itself.
    Withdrawn {
        /// Who took it back.
        withdrawn_by: Actor,
    },
    /// Ended together with something else: its agent, its request, or the lifetime before a
    /// reactivation. Never shown on the wire.
    Revoked,
}

impl GrantState {
    /// The state's name.
    pub fn status(&self) -> GrantStatus {
        match self {
            Self::Pending { .. } => GrantStatus::Pending,
            Self::Active { .. } => GrantStatus::Active,
            Self::Denied { .. } => GrantStatus::Denied,
            Self::Withdrawn { .. } => GrantStatus::Withdrawn,
            Self::Revoked => GrantStatus::Revoked,
        }
    }
}

/// The names of the states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GrantStatus {
    /// Waiting for a decision.
    Pending,
    /// May be used.
    Active,
    /// Turned down.
    Denied,
    /// Taken back by a decision.
    Withdrawn,
    /// Ended together with something else.
    Revoked,
}

impl GrantStatus {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Active,
        Self::Denied,
        Self::Withdrawn,
        Self::Revoked,
    ];

    /// The wire and storage form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Denied => "denied",
            Self::Withdrawn => "withdrawn",
            Self::Revoked => "revoked",
        }
    }
}

/// Who decided: a person, an administrator, or the server's policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person with an account.
    User(UserId),
    /// Somebody who runs the server, by the name the server knows.
    Administrator(String),
    /// The server's configured policy.
    Policy,
}

impl Actor {
    /// The form that says the kind too, for storage and the audit log.
    pub fn to_record(&self) -> String {
        match self {
            Self::User(id) => format!("user:{id}"),
            Self::Administrator(name) => format!("administrator:{name}"),
            Self::Policy => "policy".to_owned(),
        }
    }

    /// Reads [`to_record`](Self::to_record) back.
    pub fn from_record(text: &str) -> Option<Self> {
        match text.split_once(':') {
            Some(("user", id)) => Some(Self::User(UserId(id.to_owned()))),
            Some(("administrator", name)) => Some(Self::Administrator(name.to_owned())),
            None if text == "policy" => Some(Self::Policy),
            _ => None,
        }
    }
}

/// The wire form of `granted_by` (§5.5): a user's identifier, or the kind of system actor.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "{id}"),
            Self::Administrator(_) => f.write_str("administrator"),
            Self::Policy => f.write_str("policy"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // AA-3.3-08
    #[test]
    fn only_active_grants_before_their_end_count() {
        let at = Timestamp::from_millis;
        let mut grant = Grant {
            id: GrantId::new(at(0), [0; 10]),
            agent_id: AgentId::new(at(0), [0; 10]),
            capability: "echo".parse().unwrap(),
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
        };
        assert!(grant.is_effective(at(10)));
        grant.expires_at = Some(at(10));
        assert!(grant.is_effective(at(9)));
        assert!(!grant.is_effective(at(10)));
        grant.expires_at = None;
        for state in [
            GrantState::Pending {
                approval_id: ApprovalId::new(at(0), [0; 10]),
            },
            GrantState::Denied {
                denied_by: Actor::Policy,
            },
            GrantState::Withdrawn {
                withdrawn_by: Actor::Policy,
            },
            GrantState::Revoked,
        ] {
            grant.state = state;
            assert!(!grant.is_effective(at(10)));
        }
    }

    #[test]
    fn uses_run_out_and_a_grant_without_any_left_is_not_usable() {
        let two = Uses::of(NonZeroU32::new(2).unwrap());
        let one = two.taken().unwrap();
        let none = one.taken().unwrap();
        assert_eq!((two.left(), one.left(), none.left()), (2, 1, 0));
        assert_eq!(none.allowed(), 2);
        assert_eq!(none.taken(), None);
        let grant = |uses| Grant {
            uses,
            ..crate::fixtures::grant(1, "pay", &serde_json::json!({}))
        };
        let now = crate::fixtures::NOW;
        for (uses, expected) in [(None, true), (Some(one), true), (Some(none), false)] {
            assert_eq!(grant(uses).is_usable(now), expected, "{uses:?}");
            assert!(grant(uses).is_effective(now), "{uses:?}");
        }
    }

    #[test]
    fn stored_uses_have_to_make_sense() {
        for (allowed, left, expected) in [(3, 3, true), (3, 0, true), (3, 4, false), (0, 0, false)]
        {
            assert_eq!(Uses::from_parts(allowed, left).is_some(), expected);
        }
    }

    #[test]
    fn an_actor_reads_back_from_its_record() {
        let actors = [
            Actor::User(UserId("usr_1:x".into())),
            Actor::Administrator("root".into()),
            Actor::Policy,
        ];
        for actor in actors {
            assert_eq!(Actor::from_record(&actor.to_record()), Some(actor));
        }
        assert_eq!(Actor::from_record("somebody"), None);
    }
}
