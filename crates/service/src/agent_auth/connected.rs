//! What a person has connected: their apps, which the protocol calls hosts, and the agents of these.
//!
//! Whatever belongs to somebody else does not exist here, so that nobody can find out about it.

pub mod activity;
pub mod rename;
pub mod stop;

use procura_agent_auth::agent::{Agent, AgentStatus};
use procura_agent_auth::approval::Approval;
use procura_agent_auth::grant::Grant;
use procura_agent_auth::host::{Host, HostStatus};
use procura_agent_auth::id::{AgentId, HostId, UserId};
use procura_agent_auth::lifetime;
use procura_keys::clock::Timestamp;
use procura_people::limit::HeldTo;
use procura_store::search::{AgentSearch, HostSearch};
use procura_store::{Page, StoreError, Transaction};

use super::consent::user_id;
use super::held_to::held_to;
use crate::context::Context;
use crate::error::{ServiceError, ServiceResult};
use crate::people::SignedIn;

/// An app of a person.
#[derive(Clone, Debug)]
pub struct ConnectedApp {
    /// The record.
    pub host: Host,
    /// What the person calls it.
    pub label: Option<String>,
    /// Agents of it, newest first.
    pub agents: Vec<ConnectedAgent>,
    /// Whether it has more agents than these.
    pub has_more: bool,
}

/// An agent of a person.
#[derive(Clone, Debug)]
pub struct ConnectedAgent {
    /// The record.
    pub agent: Agent,
    /// What the person calls it.
    pub label: Option<String>,
    /// Where it stands now.
    pub status: AgentStatus,
    /// When it ends by itself, if it may act and nothing else happens.
    pub expires_at: Option<Timestamp>,
}

/// An agent of a person with all there is about it but what it did.
#[derive(Clone, Debug)]
pub struct AgentFile {
    /// The agent.
    pub own: ConnectedAgent,
    /// Its app.
    pub app: ConnectedApp,
    /// What it may do, might do once somebody agrees, or could do once.
    pub grants: Vec<HeldGrant>,
    /// What it waits for.
    pub requests: Vec<Approval>,
}

/// A grant, with what it means.
#[derive(Clone, Debug)]
pub struct HeldGrant {
    /// The record.
    pub grant: Grant,
    /// What its capability does, in the server's words. Empty when it is not offered any more.
    pub description: String,
    /// Its limits, each a sentence.
    pub limits: Vec<HeldTo>,
}

/// Why a person's request about their things is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ConnectedError {
    /// They have no such thing.
    #[error("There is no such app or agent among yours.")]
    Unknown,
    /// Refused by the rules, or broken.
    #[error(transparent)]
    Other(ServiceError),
}

impl<E: Into<ServiceError>> From<E> for ConnectedError {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

impl ConnectedError {
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Other(error) if error.is_conflict())
    }
}

/// A person's apps in this state, newest first, each with the newest of its agents that have not ended.
pub async fn list_apps(
    ctx: &Context,
    person: &SignedIn,
    status: HostStatus,
    page: Page<HostId>,
) -> ServiceResult<Vec<ConnectedApp>> {
    let user = user_id(person);
    let search = HostSearch {
        status: Some(status),
        user_id: Some(user.clone()),
        name: None,
    };
    let mut tx = ctx.read().await?;
    let mut apps = Vec::new();
    for host in tx.search_hosts(&search, page).await? {
        let mut live = Vec::new();
        for status in LIVE {
            live.extend(agents_of(tx.as_mut(), &host, Some(status), None, FEW + 1).await?);
        }
        live.sort_unstable_by(|one, other| other.id.cmp(&one.id));
        apps.push(app(ctx, tx.as_mut(), &user, host, live, FEW).await?);
    }
    Ok(apps)
}

/// One app of a person, with its agents after `before`, whatever their state.
pub async fn find_app(
    ctx: &Context,
    person: &SignedIn,
    id: &HostId,
    before: Option<AgentId>,
) -> Result<ConnectedApp, ConnectedError> {
    let user = user_id(person);
    let mut tx = ctx.read().await?;
    let host = own_host(tx.as_mut(), &user, id).await?;
    let agents = agents_of(tx.as_mut(), &host, None, before, MANY + 1).await?;
    Ok(app(ctx, tx.as_mut(), &user, host, agents, MANY).await?)
}

/// One agent of a person.
pub async fn find_agent(
    ctx: &Context,
    person: &SignedIn,
    id: &AgentId,
) -> Result<AgentFile, ConnectedError> {
    let user = user_id(person);
    let now = ctx.now();
    let mut tx = ctx.read().await?;
    let (agent, host) = own_agent(tx.as_mut(), &user, id).await?;
    let grants = tx.list_grants_by_agent(id).await?;
    let mut requests = tx.list_open_approvals_by_agent(id).await?;
    requests.retain(|request| now < request.expires_at);
    let own = connected(ctx, tx.as_mut(), &user, agent).await?;
    Ok(AgentFile {
        own,
        app: app(ctx, tx.as_mut(), &user, host, Vec::new(), 0).await?,
        grants: grants.into_iter().map(|grant| held(ctx, grant)).collect(),
        requests,
    })
}

/// The host with this identifier, which has to be linked to the person.
pub(super) async fn own_host(
    tx: &mut dyn Transaction,
    user: &UserId,
    id: &HostId,
) -> Result<Host, ConnectedError> {
    match tx.load_host(id).await {
        Ok(host) if host.user_id.as_ref() == Some(user) => Ok(host),
        Ok(_) | Err(StoreError::NotFound(_)) => Err(ConnectedError::Unknown),
        Err(error) => Err(error.into()),
    }
}

/// The agent with this identifier, which has to be the person's, and its host.
pub(super) async fn own_agent(
    tx: &mut dyn Transaction,
    user: &UserId,
    id: &AgentId,
) -> Result<(Agent, Host), ConnectedError> {
    let agent = tx.find_agent(id).await?.ok_or(ConnectedError::Unknown)?;
    let host = tx.load_host(&agent.host_id).await?;
    if is_own(&agent, &host, user) {
        Ok((agent, host))
    } else {
        Err(ConnectedError::Unknown)
    }
}

/// An agent belongs to whom it acts for, and to the person of its host when it acts for nobody: a host that
/// changed hands shows nothing of what it did for somebody else.
fn is_own(agent: &Agent, host: &Host, user: &UserId) -> bool {
    agent.user_id.as_ref().or(host.user_id.as_ref()) == Some(user)
}

async fn agents_of(
    tx: &mut dyn Transaction,
    host: &Host,
    status: Option<AgentStatus>,
    after: Option<AgentId>,
    limit: u32,
) -> ServiceResult<Vec<Agent>> {
    let search = AgentSearch {
        host_id: Some(host.id.clone()),
        status,
        ..AgentSearch::default()
    };
    Ok(tx.search_agents(&search, Page { after, limit }).await?)
}

async fn app(
    ctx: &Context,
    tx: &mut dyn Transaction,
    user: &UserId,
    host: Host,
    mut agents: Vec<Agent>,
    shown: u32,
) -> ServiceResult<ConnectedApp> {
    let shown = usize::try_from(shown).unwrap_or(usize::MAX);
    let has_more = agents.len() > shown;
    agents.truncate(shown);
    agents.retain(|agent| is_own(agent, &host, user));
    let label = tx.find_label(user, host.id.as_str()).await?;
    let mut own = Vec::new();
    for agent in agents {
        own.push(connected(ctx, tx, user, agent).await?);
    }
    Ok(ConnectedApp {
        host,
        label,
        agents: own,
        has_more,
    })
}

async fn connected(
    ctx: &Context,
    tx: &mut dyn Transaction,
    user: &UserId,
    agent: Agent,
) -> ServiceResult<ConnectedAgent> {
    let label = tx.find_label(user, agent.id.as_str()).await?;
    let policy = &ctx.policy().lifetime;
    let status = lifetime::state_at(&agent, policy, ctx.now()).status();
    let expires_at = match status {
        AgentStatus::Active => lifetime::expires_at(&agent, policy),
        _ => None,
    };
    Ok(ConnectedAgent {
        agent,
        label,
        status,
        expires_at,
    })
}

/// A grant, with what it means.
pub(crate) fn held(ctx: &Context, grant: Grant) -> HeldGrant {
    let catalogue = ctx.catalogue();
    let offered = catalogue.find(&grant.capability);
    HeldGrant {
        description: offered
            .map(|offered| offered.shown.description.clone())
            .unwrap_or_default(),
        limits: grant.constraints.as_ref().map(held_to).unwrap_or_default(),
        grant,
    }
}

/// The states of agents that have not ended.
const LIVE: [AgentStatus; 3] = [
    AgentStatus::Active,
    AgentStatus::Pending,
    AgentStatus::Expired,
];
/// How many agents of each app the list of apps shows.
const FEW: u32 = 4;
/// How many agents the page of an app shows at a time.
const MANY: u32 = 25;
