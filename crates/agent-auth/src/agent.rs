//! Agents: the runtime actors that act under a host (§2.1–§2.6, §3.2).

use std::fmt;

use procura_keys::clock::Timestamp;
use procura_keys::jwk_set::{JwkSet, KeyName};
use procura_keys::key::PublicKey;
use procura_keys::thumbprint::Thumbprint;
use serde::{Deserialize, Serialize};

use crate::id::{AgentId, HostId, UserId};
use crate::jwks::JwksUrl;
use crate::refusal::Refusal;

/// An agent record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its identifier.
    pub id: AgentId,
    /// The host it runs under.
    pub host_id: HostId,
    /// The person it acts for.
    pub user_id: Option<UserId>,
    /// A display name its client chose. Never used for decisions.
    pub name: String,
    /// How it was registered; never changes.
    pub mode: Mode,
    /// The key that signs its tokens. Of an agent that publishes its keys, the one it was registered with.
    pub public_key: PublicKey,
    /// Where it publishes its keys. Fixed at registration, as is its absence.
    pub jwks: Option<AgentJwks>,
    /// Where it stood when last written. [`lifetime::state_at`](crate::lifetime::state_at) says where it
    /// stands now.
    pub state: AgentState,
    /// When it last made an authenticated request.
    pub last_used_at: Option<Timestamp>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When the record last changed.
    pub updated_at: Timestamp,
}

impl Agent {
    /// Under which name registration recognises the agent's key.
    pub fn thumbprint(&self) -> Thumbprint {
        Thumbprint::of(&self.public_key)
    }
}

/// How an agent publishes its keys. The set is the agent's own: every usable key in it signs for the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentJwks {
    /// Where.
    pub url: JwksUrl,
    /// The key to use when a token names none that is in the set.
    pub kid: String,
}

impl AgentJwks {
    /// The key of `set` that a token with this `kid` in its header has to be signed with. The specification is
    /// silent about that member, so it is believed if it names a key and ignored otherwise.
    pub fn key<'a>(&self, set: &'a JwkSet, kid: Option<&str>) -> Option<&'a PublicKey> {
        let named = kid.and_then(|kid| set.find(KeyName::Kid(kid)));
        named.or_else(|| set.find(KeyName::Kid(&self.kid)))
    }
}

/// How an agent was registered (§2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// For a person, who decides what it may do.
    Delegated,
    /// Without a person; policy or an administrator decides.
    Autonomous,
}

impl Mode {
    /// The wire and storage form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delegated => "delegated",
            Self::Autonomous => "autonomous",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where an agent stands, with the one fact that outlives a state: when it was last activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentState {
    /// Waiting for approval, for the first time or after expiry.
    Pending {
        /// Set when it was active before.
        activated_at: Option<Timestamp>,
        /// When an agent that was active before falls back to expired, because nobody answered.
        until: Option<Timestamp>,
    },
    /// May act.
    Active {
        /// The start of its maximum lifetime.
        activated_at: Timestamp,
    },
    /// Ran out of its session or maximum lifetime; may be reactivated.
    Expired {
        /// The start of the lifetime that ended.
        activated_at: Timestamp,
    },
    /// Stopped for good.
    Revoked {
        /// Absent when it never became active.
        activated_at: Option<Timestamp>,
    },
    /// Turned down for good.
    Rejected {
        /// Set when a reactivation was turned down.
        activated_at: Option<Timestamp>,
    },
    /// An autonomous agent whose host was linked to a person; ended.
    Claimed {
        /// When it had become active.
        activated_at: Timestamp,
    },
}

impl AgentState {
    /// Pending for the first time.
    pub const NEW: Self = Self::Pending {
        activated_at: None,
        until: None,
    };

    /// Puts a stored state together; `None` for a mix that cannot be. A pending one gets its end from
    /// [`waiting_until`](Self::waiting_until).
    pub fn from_parts(status: AgentStatus, activated_at: Option<Timestamp>) -> Option<Self> {
        Some(match status {
            AgentStatus::Pending => Self::Pending {
                activated_at,
                until: None,
            },
            AgentStatus::Active => Self::Active {
                activated_at: activated_at?,
            },
            AgentStatus::Expired => Self::Expired {
                activated_at: activated_at?,
            },
            AgentStatus::Revoked => Self::Revoked { activated_at },
            AgentStatus::Rejected => Self::Rejected { activated_at },
            AgentStatus::Claimed => Self::Claimed {
                activated_at: activated_at?,
            },
        })
    }

    /// The state's name.
    pub fn status(self) -> AgentStatus {
        match self {
            Self::Pending { .. } => AgentStatus::Pending,
            Self::Active { .. } => AgentStatus::Active,
            Self::Expired { .. } => AgentStatus::Expired,
            Self::Revoked { .. } => AgentStatus::Revoked,
            Self::Rejected { .. } => AgentStatus::Rejected,
            Self::Claimed { .. } => AgentStatus::Claimed,
        }
    }

    /// When the agent last became active.
    pub fn activated_at(self) -> Option<Timestamp> {
        match self {
            Self::Pending { activated_at, .. }
            | Self::Revoked { activated_at }
            | Self::Rejected { activated_at } => activated_at,
            Self::Active { activated_at }
            | Self::Expired { activated_at }
            | Self::Claimed { activated_at } => Some(activated_at),
        }
    }

    /// When a pending agent falls back to expired, if it does.
    pub fn pending_until(self) -> Option<Timestamp> {
        match self {
            Self::Pending { until, .. } => until,
            _ => None,
        }
    }

    /// This state, waiting for an answer until then if it is pending after it was active. A new agent has
    /// nothing to fall back to.
    #[must_use]
    pub fn waiting_until(self, end: Option<Timestamp>) -> Self {
        match self {
            Self::Pending {
                activated_at: Some(at),
                ..
            } => Self::Pending {
                activated_at: Some(at),
                until: end,
            },
            other => other,
        }
    }

    /// This state, stopped for good.
    #[must_use]
    pub fn revoked(self) -> Self {
        Self::Revoked {
            activated_at: self.activated_at(),
        }
    }

    /// This state, turned down for good.
    #[must_use]
    pub fn rejected(self) -> Self {
        Self::Rejected {
            activated_at: self.activated_at(),
        }
    }
}

/// The names of the states (§2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentStatus {
    /// Waiting for approval.
    Pending,
    /// May act.
    Active,
    /// Ran out of time; may be reactivated.
    Expired,
    /// Stopped for good.
    Revoked,
    /// Turned down for good.
    Rejected,
    /// Taken over by a person; ended.
    Claimed,
}

impl AgentStatus {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Active,
        Self::Expired,
        Self::Revoked,
        Self::Rejected,
        Self::Claimed,
    ];

    /// The wire and storage form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Rejected => "rejected",
            Self::Claimed => "claimed",
        }
    }

    /// Whether an agent may go from this state to `next`.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            // Withdrawn, decided, or never answered or claimed after a reactivation.
            Self::Pending => next != Self::Pending,
            Self::Active => matches!(next, Self::Expired | Self::Revoked | Self::Claimed),
            Self::Expired => matches!(
                next,
                Self::Active | Self::Pending | Self::Revoked | Self::Claimed
            ),
            Self::Revoked | Self::Rejected | Self::Claimed => false,
        }
    }

    /// The refusal that every call of an agent in this state meets; `Ok` for an active agent.
    pub fn require_active(self) -> Result<(), Refusal> {
        match self {
            Self::Active => Ok(()),
            Self::Pending => Err(Refusal::AgentPending),
            Self::Expired => Err(Refusal::AgentExpired),
            Self::Revoked => Err(Refusal::AgentRevoked),
            Self::Rejected => Err(Refusal::AgentRejected),
            Self::Claimed => Err(Refusal::AgentClaimed),
        }
    }
}

impl fmt::Display for AgentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Decides a revocation (§5.7): the new state, or `None` when the agent is revoked already.
pub fn decide_revocation(state: AgentState) -> Result<Option<AgentState>, Refusal> {
    match state {
        AgentState::Revoked { .. } => Ok(None),
        AgentState::Rejected { .. } => Err(Refusal::AgentRejected),
        AgentState::Claimed { .. } => Err(Refusal::AgentClaimed),
        AgentState::Pending { .. } | AgentState::Active { .. } | AgentState::Expired { .. } => {
            Ok(Some(state.revoked()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // AA-2.3-01, AA-2.3-04, AA-2.10-05
    #[test]
    fn revoked_rejected_and_claimed_are_final() {
        for ended in [
            AgentStatus::Revoked,
            AgentStatus::Rejected,
            AgentStatus::Claimed,
        ] {
            for next in AgentStatus::ALL {
                assert!(!ended.may_become(next), "{ended} -> {next}");
            }
        }
    }

    // AA-2.3-02, AA-2.3-03, AA-2.3-05
    #[test]
    fn only_an_active_agent_may_call() {
        let codes = AgentStatus::ALL.map(|status| status.require_active().err());
        assert_eq!(
            codes,
            [
                Some(Refusal::AgentPending),
                None,
                Some(Refusal::AgentExpired),
                Some(Refusal::AgentRevoked),
                Some(Refusal::AgentRejected),
                Some(Refusal::AgentClaimed),
            ]
        );
    }

    #[test]
    fn a_state_without_its_fact_is_not_loaded() {
        for status in [
            AgentStatus::Active,
            AgentStatus::Expired,
            AgentStatus::Claimed,
        ] {
            assert_eq!(AgentState::from_parts(status, None), None);
        }
        for status in AgentStatus::ALL {
            let at = Timestamp::from_millis(7);
            let state = AgentState::from_parts(status, Some(at)).unwrap();
            assert_eq!((state.status(), state.activated_at()), (status, Some(at)));
        }
    }

    // AA-5.7-01
    #[test]
    fn revoking_twice_changes_nothing_and_other_ends_are_refused() {
        let at = Timestamp::from_millis(7);
        let active = AgentState::Active { activated_at: at };
        let revoked = AgentState::Revoked {
            activated_at: Some(at),
        };
        assert_eq!(decide_revocation(active), Ok(Some(revoked)));
        assert_eq!(decide_revocation(revoked), Ok(None));
        let rejected = AgentState::Rejected { activated_at: None };
        assert_eq!(decide_revocation(rejected), Err(Refusal::AgentRejected));
        let claimed = AgentState::Claimed { activated_at: at };
        assert_eq!(decide_revocation(claimed), Err(Refusal::AgentClaimed));
    }
}
