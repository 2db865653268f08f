//! Stopping what one has connected: a grant, an agent, an app, everything. Once a function here has returned,
//! the next call is refused.

use procura_agent_auth::grant::Actor;
use procura_agent_auth::host::{Host, HostStatus};
use procura_agent_auth::id::{AgentId, GrantId, HostId, UserId};

use super::{ConnectedError, own_agent, own_host};
use crate::agent_auth::consent::user_id;
use crate::agent_auth::{link_host, revoke, revoke_host, withdraw_grant};
use crate::context::Context;
use crate::error::decide_again;
use crate::people::SignedIn;

/// Takes one grant back from an agent that goes on otherwise. Returns the agent.
pub async fn revoke_grant(
    ctx: &Context,
    person: &SignedIn,
    id: &GrantId,
) -> Result<AgentId, ConnectedError> {
    decide_again!(revoke_grant_once(ctx, person, id))
}

async fn revoke_grant_once(
    ctx: &Context,
    person: &SignedIn,
    id: &GrantId,
) -> Result<AgentId, ConnectedError> {
    let user = user_id(person);
    let mut tx = ctx.begin().await?;
    let grant = tx.find_grant(id).await?.ok_or(ConnectedError::Unknown)?;
    own_agent(tx.as_mut(), &user, &grant.agent_id).await?;
    withdraw_grant::withdraw(ctx, tx, &grant, Actor::User(user), ctx.now()).await?;
    Ok(grant.agent_id)
}

/// Stops an agent for good. Returns its app.
pub async fn revoke_agent(
    ctx: &Context,
    person: &SignedIn,
    id: &AgentId,
) -> Result<HostId, ConnectedError> {
    decide_again!(revoke_agent_once(ctx, person, id))
}

async fn revoke_agent_once(
    ctx: &Context,
    person: &SignedIn,
    id: &AgentId,
) -> Result<HostId, ConnectedError> {
    let user = user_id(person);
    let mut tx = ctx.begin().await?;
    let (agent, host) = own_agent(tx.as_mut(), &user, id).await?;
    revoke::revoke_agent(ctx, tx, &agent, recorded(user), None, ctx.now()).await?;
    Ok(host.id)
}

/// Stops an app with all its agents for good. Nothing happens when it has ended already.
pub async fn revoke_app(
    ctx: &Context,
    person: &SignedIn,
    id: &HostId,
) -> Result<(), ConnectedError> {
    decide_again!(revoke_app_once(ctx, person, id))
}

async fn revoke_app_once(
    ctx: &Context,
    person: &SignedIn,
    id: &HostId,
) -> Result<(), ConnectedError> {
    let user = user_id(person);
    let mut tx = ctx.begin().await?;
    let host = own_host(tx.as_mut(), &user, id).await?;
    if has_ended(&host) {
        return Ok(());
    }
    revoke_host::end_host(ctx, tx, &host, recorded(user), None, ctx.now()).await?;
    Ok(())
}

/// Gives an app up: what acted for the person ends, and the app may connect anew, also for somebody else.
pub async fn unlink_app(
    ctx: &Context,
    person: &SignedIn,
    id: &HostId,
) -> Result<(), ConnectedError> {
    decide_again!(unlink_app_once(ctx, person, id))
}

async fn unlink_app_once(
    ctx: &Context,
    person: &SignedIn,
    id: &HostId,
) -> Result<(), ConnectedError> {
    let user = user_id(person);
    let mut tx = ctx.begin().await?;
    let host = own_host(tx.as_mut(), &user, id).await?;
    link_host::unlink(ctx, tx, &host, &recorded(user), ctx.now()).await?;
    Ok(())
}

/// Stops all apps of the person at once. Returns how many there were.
pub async fn revoke_everything(ctx: &Context, person: &SignedIn) -> Result<usize, ConnectedError> {
    decide_again!(revoke_everything_once(ctx, person))
}

async fn revoke_everything_once(ctx: &Context, person: &SignedIn) -> Result<usize, ConnectedError> {
    let user = user_id(person);
    let now = ctx.now();
    let mut tx = ctx.begin().await?;
    let mut live = tx.list_hosts_by_user(&user).await?;
    live.retain(|host| !has_ended(host));
    for host in &live {
        let actor = recorded(user.clone());
        revoke_host::end_host_within(ctx, tx.as_mut(), host, actor, None, now).await?;
    }
    tx.commit().await?;
    for host in &live {
        ctx.snapshots().drop_host(&host.id);
    }
    Ok(live.len())
}

fn has_ended(host: &Host) -> bool {
    matches!(host.status, HostStatus::Revoked | HostStatus::Rejected)
}

fn recorded(user: UserId) -> String {
    Actor::User(user).to_record()
}
