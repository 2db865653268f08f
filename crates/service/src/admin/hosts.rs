//! Hosts, for administrators.

use procura_agent_auth::capability::{ApprovalStrength, CapabilityName};
use procura_agent_auth::host::{Host, HostJwks, HostStatus};
use procura_agent_auth::id::{HostId, UserId};
use procura_agent_auth::jwks::JwksUrl;
use procura_agent_auth::wire::register::display_name;
use procura_keys::clock::Timestamp;
use procura_keys::jwk::PublicJwk;
use procura_keys::jwk_set::KeyName;
use procura_keys::key::PublicKey;
use procura_store::{StoreError, Transaction};
use serde::Serialize;
use serde_json::Value;

use super::error::{AdminError, page, person, refused, shown};
use super::{AdminCall, Listing};
use crate::agent_auth::published::{self, HOST_URL};
use crate::agent_auth::{link_host, revoke_host};
use crate::audit;
use crate::context::Context;

pub(super) async fn list(ctx: &Context, listing: &Listing) -> Result<Value, AdminError> {
    let hosts = ctx.read().await?.list_hosts(page(listing)?).await?;
    shown(&hosts.iter().map(HostView::of).collect::<Vec<_>>())
}

/// What an administrator says about a host that has not been seen yet.
pub(super) struct NewHost<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) public_key: Option<&'a Value>,
    pub(super) jwks: Option<&'a (String, String)>,
    pub(super) default_capabilities: Option<&'a [String]>,
    pub(super) user: Option<&'a str>,
}

/// Takes a host in before it has any agent (AAP §2.8). It is active: the administrator vouches for it.
pub(super) async fn add(
    ctx: &Context,
    call: &AdminCall,
    wish: NewHost<'_>,
) -> Result<Value, AdminError> {
    let now = ctx.now();
    let (public_key, jwks) = key_of(ctx, &wish).await?;
    let name = wish
        .name
        .map(|name| display_name("name", name))
        .transpose()?;
    let default_capabilities = defaults_of(ctx, &wish)?;
    let mut tx = ctx.begin().await?;
    let user_id = match wish.user {
        Some(email) => Some(UserId(person(tx.as_mut(), email).await?.id.to_string())),
        None => None,
    };
    let host = Host {
        id: HostId::new(now, ctx.random()),
        name,
        public_key,
        jwks,
        user_id,
        default_capabilities,
        status: HostStatus::Active,
        activated_at: Some(now),
        last_used_at: None,
        created_at: now,
        updated_at: now,
    };
    match tx.insert_host(&host).await {
        Err(StoreError::Conflict(_)) => {
            return Err(refused("a host with this key or key set is known already"));
        }
        result => result?,
    }
    let entry = audit::entry(now, "host.added", call.actor());
    tx.append_audit(vec![audit::about_host(entry, &host)])
        .await?;
    tx.commit().await?;
    shown(&HostView::of(&host))
}

async fn key_of(
    ctx: &Context,
    wish: &NewHost<'_>,
) -> Result<(PublicKey, Option<HostJwks>), AdminError> {
    match (wish.public_key, wish.jwks) {
        (Some(jwk), None) => {
            let jwk = PublicJwk::parse(jwk);
            let jwk = jwk.map_err(|error| refused(format!("public_key: {error}")))?;
            Ok((jwk.key, None))
        }
        (None, Some((url, kid))) => {
            let url = url.parse::<JwksUrl>();
            let url = url.map_err(|error| refused(format!("jwks_url: {error}")))?;
            let set = published::key_set(ctx, &url, KeyName::Kid(kid), HOST_URL).await?;
            let key = set.find(KeyName::Kid(kid)).cloned();
            let key = key.ok_or_else(|| refused(format!("the set has no Ed25519 key {kid:?}")))?;
            let previous = None;
            Ok((key, Some(HostJwks { url, previous })))
        }
        _ => Err(refused("a host has either a public key or a key set")),
    }
}

/// Names that mean something here, and no more than new hosts could get without a person's presence.
fn defaults_of(ctx: &Context, wish: &NewHost<'_>) -> Result<Vec<CapabilityName>, AdminError> {
    let Some(names) = wish.default_capabilities else {
        return Ok(ctx.catalogue().defaults());
    };
    let catalogue = ctx.catalogue();
    let judge = |text: &String| {
        let name = CapabilityName::try_from(text.clone()).ok();
        let offered = name.and_then(|name| catalogue.find(&name).cloned().map(|one| (name, one)));
        match offered {
            None => Err(refused(format!("no capability is called {text:?}"))),
            Some((_, one)) if one.approval == ApprovalStrength::Presence => Err(refused(format!(
                "{text:?} takes a person's presence, so it cannot be a default"
            ))),
            Some((name, _)) => Ok(name),
        }
    };
    names.iter().map(judge).collect()
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
