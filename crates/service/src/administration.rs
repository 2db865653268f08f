//! What administrators see in their browser. Everything here takes an [`Administrator`], which only a person with
//! that role can become.

use procura_agent_auth::agent::{Agent, AgentStatus};
use procura_agent_auth::capability::CapabilityName;
use procura_agent_auth::host::Host;
use procura_agent_auth::id::{AgentId, GrantId, HostId, NoticeId, UserId};
use procura_agent_auth::lifetime;
use procura_agent_auth::notice::Notice;
use procura_people::person::{Email, Person, PersonId};
use procura_store::audit::AuditRecord;
use procura_store::search::{AgentSearch, AuditSearch, HostSearch};
use procura_store::{Page, StoreError, Transaction};

use crate::admin::{self, AdminCall, AdminReply, AdminRequest};
use crate::agent_auth::connected::{HeldGrant, held};
use crate::audit::{self, Verification};
use crate::context::Context;
use crate::error::ServiceResult;
use crate::people::SignedIn;

/// A person who has been found to be an administrator.
#[derive(Clone, Debug)]
pub struct Administrator(SignedIn);

impl Administrator {
    /// The person as an administrator, if they are one.
    pub fn of(person: &SignedIn) -> Option<Self> {
        person.person.administrator.then(|| Self(person.clone()))
    }

    /// The person.
    pub fn person(&self) -> &SignedIn {
        &self.0
    }
}

/// An agent as administrators see it.
#[derive(Clone, Debug)]
pub struct ListedAgent {
    /// The record.
    pub agent: Agent,
    /// Where it stands now.
    pub status: AgentStatus,
    /// The app it runs in.
    pub host: Host,
    /// Whom it acts for.
    pub person: Option<Person>,
}

/// An app as administrators see it.
#[derive(Clone, Debug)]
pub struct ListedApp {
    /// The record.
    pub host: Host,
    /// Whom it belongs to.
    pub person: Option<Person>,
}

/// Who holds a capability.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The grant.
    pub held: HeldGrant,
    /// The agent that has it.
    pub agent: ListedAgent,
}

/// People whose address begins like this, in the order of their addresses.
pub async fn search_people(
    ctx: &Context,
    _: &Administrator,
    prefix: &str,
    page: Page<Email>,
) -> ServiceResult<Vec<Person>> {
    let prefix = prefix.to_lowercase();
    Ok(ctx.read().await?.search_persons(&prefix, page).await?)
}

/// The person with this address.
pub async fn find_person(
    ctx: &Context,
    _: &Administrator,
    email: &Email,
) -> ServiceResult<Option<Person>> {
    Ok(ctx.read().await?.find_person_by_email(email).await?)
}

/// Notices, newest first, with what became of them.
pub async fn list_notices(
    ctx: &Context,
    _: &Administrator,
    page: Page<NoticeId>,
) -> ServiceResult<Vec<Notice>> {
    Ok(ctx.read().await?.list_notices(page).await?)
}

/// Agents that match.
pub async fn search_agents(
    ctx: &Context,
    _: &Administrator,
    search: &AgentSearch,
    page: Page<AgentId>,
) -> ServiceResult<Vec<ListedAgent>> {
    let mut tx = ctx.read().await?;
    let mut listed = Vec::new();
    for agent in tx.search_agents(search, page).await? {
        listed.push(listed_agent(ctx, tx.as_mut(), agent).await?);
    }
    Ok(listed)
}

/// One agent with its grants.
pub async fn find_agent(
    ctx: &Context,
    _: &Administrator,
    id: &AgentId,
) -> ServiceResult<Option<(ListedAgent, Vec<HeldGrant>)>> {
    let mut tx = ctx.read().await?;
    let Some(agent) = tx.find_agent(id).await? else {
        return Ok(None);
    };
    let grants = tx.list_grants_by_agent(id).await?;
    let agent = listed_agent(ctx, tx.as_mut(), agent).await?;
    let grants = grants.into_iter().map(|grant| held(ctx, grant)).collect();
    Ok(Some((agent, grants)))
}

/// Apps that match.
pub async fn search_apps(
    ctx: &Context,
    _: &Administrator,
    search: &HostSearch,
    page: Page<HostId>,
) -> ServiceResult<Vec<ListedApp>> {
    let mut tx = ctx.read().await?;
    let mut listed = Vec::new();
    for host in tx.search_hosts(search, page).await? {
        listed.push(listed_app(tx.as_mut(), host).await?);
    }
    Ok(listed)
}

/// One app.
pub async fn find_app(
    ctx: &Context,
    _: &Administrator,
    id: &HostId,
) -> ServiceResult<Option<ListedApp>> {
    let mut tx = ctx.read().await?;
    match tx.load_host(id).await {
        Ok(host) => Ok(Some(listed_app(tx.as_mut(), host).await?)),
        Err(StoreError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Agents that hold a capability, the newest grants first.
pub async fn list_holders(
    ctx: &Context,
    _: &Administrator,
    capability: &CapabilityName,
    page: Page<GrantId>,
) -> ServiceResult<Vec<Holder>> {
    let mut tx = ctx.read().await?;
    let mut holders = Vec::new();
    for grant in tx.list_holders(capability, page).await? {
        let Some(agent) = tx.find_agent(&grant.agent_id).await? else {
            continue;
        };
        holders.push(Holder {
            held: held(ctx, grant),
            agent: listed_agent(ctx, tx.as_mut(), agent).await?,
        });
    }
    Ok(holders)
}

/// A part of the audit log, newest first.
#[derive(Clone, Debug)]
pub struct LogPage {
    /// The records that match.
    pub records: Vec<AuditRecord>,
    /// Where to go on, if there is more to look through.
    pub before: Option<i64>,
}

/// Records that match, before a place. Where no index leads to them, a part of the log is looked through, so
/// that a page may have fewer records than there is room for while more are further back.
pub async fn search_log(
    ctx: &Context,
    _: &Administrator,
    search: &AuditSearch,
    before: Option<i64>,
    limit: u32,
) -> ServiceResult<LogPage> {
    ctx.journal().settle().await?;
    let mut tx = ctx.read().await?;
    let newest = tx.list_last_audit(1).await?;
    let newest = newest.last().map_or(0, |record| record.sequence);
    let end = before.map_or(newest + 1, |before| before.min(newest + 1));
    let start = if search.is_indexed() {
        1
    } else {
        end.saturating_sub(LOOKED_THROUGH).max(1)
    };
    let records = tx.search_audit(search, start..end, limit).await?;
    let is_full = records.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let reached = match records.last() {
        Some(last) if is_full => last.sequence,
        _ => start,
    };
    Ok(LogPage {
        records,
        before: (reached > 1).then_some(reached),
    })
}

/// A part of an export.
#[derive(Clone, Debug)]
pub struct ExportPart {
    /// The records that match, in order.
    pub records: Vec<AuditRecord>,
    /// The place after which to go on; nothing at the end of the log.
    pub after: Option<i64>,
}

/// The records after a place that match, oldest first, a part of the log at a time.
pub async fn export_log(
    ctx: &Context,
    _: &Administrator,
    search: &AuditSearch,
    after: i64,
) -> ServiceResult<ExportPart> {
    let mut records = ctx.read().await?.list_audit(after, EXPORTED).await?;
    let last = records.last().map(|record| record.sequence);
    records.retain(|record| search.matches(record));
    let after = last;
    Ok(ExportPart { records, after })
}

/// Checks the whole log.
pub async fn verify_log(ctx: &Context, _: &Administrator) -> ServiceResult<Verification> {
    ctx.journal().settle().await?;
    audit::verify(ctx).await
}

/// Carries out what administrators can also do from the command line, recorded under the person's identifier.
pub async fn run(
    ctx: &Context,
    administrator: &Administrator,
    request: AdminRequest,
) -> AdminReply {
    let call = AdminCall {
        administrator: administrator.0.person.id.to_string(),
        request,
    };
    admin::run(ctx, &call).await
}

async fn listed_agent(
    ctx: &Context,
    tx: &mut dyn Transaction,
    agent: Agent,
) -> ServiceResult<ListedAgent> {
    let host = tx.load_host(&agent.host_id).await?;
    let person = person(tx, agent.user_id.as_ref()).await?;
    let status = lifetime::state_at(&agent, &ctx.policy().lifetime, ctx.now()).status();
    Ok(ListedAgent {
        agent,
        status,
        host,
        person,
    })
}

async fn listed_app(tx: &mut dyn Transaction, host: Host) -> ServiceResult<ListedApp> {
    let person = person(tx, host.user_id.as_ref()).await?;
    Ok(ListedApp { host, person })
}

async fn person(tx: &mut dyn Transaction, id: Option<&UserId>) -> ServiceResult<Option<Person>> {
    match id {
        Some(id) => Ok(tx.find_person(&PersonId(id.0.clone())).await?),
        None => Ok(None),
    }
}

/// How many records a part of an export looks through.
const EXPORTED: u32 = 1000;
/// How many records a page looks through at most.
const LOOKED_THROUGH: i64 = 20_000;
