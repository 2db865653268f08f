//! Keys that hosts and agents publish (§4.2, §4.5 step 4, §8.7). They are fetched while no transaction is open.

use std::sync::Arc;

use procura_agent_auth::agent::AgentJwks;
use procura_agent_auth::host::Host;
use procura_agent_auth::jwks::JwksUrl;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::token::TokenDefect;
use procura_agent_auth::token::agent::UnverifiedAgentToken;
use procura_agent_auth::token::host::{UnverifiedHostToken, VerifiedHostToken};
use procura_fetch::JwksError;
use procura_keys::clock::Timestamp;
use procura_keys::jwk_set::{JwkSet, KeyName};
use procura_keys::key::PublicKey;
use procura_keys::thumbprint::Thumbprint;
use procura_store::agent_auth::KeyAdoption;
use serde_json::json;

use super::snapshot::AgentSnapshot;
use crate::audit;
use crate::context::Context;
use crate::error::ServiceResult;

/// The key set that judging a host's token needs, if it needs one.
pub(super) async fn host_keys(
    ctx: &Context,
    token: &UnverifiedHostToken<'_>,
    host: Option<&Host>,
) -> ServiceResult<Option<Arc<JwkSet>>> {
    match token.key_set_of(host) {
        Some((url, wanted)) => Ok(Some(key_set(ctx, url, wanted, HOST_URL).await?)),
        None => Ok(None),
    }
}

/// What an agent's token is judged by, beside the records.
#[derive(Debug, Default)]
pub(super) struct AgentKeys {
    own: Option<PublicKey>,
    of_host: Option<Arc<JwkSet>>,
}

impl AgentKeys {
    /// The key that has to have signed.
    pub(super) fn own<'a>(&'a self, snapshot: &'a AgentSnapshot) -> &'a PublicKey {
        self.own.as_ref().unwrap_or(&snapshot.agent.public_key)
    }

    /// What the host publishes, where that matters.
    pub(super) fn of_host(&self) -> Option<&JwkSet> {
        self.of_host.as_deref()
    }
}

/// The published keys that judging an agent's token needs: none for an agent and a host with inline keys.
pub(super) async fn agent_keys(
    ctx: &Context,
    token: &UnverifiedAgentToken<'_>,
    snapshot: &AgentSnapshot,
) -> ServiceResult<AgentKeys> {
    let mut keys = AgentKeys::default();
    if let Some(jwks) = &snapshot.agent.jwks {
        let wanted = KeyName::Kid(token.kid().unwrap_or(&jwks.kid));
        let set = key_set(ctx, &jwks.url, wanted, AGENT_URL).await?;
        let key = jwks
            .key(&set, token.kid())
            .ok_or(TokenDefect::NotVerified)?;
        keys.own = Some(key.clone());
    }
    let host = &snapshot.host;
    if let (Some(jwks), Some(issuer)) = (&host.jwks, token.issuer())
        && issuer != snapshot.issuer
        && !host.was_lately(issuer, ctx.now())
        // Whoever is not the agent gets nothing fetched.
        && token.is_signed_by(keys.own(snapshot))
        && !is_another_host(ctx, issuer, host).await?
    {
        let wanted = KeyName::Thumbprint(issuer);
        keys.of_host = Some(key_set(ctx, &jwks.url, wanted, HOST_URL).await?);
    }
    Ok(keys)
}

/// Whether `iss` is the identifier of a host that this agent does not belong to.
async fn is_another_host(ctx: &Context, issuer: &str, host: &Host) -> ServiceResult<bool> {
    let Ok(thumbprint) = Thumbprint::try_from(issuer.to_owned()) else {
        return Err(TokenDefect::NotVerified.into());
    };
    let found = ctx
        .read()
        .await?
        .find_host_by_thumbprint(&thumbprint)
        .await?;
    Ok(found.is_some_and(|found| found.id != host.id))
}

/// The key under which an agent that publishes its keys is registered.
pub(super) async fn registered_key(ctx: &Context, jwks: &AgentJwks) -> ServiceResult<PublicKey> {
    let set = key_set(ctx, &jwks.url, KeyName::Kid(&jwks.kid), AGENT_URL).await;
    let defect = match set {
        Ok(set) => match jwks.key(&set, None) {
            Some(key) => return Ok(key.clone()),
            None => TokenDefect::KidNotPublished(AGENT_URL),
        },
        Err(defect) => defect,
    };
    // The host has proved itself: what is wrong is its request.
    Err(Refusal::invalid(defect.to_string()).into())
}

/// Makes the key that a host published and now signed with the one the host is known by. The one before stays
/// good for as long as a set is kept, and is not taken back meanwhile: requests of both may be under way.
pub(super) async fn adopt(
    ctx: &Context,
    host: Host,
    token: &VerifiedHostToken,
    now: Timestamp,
) -> ServiceResult<Host> {
    let name = token.thumbprint();
    if host.jwks.is_none() || *name == host.thumbprint() || host.was_lately(name.as_str(), now) {
        return Ok(host);
    }
    match adopt_once(ctx, &host, token, now).await {
        // Another request of the host was first, and its key is as good as this one's.
        Err(error) if error.is_conflict() => Ok(ctx.read().await?.load_host(&host.id).await?),
        result => result,
    }
}

async fn adopt_once(
    ctx: &Context,
    host: &Host,
    token: &VerifiedHostToken,
    now: Timestamp,
) -> ServiceResult<Host> {
    let adoption = KeyAdoption {
        id: host.id.clone(),
        from: host.thumbprint(),
        to: token.key().clone(),
        keep_until: now.plus(ctx.key_sets().usual_age()),
        at: now,
    };
    let mut tx = ctx.begin().await?;
    tx.adopt_host_key(&adoption).await?;
    let mut entry = audit::entry(now, "host.key_rotated", audit::host_actor(host));
    entry.jti = Some(token.jti().to_owned());
    entry.detail = json!({ "from": adoption.from, "to": token.thumbprint() });
    tx.append_audit(vec![audit::about_host(entry, host)])
        .await?;
    let host = tx.load_host(&host.id).await?;
    tx.commit().await?;
    ctx.snapshots().drop_host(&host.id);
    Ok(host)
}

pub(crate) async fn key_set(
    ctx: &Context,
    url: &JwksUrl,
    wanted: KeyName<'_>,
    claim: &'static str,
) -> Result<Arc<JwkSet>, TokenDefect> {
    if !ctx.policy().published_keys {
        return Err(TokenDefect::KeysNotTaken(claim));
    }
    let set = ctx.key_sets().key_set(url.as_url(), wanted).await;
    set.map_err(|error| match error {
        JwksError::Content(error) => TokenDefect::BadKeySet(claim, error),
        // What the network looks like from here is not for strangers to know.
        JwksError::Fetch(_) | JwksError::Status { .. } => {
            tracing::info!(%error, "a key set cannot be fetched");
            TokenDefect::KeySetUnavailable(claim)
        }
    })
}

pub(crate) const HOST_URL: &str = "host_jwks_url";
const AGENT_URL: &str = "agent_jwks_url";
