//! Removing what time has made useless (AAP §7.1, §10.9). Each call removes a bounded number of records, so
//! that other writers get their turn in between.

use async_trait::async_trait;
use procura_agent_auth::id::{AgentId, UserId};
use procura_keys::clock::Timestamp;

use crate::StoreResult;

/// Removal by age. Every function removes at most `limit` records, and never more than 1000, and says how many,
/// or which, it removed. Fewer than that means that none are left.
#[async_trait]
pub trait HousekeepingStore {
    /// Forgets tokens that no longer have to be remembered at `now`.
    async fn delete_forgotten(&mut self, now: Timestamp, limit: u32) -> StoreResult<u64>;
    /// Forgets sessions that had ended by `now`.
    async fn delete_expired_sessions(&mut self, now: Timestamp, limit: u32) -> StoreResult<u64>;
    /// Deletes agents that were registered before a moment and never activated, with their grants and
    /// requests. One with a request that can still be answered at `now` stays.
    async fn delete_stale_agents(
        &mut self,
        before: Timestamp,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<AgentId>>;
    /// Lets agents whose reactivation nobody can approve any more at `now` fall back to expired, if they have
    /// waited since before a moment. Their grants are the caller's to end.
    async fn expire_stale_reactivations(
        &mut self,
        before: Timestamp,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<AgentId>>;
    /// Deletes hosts that were first seen before a moment, never became active, and have no agents.
    async fn delete_stale_hosts(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
    /// Deletes requests for approval that could not be answered any more by a moment, unless a grant waits for
    /// one.
    async fn delete_old_approvals(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
    /// Deletes pending grants of agents that are not pending themselves, whose requests could not be answered
    /// any more by a moment.
    async fn delete_unanswered_grants(&mut self, before: Timestamp, limit: u32)
    -> StoreResult<u64>;
    /// Deletes denied, withdrawn and revoked grants of agents that have ended, if the grants last changed
    /// before a moment. Those of other agents stay: a decision binds for as long as the agent may return.
    async fn delete_ended_grants(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
    /// Deletes all requests for approval and all grants of the ended agents that acted for a person.
    async fn delete_requests_and_grants_of(&mut self, user: &UserId) -> StoreResult<()>;
    /// Notes that a person's activity has to be erased. Noting it twice is no error.
    async fn insert_due_erasure(&mut self, user: &UserId) -> StoreResult<()>;
    /// The persons whose activity has to be erased.
    async fn list_due_erasures(&mut self, limit: u32) -> StoreResult<Vec<UserId>>;
    /// Notes that a person's activity is erased.
    async fn delete_due_erasure(&mut self, user: &UserId) -> StoreResult<()>;
}
