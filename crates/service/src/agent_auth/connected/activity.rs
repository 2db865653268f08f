//! What agents did, for the person they belong to, out of the audit log.

use std::collections::HashMap;

use procura_agent_auth::agent::{Agent, AgentStatus, Mode};
use procura_agent_auth::approval::Purpose;
use procura_agent_auth::id::{AgentId, ApprovalId, UserId};
use procura_keys::clock::Timestamp;
use procura_store::audit::AuditRecord;
use procura_store::search::{AgentSearch, AuditSearch};
use procura_store::{Page, StoreResult, Transaction};
use serde_json::Value;

use super::{ConnectedError, own_agent};
use crate::agent_auth::consent::user_id;
use crate::context::Context;
use crate::error::ServiceResult;
use crate::people::SignedIn;

/// A part of what happened, newest first.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    /// What happened.
    pub events: Vec<ActivityEvent>,
    /// Where to go on, if there is more: the place of the last event.
    pub before: Option<i64>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityEvent {
    /// Its place in the log. A call's is the one of its start.
    pub sequence: i64,
    /// When.
    pub at: Timestamp,
    /// What, by the name of the log.
    pub event: String,
    /// `ok`, the new state, or the code of a refusal.
    pub outcome: String,
    /// How a call that was permitted ended, if it has and that is known.
    pub finished: Option<String>,
    /// Who did it, as the log names them.
    pub actor: String,
    /// Which agent it is about.
    pub agent_id: Option<String>,
    /// Which capability it is about.
    pub capability: Option<String>,
    /// The arguments of a call, as far as the log keeps them.
    pub arguments: Option<Value>,
}

/// What an agent of the person did, and what was done with it.
pub async fn of_agent(
    ctx: &Context,
    person: &SignedIn,
    id: &AgentId,
    before: Option<i64>,
) -> Result<Activity, ConnectedError> {
    ctx.journal().settle().await?;
    let mut tx = ctx.read().await?;
    own_agent(tx.as_mut(), &user_id(person), id).await?;
    Ok(find(tx.as_mut(), About::Agent(id), before, SHOWN).await?)
}

/// What concerns the person: what their agents did, also before they were claimed, and what was done with them.
pub async fn of_person(
    ctx: &Context,
    person: &SignedIn,
    before: Option<i64>,
) -> ServiceResult<Activity> {
    ctx.journal().settle().await?;
    let user = user_id(person);
    let mut tx = ctx.read().await?;
    find(tx.as_mut(), About::Person(&user), before, SHOWN).await
}

/// An agent that acted for nobody and ends as the person's when they approve a request (§2.10, §9.3).
#[derive(Clone, Debug)]
pub struct ClaimableAgent {
    /// The agent.
    pub agent: Agent,
    /// The latest of what it did.
    pub activity: Activity,
}

/// What the app behind a request did on its own, before it belongs to the person who answers. Nothing when the
/// request links no app.
pub async fn before_claiming(ctx: &Context, id: &ApprovalId) -> ServiceResult<Vec<ClaimableAgent>> {
    ctx.journal().settle().await?;
    let mut tx = ctx.read().await?;
    let Some(approval) = tx.find_approval(id).await? else {
        return Ok(Vec::new());
    };
    let host = tx.load_host(&approval.host_id).await?;
    if host.user_id.is_some() || approval.purpose != Purpose::Registration {
        return Ok(Vec::new());
    }
    let mut claimable = Vec::new();
    for status in [AgentStatus::Active, AgentStatus::Expired] {
        let search = AgentSearch {
            host_id: Some(host.id.clone()),
            mode: Some(Mode::Autonomous),
            status: Some(status),
            ..AgentSearch::default()
        };
        let page = Page {
            after: None,
            limit: CLAIMED,
        };
        for agent in tx.search_agents(&search, page).await? {
            let activity = find(tx.as_mut(), About::Agent(&agent.id), None, CLAIMED_EVENTS).await?;
            claimable.push(ClaimableAgent { agent, activity });
        }
    }
    Ok(claimable)
}

/// Whom the activity is about.
#[derive(Clone, Copy)]
enum About<'a> {
    Agent(&'a AgentId),
    Person(&'a UserId),
}

impl About<'_> {
    /// The last records before a place, newest first.
    async fn before(
        self,
        tx: &mut dyn Transaction,
        place: i64,
        limit: u32,
    ) -> StoreResult<Vec<AuditRecord>> {
        match self {
            Self::Agent(id) => tx.search_audit(&of(id), 1..place, limit).await,
            Self::Person(id) => tx.list_last_activity(id, place, limit).await,
        }
    }

    /// Records from a place on, among which are the ends of calls that began just before.
    async fn from(self, tx: &mut dyn Transaction, place: i64) -> StoreResult<Vec<AuditRecord>> {
        match self {
            Self::Agent(id) => {
                let places = place..place.saturating_add(NEARBY.into());
                tx.search_audit(&of(id), places, NEARBY).await
            }
            Self::Person(id) => tx.list_activity(id, place.saturating_sub(1), NEARBY).await,
        }
    }
}

fn of(agent: &AgentId) -> AuditSearch {
    AuditSearch {
        agent_id: Some(agent.to_string()),
        ..AuditSearch::default()
    }
}

/// A call leaves two records, of its start and of its end. They are told as one event.
async fn find(
    tx: &mut dyn Transaction,
    about: About<'_>,
    before: Option<i64>,
    limit: u32,
) -> ServiceResult<Activity> {
    let mut records = about.before(tx, before.unwrap_or(i64::MAX), limit).await?;
    let is_full = records.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let last = records.last().map(|record| record.sequence);
    let mut ends = HashMap::new();
    records.retain(|record| !note_end(&mut ends, record));
    if let Some(before) = before {
        // The ends of the first calls here were on the page before.
        for record in about.from(tx, before).await? {
            note_end(&mut ends, &record);
        }
    }
    let events = records.into_iter();
    Ok(Activity {
        events: events.filter_map(|record| told(record, &ends)).collect(),
        before: last.filter(|_| is_full),
    })
}

/// What was erased is not told.
fn told(record: AuditRecord, ends: &HashMap<String, String>) -> Option<ActivityEvent> {
    let mut activity = record.activity?;
    let arguments = activity.detail.get_mut("arguments").map(Value::take);
    let finished = activity.jti.as_ref().and_then(|jti| ends.get(jti)).cloned();
    Some(ActivityEvent {
        sequence: record.sequence,
        at: record.at,
        event: record.event,
        outcome: record.outcome,
        finished,
        actor: activity.actor,
        agent_id: activity.agent_id,
        capability: activity.capability,
        arguments,
    })
}

/// Keeps how a call ended, by the `jti` it was made with. Says whether the record was one of that.
fn note_end(ends: &mut HashMap<String, String>, record: &AuditRecord) -> bool {
    if record.event != FINISHED {
        return false;
    }
    if let Some(jti) = record.activity.as_ref().and_then(|it| it.jti.clone()) {
        ends.insert(jti, record.outcome.clone());
    }
    true
}

const FINISHED: &str = "capability.finished";
/// How many records make a page.
const SHOWN: u32 = 60;
/// How far after a page the ends of its calls are looked for.
const NEARBY: u32 = 1000;
/// How many agents of each state are shown before they are claimed, and how much of each.
const CLAIMED: u32 = 10;
const CLAIMED_EVENTS: u32 = 10;
