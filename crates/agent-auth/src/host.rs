//! Hosts: the environments agents run in (§2.7–§2.11, §3.1).

use std::fmt;

use procura_keys::clock::Timestamp;
use procura_keys::key::PublicKey;
use procura_keys::thumbprint::Thumbprint;
use serde::{Deserialize, Serialize};

use crate::capability::CapabilityName;
use crate::id::{HostId, UserId};
use crate::jwks::JwksUrl;
use crate::refusal::Refusal;

/// A host record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its identifier; unaffected by key changes.
    pub id: HostId,
    /// A display name its client chose. Never used for decisions.
    pub name: Option<String>,
    /// The key that signs its tokens. Of a host that publishes its keys, the latest one it was seen to use:
    /// that one names the host, and what it signs is judged by the set as it is now.
    pub public_key: PublicKey,
    /// Where it publishes its keys. Fixed at registration, as is its absence (§8.7).
    pub jwks: Option<HostJwks>,
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

    /// Whether `issuer` is the identifier that a key change took from this host a moment ago (§8.7).
    pub fn was_lately(&self, issuer: &str, now: Timestamp) -> bool {
        let previous = self.jwks.as_ref().and_then(|jwks| jwks.previous.as_ref());
        previous
            .is_some_and(|previous| previous.thumbprint.as_str() == issuer && now < previous.until)
    }
}

/// How a host publishes its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostJwks {
    /// Where. It identifies the host across key changes.
    pub url: JwksUrl,
    /// The identifier before the latest key change.
    pub previous: Option<PreviousKey>,
}

/// An identifier that is still good for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousKey {
    /// The thumbprint of the key.
    pub thumbprint: Thumbprint,
    /// When it stops being good.
    pub until: Timestamp,
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
    use crate::fixtures::{self, NOW, agent_key, host_key, seconds};

    // AA-8.7-04
    #[test]
    fn a_published_key_names_its_host_for_a_while_after_a_change() {
        let old = Thumbprint::of(agent_key().public());
        let mut host = fixtures::host();
        assert!(!host.was_lately(old.as_str(), NOW));
        let previous = PreviousKey {
            thumbprint: old.clone(),
            until: NOW.plus(seconds(300)),
        };
        host.jwks = Some(HostJwks {
            url: "https://keys.example/host".parse().unwrap(),
            previous: Some(previous),
        });
        assert!(host.was_lately(old.as_str(), NOW.plus(seconds(299))));
        assert!(!host.was_lately(old.as_str(), NOW.plus(seconds(300))));
        let other = Thumbprint::of(host_key().public());
        assert!(!host.was_lately(other.as_str(), NOW));
    }

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
