//! Hosts, for administrators.

use procura_agent_auth::host::Host;
use procura_agent_auth::id::{HostId, UserId};
use procura_keys::clock::Timestamp;
use procura_store::{StoreError, Transaction};
use serde::Serialize;
use serde_json::Value;

use super::error::{AdminError, page, person, refused, shown};
use super::{AdminCall, Listing};
use crate::agent_auth::{link_host, revoke_host};
use crate::context::Context;

pub(super) async fn list(ctx: &Context, listing: &Listing) -> Result<Value, AdminError> {
    let hosts = ctx.read().await?.list_hosts(page(listing)?).await?;
    shown(&hosts.iter().map(HostView::of).collect::<Vec<_>>())
}

pub(super) async fn link(
    ctx: &Context,
    call: &AdminCall,
    id: &str,
    user: &str,
) -> Result<Value, AdminError> {
    let mut tx = ctx.begin().await?;
    let host = load(tx.as_mut(), id).await?;
    let user = UserId(person(tx.as_mut(), user).await?.id.to_string());
    link_host::link(ctx, tx, &host, &user, &call.actor(), ctx.now()).await?;
    show(ctx, id).await
}

pub(super) async fn unlink(ctx: &Context, call: &AdminCall, id: &str) -> Result<Value, AdminError> {
    let mut tx = ctx.begin().await?;
    let host = load(tx.as_mut(), id).await?;
    link_host::unlink(ctx, tx, &host, &call.actor(), ctx.now()).await?;
    show(ctx, id).await
}

pub(super) async fn revoke(ctx: &Context, call: &AdminCall, id: &str) -> Result<Value, AdminError> {
    let mut tx = ctx.begin().await?;
    let host = load(tx.as_mut(), id).await?;
    host.status.require_not_ended()?;
    let agents = revoke_host::end_host(ctx, tx, &host, call.actor(), None, ctx.now()).await?;
    let mut value = show(ctx, id).await?;
    value["agents_revoked"] = agents.into();
    Ok(value)
}

async fn show(ctx: &Context, id: &str) -> Result<Value, AdminError> {
    let host = load(ctx.read().await?.as_mut(), id).await?;
    shown(&HostView::of(&host))
}

async fn load(tx: &mut dyn Transaction, id: &str) -> Result<Host, AdminError> {
    let unknown = || refused(format!("no host has the identifier {id:?}"));
    let id = id.parse::<HostId>().map_err(|_| unknown())?;
    match tx.load_host(&id).await {
        Err(StoreError::NotFound(_)) => Err(unknown()),
        result => Ok(result?),
    }
}

/// A host as shown to administrators.
#[derive(Serialize)]
struct HostView<'a> {
    host_id: &'a str,
    name: Option<&'a str>,
    status: &'a str,
    user_id: Option<&'a UserId>,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
}

impl<'a> HostView<'a> {
    fn of(host: &'a Host) -> Self {
        Self {
            host_id: host.id.as_str(),
            name: host.name.as_deref(),
            status: host.status.as_str(),
            user_id: host.user_id.as_ref(),
            created_at: host.created_at,
            last_used_at: host.last_used_at,
        }
    }
}
