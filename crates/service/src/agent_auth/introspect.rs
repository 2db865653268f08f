//! `POST /agent/introspect` (§5.12).

use std::collections::BTreeSet;

use procura_agent_auth::agent::Agent;
use procura_agent_auth::capability::CapabilityName;
use procura_agent_auth::lifetime;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::token::agent::VerifiedAgentToken;
use procura_agent_auth::token::possession::Confirmation;
use procura_agent_auth::wire::grant::CompactGrant;
use procura_agent_auth::wire::introspect::{
    IntrospectRequest, IntrospectResponse, IntrospectedAgent, Verdict,
};
use procura_keys::digest::{equal, sha256};

use super::account::Spending;
use super::caller::{self, AgentCaller, Sent};
use super::execute::{permit, uses};
use crate::context::Context;
use crate::error::{ServiceError, ServiceResult};
use crate::limits::Budget;

/// A service that may introspect, known by a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntrospectionCaller {
    /// What the operator calls it.
    pub name: String,
    /// SHA-256 of its secret.
    pub secret_digest: [u8; 32],
}

/// Judges a token for a resource server. It counts as a use of the token and of the agent: asked a second
/// time, the answer is inactive. Where services with secrets are configured, only they are answered; else
/// everybody is, within a limit for each address.
pub async fn introspect(
    ctx: &Context,
    request: &IntrospectRequest,
    secret: Option<&str>,
    address: &str,
) -> ServiceResult<IntrospectResponse> {
    ctx.limits()
        .count(Budget::Introspection, &budget_key(ctx, secret, address)?)?;
    let location = ctx.provider().default_location();
    let mut audiences = vec![ctx.provider().issuer.as_str(), location.as_str()];
    let catalogue = ctx.catalogue();
    audiences.extend(
        catalogue
            .iter()
            .filter_map(|offered| offered.shown.location.as_deref()),
    );
    let sent = Sent::Elsewhere(&request.token);
    match caller::verified_agent(ctx, sent, &audiences, Spending::Work).await {
        Ok(verified) => {
            ctx.journal().write(verified.unsaved).await?;
            if !covers_its_place(ctx, &verified.caller.token) {
                return Ok(IntrospectResponse::INACTIVE);
            }
            inactive_if_refused(describe(ctx, &verified.caller, request).await)
        }
        Err(error) => inactive_if_refused(Err(error)),
    }
}

/// Whatever is wrong with a token, the answer is the same.
fn inactive_if_refused(
    described: ServiceResult<IntrospectedAgent>,
) -> ServiceResult<IntrospectResponse> {
    match described {
        Ok(agent) => Ok(IntrospectResponse {
            active: true,
            agent: Some(agent),
        }),
        Err(ServiceError::Refused(_)) => Ok(IntrospectResponse::INACTIVE),
        Err(failed) => Err(failed),
    }
}

/// A token for the location of some capability has to cover a capability of that location (§2.15).
fn covers_its_place(ctx: &Context, token: &VerifiedAgentToken) -> bool {
    let place = token.audience();
    let catalogue = ctx.catalogue();
    let mut located = catalogue
        .iter()
        .filter(|offered| offered.shown.location.as_deref() == Some(place));
    place == ctx.provider().issuer
        || place == ctx.provider().default_location()
        || located.any(|offered| token.covers(&offered.shown.name))
}

/// On whose account the question goes: the service's, or the address's where anybody may ask.
fn budget_key(ctx: &Context, secret: Option<&str>, address: &str) -> Result<String, Refusal> {
    let callers = &ctx.policy().introspection_callers;
    if callers.is_empty() {
        return Ok(format!("address:{address}"));
    }
    let digest = sha256(
        secret
            .ok_or(Refusal::IntrospectionSecretRequired)?
            .as_bytes(),
    );
    let known = callers
        .iter()
        .find(|caller| equal(&caller.secret_digest, &digest));
    let known = known.ok_or(Refusal::IntrospectionSecretRequired)?;
    Ok(format!("service:{}", known.name))
}

/// Whether the call that is asked about would be carried out here. The service that asks carries it out, so a yes
/// takes one of the uses of the grant, if they are counted.
async fn verdict(
    ctx: &Context,
    caller: &AgentCaller,
    request: &IntrospectRequest,
) -> ServiceResult<Option<Verdict>> {
    let Some(capability) = request.capability.as_ref() else {
        return Ok(None);
    };
    let arguments = request.arguments.clone().unwrap_or_default();
    let catalogue = ctx.catalogue();
    let permitted = uses::take(ctx, caller, |grants| {
        Ok(permit(
            &catalogue,
            caller,
            grants,
            capability.as_str(),
            &arguments,
        )?)
    });
    Ok(Some(match permitted.await {
        Ok(_) => Verdict {
            permitted: true,
            error: None,
        },
        Err(ServiceError::Refused(refusal)) => {
            // An agent that ended meanwhile is not active at all.
            let agent = &caller.snapshot.agent.id;
            ctx.snapshots().load_active(ctx, agent, caller.now).await?;
            Verdict {
                permitted: false,
                error: Some(refusal.body()),
            }
        }
        Err(failed) => return Err(failed),
    }))
}

async fn describe(
    ctx: &Context,
    caller: &AgentCaller,
    request: &IntrospectRequest,
) -> ServiceResult<IntrospectedAgent> {
    let snapshot = &caller.snapshot;
    let catalogue = ctx.catalogue();
    let grants = snapshot.grants.iter().filter(|grant| {
        grant.is_effective(caller.now)
            && caller.token.covers(&grant.capability)
            && catalogue
                .find(&grant.capability)
                .is_some_and(|offered| offered.form == grant.form)
    });
    let names: BTreeSet<_> = grants.map(|grant| grant.capability.clone()).collect();
    let used_now = Agent {
        last_used_at: Some(caller.now),
        ..snapshot.agent.clone()
    };
    Ok(IntrospectedAgent {
        agent_id: snapshot.agent.id.clone(),
        host_id: snapshot.host.id.clone(),
        user_id: snapshot.agent.user_id.clone(),
        agent_capability_grants: names.into_iter().map(compact).collect(),
        mode: snapshot.agent.mode,
        expires_at: lifetime::expires_at(&used_now, &ctx.policy().lifetime),
        cnf: Some(caller.token.confirmation().clone()).filter(Confirmation::is_bound),
        verdict: verdict(ctx, caller, request).await?,
    })
}

fn compact(capability: CapabilityName) -> CompactGrant {
    CompactGrant {
        capability,
        status: "active".to_owned(),
    }
}
