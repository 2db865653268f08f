//! `POST /agent/rotate-key` (§5.8) and `POST /host/rotate-key` (§5.9).

use procura_agent_auth::agent::AgentStatus;
use procura_agent_auth::lifetime;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::wire::lifecycle::{
    RotateHostKeyRequest, RotateHostKeyResponse, RotateKeyRequest, RotateKeyResponse,
};
use procura_keys::jwk::PublicJwk;
use procura_keys::key::PublicKey;
use procura_keys::thumbprint::Thumbprint;
use procura_store::StoreError;
use serde_json::{Value, json};

use super::caller::HostCaller;
use super::status::own_agent;
use crate::audit;
use crate::context::Context;
use crate::error::{ServiceError, ServiceResult};

/// Replaces an agent's key. Once this has returned, tokens of the old key are refused.
pub async fn rotate_key(
    ctx: &Context,
    caller: &HostCaller,
    request: &RotateKeyRequest,
) -> ServiceResult<RotateKeyResponse> {
    let result = rotate_agent(ctx, caller, request).await;
    caller.record(ctx, "rotate_key", taken(result)).await
}

async fn rotate_agent(
    ctx: &Context,
    caller: &HostCaller,
    request: &RotateKeyRequest,
) -> ServiceResult<RotateKeyResponse> {
    let now = caller.now;
    let key = new_key(&request.public_key)?;
    let mut tx = ctx.begin().await?;
    let agent = own_agent(tx.as_mut(), caller, &request.agent_id).await?;
    let status = lifetime::state_at(&agent, &ctx.policy().lifetime, now).status();
    if status != AgentStatus::Expired {
        status.require_active()?;
    }
    if agent.jwks.is_some() {
        return Err(publishes("agent").into());
    }
    require_other(&key, &agent.public_key)?;
    tx.rotate_agent_key(&agent.id, &agent.thumbprint(), &key, now)
        .await?;
    let mut entry = audit::entry(now, "agent.key_rotated", audit::host_actor(&caller.host));
    entry.jti = Some(caller.token.jti().to_owned());
    entry.detail = json!({ "from": agent.thumbprint(), "to": Thumbprint::of(&key) });
    tx.append_audit(vec![audit::about_agent(entry, &agent)])
        .await?;
    tx.commit().await?;
    ctx.snapshots().drop_agents([&agent.id]);
    Ok(RotateKeyResponse {
        agent_id: agent.id,
        status,
    })
}

/// Replaces the calling host's key. Its agents go on, under the new thumbprint.
pub async fn rotate_host_key(
    ctx: &Context,
    caller: &HostCaller,
    request: &RotateHostKeyRequest,
) -> ServiceResult<RotateHostKeyResponse> {
    let result = rotate_host(ctx, caller, request).await;
    caller.record(ctx, "rotate_host_key", taken(result)).await
}

async fn rotate_host(
    ctx: &Context,
    caller: &HostCaller,
    request: &RotateHostKeyRequest,
) -> ServiceResult<RotateHostKeyResponse> {
    let now = caller.now;
    let key = new_key(&request.public_key)?;
    let mut tx = ctx.begin().await?;
    let host = tx.load_host(&caller.host.id).await?;
    host.status.require_active()?;
    if host.jwks.is_some() {
        return Err(publishes("host").into());
    }
    require_other(&key, &host.public_key)?;
    tx.rotate_host_key(&host.id, caller.token.thumbprint(), &key, now)
        .await?;
    let mut entry = audit::entry(now, "host.key_rotated", audit::host_actor(&host));
    entry.jti = Some(caller.token.jti().to_owned());
    entry.detail = json!({ "from": caller.token.thumbprint(), "to": Thumbprint::of(&key) });
    tx.append_audit(vec![audit::about_host(entry, &host)])
        .await?;
    tx.commit().await?;
    ctx.snapshots().drop_host(&host.id);
    Ok(RotateHostKeyResponse {
        host_id: host.id,
        status: host.status,
    })
}

fn new_key(jwk: &Value) -> Result<PublicKey, Refusal> {
    Ok(PublicJwk::parse(jwk)?.key)
}

/// What is published is changed where it is published (§8.7).
fn publishes(who: &str) -> Refusal {
    Refusal::invalid(format!(
        "The {who} publishes its keys. Publish the new one in its key set and sign with that."
    ))
}

fn require_other(new: &PublicKey, old: &PublicKey) -> Result<(), Refusal> {
    if new == old {
        Err(Refusal::invalid(
            "public_key is the key in use already. Generate a new one.",
        ))
    } else {
        Ok(())
    }
}

/// Neither another's key nor one that was replaced a moment ago can be rotated: the caller has to look again.
fn taken<T>(result: ServiceResult<T>) -> ServiceResult<T> {
    match result {
        Err(ServiceError::Failed(crate::Failure::Store(StoreError::Conflict(_)))) => {
            Err(Refusal::invalid(
                "public_key is in use already, or the old key was replaced meanwhile.",
            )
            .into())
        }
        other => other,
    }
}
