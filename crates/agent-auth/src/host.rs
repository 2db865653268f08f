//! Hosts: the environments agents run in (§2.7–§2.11, §3.1).

use std::fmt;

use procura_keys::clock::Timestamp;
use procura_keys::key::PublicKey;
use procura_keys::thumbprint::Thumbprint;
use serde::{Deserialize, Serialize};

use crate::capability::CapabilityName;
use crate::id::{HostId, UserId};
use crate::refusal::Refusal;

/// A host record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its identifier; unaffected by key changes.
    pub id: HostId,
    /// A display name its client chose. Never used for decisions.
    pub name: Option<String>,
    /// The key that signs its tokens.
    pub public_key: PublicKey,
    /// The person it is linked to.
    pub user_id: Option<UserId>,
    /// Capabilities its agents get without anybody's approval.
    pub default_capabilities: Vec<CapabilityName>,
    /// Where it stands.
    pub status: HostStatus,
    /// When it last became active.
    pub activated_at: Option<Timestamp>,
    /// When its key was last used.
    pub last_used_at: Option<Timestamp>,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// When the record last changed.
    pub updated_at: Timestamp,
}

impl Host {
    /// The `iss` of everything this host and its agents sign.
    pub fn thumbprint(&self) -> Thumbprint {
        Thumbprint::of(&self.public_key)
    }
}

/// The states of a host (§2.11). `Revoked` and `Rejected` are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostStatus {
    /// Awaiting its first approval.
    Pending,
    /// Operational.
    Active,
    /// Disabled for good.
    Revoked,
    /// Turned down for good.
    Rejected,
}

impl HostStatus {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Active, Self::Revoked, Self::Rejected];

    /// The wire and storage form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Revoked => "revoked",
            Self::Rejected => "rejected",
        }
    }

    /// Whether a host may go from this state to `next`.
    pub fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Pending, Self::Active | Self::Revoked | Self::Rejected)
                | (Self::Active, Self::Revoked)
        )
    }

    /// The refusal that every use of a host in this state meets; `Ok` for an active host.
    pub fn require_active(self) -> Result<(), Refusal> {
        match self {
            Self::Active => Ok(()),
            Self::Pending => Err(Refusal::HostPending),
            Self::Revoked => Err(Refusal::HostRevoked),
            Self::Rejected => Err(Refusal::HostRejected),
        }
    }

    /// As [`require_active`](Self::require_active), but a pending host passes: it may register agents, poll
    /// their status and withdraw them while it waits (§4.5.1 step 8).
    pub fn require_not_ended(self) -> Result<(), Refusal> {
        match self {
            Self::Pending => Ok(()),
            _ => self.require_active(),
        }
    }
}

impl fmt::Display for HostStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // AA-2.11-01, AA-2.11-03
    #[test]
    fn ended_hosts_stay_ended() {
        for ended in [HostStatus::Revoked, HostStatus::Rejected] {
            for next in HostStatus::ALL {
                assert!(!ended.may_become(next));
            }
            assert!(ended.require_not_ended().is_err());
        }
        assert_eq!(
            HostStatus::Revoked.require_active(),
            Err(Refusal::HostRevoked)
        );
    }

    // AA-4.5.1-07
    #[test]
    fn a_pending_host_waits_but_does_not_work() {
        assert_eq!(
            HostStatus::Pending.require_active(),
            Err(Refusal::HostPending)
        );
        assert_eq!(HostStatus::Pending.require_not_ended(), Ok(()));
    }
}
