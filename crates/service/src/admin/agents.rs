//! Agents and their grants, for administrators.

use procura_agent_auth::agent::Agent;
use procura_agent_auth::grant::{Actor, Grant};
use procura_agent_auth::id::{AgentId, GrantId, UserId};
use procura_agent_auth::lifetime;
use procura_keys::clock::Timestamp;
use procura_store::agent_auth::AgentFilter;
use serde::Serialize;
use serde_json::{Value, json};

use super::error::{AdminError, page, refused, shown};
use super::{AdminCall, Listing};
use crate::agent_auth::revoke::revoke_agent;
use crate::agent_auth::withdraw_grant;
use crate::context::Context;
use crate::error::{ServiceResult, decide_again};

pub(super) async fn list(ctx: &Context, listing: &Listing) -> Result<Value, AdminError> {
    let page = page(listing)?;
    let agents = ctx
        .read()
        .await?
        .list_agents(&AgentFilter::default(), page)
        .await?;
    shown(
        &agents
            .iter()
            .map(|agent| AgentView::of(ctx, agent))
            .collect::<Vec<_>>(),
    )
}

pub(super) async fn show(ctx: &Context, id: &str) -> Result<Value, AdminError> {
    let mut tx = ctx.read().await?;
    let agent = tx
        .find_agent(&parse(id)?)
        .await?
        .ok_or_else(|| unknown(id))?;
    let grants = tx.list_grants_by_agent(&agent.id).await?;
    let mut value = shown(&AgentView::of(ctx, &agent))?;
    value["grants"] = grants.iter().map(grant_view).collect();
    Ok(value)
}

pub(super) async fn grants(ctx: &Context, id: &str) -> Result<Value, AdminError> {
    let mut tx = ctx.read().await?;
    let agent = tx
        .find_agent(&parse(id)?)
        .await?
        .ok_or_else(|| unknown(id))?;
    let grants = tx.list_grants_by_agent(&agent.id).await?;
    Ok(grants.iter().map(grant_view).collect())
}

pub(super) async fn revoke(ctx: &Context, call: &AdminCall, id: &str) -> Result<Value, AdminError> {
    let agent_id = parse(id)?;
    decide_again!(revoke_once(ctx, &agent_id, &call.actor()))?;
    show(ctx, id).await
}

async fn revoke_once(ctx: &Context, id: &AgentId, actor: &str) -> ServiceResult<()> {
    let mut tx = ctx.begin().await?;
    match tx.find_agent(id).await? {
        Some(agent) => revoke_agent(ctx, tx, &agent, actor.to_owned(), None, ctx.now()).await,
        None => Ok(()),
    }
}

pub(super) async fn revoke_grant(
    ctx: &Context,
    call: &AdminCall,
    id: &str,
) -> Result<Value, AdminError> {
    let no_such = || refused(format!("no grant has the identifier {id:?}"));
    let grant_id = id.parse::<GrantId>().map_err(|_| no_such())?;
    let mut tx = ctx.begin().await?;
    let grant = tx.find_grant(&grant_id).await?.ok_or_else(no_such)?;
    let by = Actor::Administrator(call.administrator.clone());
    withdraw_grant::withdraw(ctx, tx, &grant, by, ctx.now()).await?;
    let withdrawn = ctx.read().await?.find_grant(&grant_id).await?;
    Ok(grant_view(&withdrawn.ok_or_else(no_such)?))
}

fn parse(id: &str) -> Result<AgentId, AdminError> {
    id.parse().map_err(|_| unknown(id))
}

fn unknown(id: &str) -> AdminError {
    refused(format!("no agent has the identifier {id:?}"))
}

fn grant_view(grant: &Grant) -> Value {
    json!({
        "grant_id": grant.id,
        "capability": grant.capability,
        "status": grant.state.status().as_str(),
        "constraints": grant.constraints,
        "reason": grant.reason,
        "expires_at": grant.expires_at,
    })
}

/// An agent as shown to administrators.
#[derive(Serialize)]
struct AgentView<'a> {
    agent_id: &'a str,
    host_id: &'a str,
    user_id: Option<&'a UserId>,
    name: &'a str,
    mode: &'a str,
    status: &'a str,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
}

impl<'a> AgentView<'a> {
    fn of(ctx: &Context, agent: &'a Agent) -> Self {
        Self {
            agent_id: agent.id.as_str(),
            host_id: agent.host_id.as_str(),
            user_id: agent.user_id.as_ref(),
            name: &agent.name,
            mode: agent.mode.as_str(),
            status: lifetime::state_at(agent, &ctx.policy().lifetime, ctx.now())
                .status()
                .as_str(),
            created_at: agent.created_at,
            last_used_at: agent.last_used_at,
        }
    }
}
