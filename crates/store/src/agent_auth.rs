//! Records of the Agent Auth Protocol.

use async_trait::async_trait;
use procura_agent_auth::agent::{Agent, AgentState, AgentStatus, Mode};
use procura_agent_auth::approval::{Approval, ApprovalState};
use procura_agent_auth::capability::{CapabilityName, Form};
use procura_agent_auth::constraint::Constraints;
use procura_agent_auth::grant::{Grant, GrantState, GrantStatus, Uses};
use procura_agent_auth::host::{Host, HostStatus};
use procura_agent_auth::id::{AgentId, ApprovalId, GrantId, HostId, UserId};
use procura_agent_auth::jwks::JwksUrl;
use procura_keys::clock::Timestamp;
use procura_keys::key::PublicKey;
use procura_keys::thumbprint::Thumbprint;

use crate::{Page, StoreResult};

/// Hosts. The thumbprint of a host's key is unique, and so is the URL of its keys, if it publishes them.
#[async_trait]
pub trait HostStore {
    /// Adds a host. `Conflict` when its key or its URL is known already.
    async fn insert_host(&mut self, host: &Host) -> StoreResult<()>;
    /// The host with this identifier, which has to exist.
    async fn load_host(&mut self, id: &HostId) -> StoreResult<Host>;
    /// The host whose current key has this thumbprint.
    async fn find_host_by_thumbprint(
        &mut self,
        thumbprint: &Thumbprint,
    ) -> StoreResult<Option<Host>>;
    /// The host that publishes its keys there.
    async fn find_host_by_jwks_url(&mut self, url: &JwksUrl) -> StoreResult<Option<Host>>;
    /// Hosts, oldest first.
    async fn list_hosts(&mut self, page: Page<HostId>) -> StoreResult<Vec<Host>>;
    /// Hosts linked to a person, oldest first.
    async fn list_hosts_by_user(&mut self, user: &UserId) -> StoreResult<Vec<Host>>;
    /// Carries out a transition. `Conflict` when the host is not in state `from` any more.
    async fn apply_host(&mut self, change: &HostChange) -> StoreResult<()>;
    /// Takes the person off a host. `Conflict` when it is not linked to `from` any more.
    async fn unlink_host(&mut self, id: &HostId, from: &UserId, at: Timestamp) -> StoreResult<()>;
    /// Puts a new key in place of the one with thumbprint `from`. `Conflict` when the host has
    /// another key by now, or another host has the new one.
    async fn rotate_host_key(
        &mut self,
        id: &HostId,
        from: &Thumbprint,
        to: &PublicKey,
        at: Timestamp,
    ) -> StoreResult<()>;
    /// Puts a newly published key in place of the one before, whose thumbprint stays known for a while.
    /// `Conflict` when the host has another key by now or publishes none, or another host has the new one.
    async fn adopt_host_key(&mut self, adoption: &KeyAdoption) -> StoreResult<()>;
    /// Notes when the host's key was last used and what its client calls it now, if it says so.
    /// Never moves time back; an unknown host is skipped.
    async fn touch_host(
        &mut self,
        id: &HostId,
        at: Timestamp,
        name: Option<&str>,
    ) -> StoreResult<()>;
}

/// A transition of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostChange {
    /// The host.
    pub id: HostId,
    /// The state it has to be in.
    pub from: HostStatus,
    /// The state it gets. Becoming active sets `activated_at`; staying active does not.
    pub to: HostStatus,
    /// The person it is linked to from now on; no change without one. `Conflict` when another one
    /// is.
    pub link: Option<UserId>,
    /// When.
    pub at: Timestamp,
}

/// A key that a host published and has begun to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAdoption {
    /// The host.
    pub id: HostId,
    /// The thumbprint of the key it has to have.
    pub from: Thumbprint,
    /// The key it gets.
    pub to: PublicKey,
    /// Until when the thumbprint of the old one is known.
    pub keep_until: Timestamp,
    /// When.
    pub at: Timestamp,
}

/// Agents. The pair of host and key thumbprint is unique.
#[async_trait]
pub trait AgentStore {
    /// Adds an agent. `Conflict` when its key is known under its host already.
    async fn insert_agent(&mut self, agent: &Agent) -> StoreResult<()>;
    /// The agent with this identifier.
    async fn find_agent(&mut self, id: &AgentId) -> StoreResult<Option<Agent>>;
    /// The agent of this host whose key has this thumbprint.
    async fn find_agent_by_key(
        &mut self,
        host: &HostId,
        key: &Thumbprint,
    ) -> StoreResult<Option<Agent>>;
    /// Agents that match, oldest first.
    async fn list_agents(
        &mut self,
        filter: &AgentFilter,
        page: Page<AgentId>,
    ) -> StoreResult<Vec<Agent>>;
    /// Carries out a transition. `Conflict` when the agent is not in state `from` any more.
    async fn apply_agent(&mut self, change: &AgentChange) -> StoreResult<()>;
    /// Puts a new key in place of the one with thumbprint `from`. `Conflict` when the agent has
    /// another key by now, or another agent of its host has the new one.
    async fn rotate_agent_key(
        &mut self,
        id: &AgentId,
        from: &Thumbprint,
        to: &PublicKey,
        at: Timestamp,
    ) -> StoreResult<()>;
    /// Notes when agents last made an authenticated request. Never moves time back; unknown agents
    /// are skipped.
    async fn touch_agents(&mut self, uses: &[(AgentId, Timestamp)]) -> StoreResult<()>;
    /// Ends every autonomous agent of a host that has acted and not ended yet as claimed, and sets its
    /// person (§2.10). Returns those that changed, oldest first.
    async fn claim_agents_of_host(
        &mut self,
        host: &HostId,
        user: &UserId,
        at: Timestamp,
    ) -> StoreResult<Vec<AgentId>>;
    /// Revokes every agent of a host that was made at `made` or before and has not ended yet. Returns
    /// those that changed, oldest first.
    async fn revoke_agents_made_by(
        &mut self,
        host: &HostId,
        made: Timestamp,
        at: Timestamp,
    ) -> StoreResult<Vec<AgentId>>;
    /// Revokes every agent of a host, of one mode or of both, that has not ended yet. Returns those
    /// that changed, oldest first.
    async fn revoke_agents_of_host(
        &mut self,
        host: &HostId,
        mode: Option<Mode>,
        at: Timestamp,
    ) -> StoreResult<Vec<AgentId>>;
}

/// Which agents to list. An empty filter lists all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentFilter {
    /// Of this host.
    pub host_id: Option<HostId>,
    /// In this stored state.
    pub status: Option<AgentStatus>,
}

/// A transition of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentChange {
    /// The agent.
    pub id: AgentId,
    /// The state it has to be in.
    pub from: AgentStatus,
    /// The state it gets.
    pub to: AgentState,
    /// The person it acts for from now on; no change without one.
    pub user_id: Option<UserId>,
    /// When.
    pub at: Timestamp,
}

/// Grants. An agent has at most one pending grant of a capability.
#[async_trait]
pub trait GrantStore {
    /// Adds a grant. `Conflict` when it is pending and the agent has a pending one of the same
    /// capability.
    async fn insert_grant(&mut self, grant: &Grant) -> StoreResult<()>;
    /// The grant with this identifier.
    async fn find_grant(&mut self, id: &GrantId) -> StoreResult<Option<Grant>>;
    /// All grants of an agent, in the order they were added.
    async fn list_grants_by_agent(&mut self, agent: &AgentId) -> StoreResult<Vec<Grant>>;
    /// The grants that wait for this decision, in the order they were added.
    async fn list_grants_by_approval(&mut self, approval: &ApprovalId) -> StoreResult<Vec<Grant>>;
    /// Carries out a transition. `Conflict` when the grant is not in state `from` any more, or when
    /// it would be the second pending one.
    async fn apply_grant(&mut self, change: &GrantUpdate) -> StoreResult<()>;
    /// Takes one of the uses of an active grant that has not ended by `now`. Returns how many are left.
    /// `Conflict` when there is none to take.
    async fn take_use(&mut self, id: &GrantId, now: Timestamp) -> StoreResult<u32>;
    /// Active grants of a capability that are for another form of it than this one, in the order of their
    /// identifiers.
    async fn list_outdated_grants(
        &mut self,
        capability: &CapabilityName,
        form: Form,
        page: Page<GrantId>,
    ) -> StoreResult<Vec<Grant>>;
    /// Moves the pending grants of one approval request to another.
    async fn move_grants(
        &mut self,
        from: &ApprovalId,
        to: &ApprovalId,
        at: Timestamp,
    ) -> StoreResult<()>;
    /// Takes back every active or pending grant of these agents.
    async fn revoke_grants_of_agents(
        &mut self,
        agents: &[AgentId],
        at: Timestamp,
    ) -> StoreResult<()>;
}

/// A transition of a grant.
#[derive(Clone, Debug, PartialEq)]
pub struct GrantUpdate {
    /// The grant.
    pub id: GrantId,
    /// The state it has to be in.
    pub from: GrantStatus,
    /// The state it gets.
    pub to: GrantState,
    /// Its limits from now on.
    pub constraints: Option<Constraints>,
    /// Its reason from now on.
    pub reason: Option<String>,
    /// Its end from now on.
    pub expires_at: Option<Timestamp>,
    /// How often it may be used from now on.
    pub uses: Option<Uses>,
    /// What it is good for from now on.
    pub form: Option<Form>,
    /// When.
    pub at: Timestamp,
}

/// Requests for approval. The digest of a user code is unique, and so is that of a notification URL.
#[async_trait]
pub trait ApprovalStore {
    /// Adds a request. `Conflict` when its code or its notification URL is taken.
    async fn insert_approval(&mut self, approval: &Approval) -> StoreResult<()>;
    /// The request with this identifier.
    async fn find_approval(&mut self, id: &ApprovalId) -> StoreResult<Option<Approval>>;
    /// The request whose user code has this digest.
    async fn find_approval_by_code(&mut self, digest: &[u8; 32]) -> StoreResult<Option<Approval>>;
    /// The request whose notification URL has a secret part with this digest.
    async fn find_approval_by_notification(
        &mut self,
        digest: &[u8; 32],
    ) -> StoreResult<Option<Approval>>;
    /// Requests in a person's inbox that can still be answered at `now`, newest first.
    async fn list_inbox(&mut self, user: &UserId, now: Timestamp) -> StoreResult<Vec<Approval>>;
    /// Open requests of an agent, oldest first.
    async fn list_open_approvals_by_agent(&mut self, agent: &AgentId)
    -> StoreResult<Vec<Approval>>;
    /// Requests that can still be answered at `now`, oldest first.
    async fn list_open_approvals(
        &mut self,
        now: Timestamp,
        page: Page<ApprovalId>,
    ) -> StoreResult<Vec<Approval>>;
    /// Answers or cancels an open request. `Conflict` when it is not open any more.
    async fn close_approval(&mut self, id: &ApprovalId, to: &ApprovalState) -> StoreResult<()>;
    /// Cancels every open request of these agents.
    async fn cancel_approvals_of_agents(&mut self, agents: &[AgentId]) -> StoreResult<()>;
}
