//! Who calls: from a bearer token to a value that says what was proved (§4.5, §4.5.1).
//!
//! One order for every endpoint: shape, audience, host and agent, signature, times, states, replay, proof of
//! possession, rate limits. A token is used up only when all hold: it is claimed in memory, by exactly one of any
//! number of callers, and that is made durable before the answer. So a stolen token cannot be spent by whoever
//! lacks the key it is bound to.

use std::sync::Arc;

use procura_agent_auth::agent::Agent;
use procura_agent_auth::host::Host;
use procura_agent_auth::lifetime;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::registration::UnknownHosts;
use procura_agent_auth::token::TokenDefect;
use procura_agent_auth::token::agent::{Signer, UnverifiedAgentToken, VerifiedAgentToken};
use procura_agent_auth::token::host::{Known, Standing, UnverifiedHostToken, VerifiedHostToken};
use procura_agent_auth::token::possession::{Possession, Presentation};
use procura_keys::clock::Timestamp;
use procura_store::agent_auth::AgentChange;
use procura_store::replay::SeenToken;

use super::account::{self, Spending};
use super::execute::jobs;
use super::possession;
use super::published::{self, AgentKeys};
use super::snapshot::AgentSnapshot;
use crate::audit;
use crate::context::Context;
use crate::error::{ServiceError, ServiceResult};
use crate::journal::Entry;
use crate::limits::Budget;

/// An agent that proved its key, is active, and has not used this token before.
#[derive(Debug)]
pub struct AgentCaller {
    /// The agent, its host and its grants.
    pub snapshot: Arc<AgentSnapshot>,
    /// What it signed.
    pub token: VerifiedAgentToken,
    /// What it showed beside that.
    pub possession: Possession,
    /// When it was judged.
    pub now: Timestamp,
}

/// An agent at the execute endpoint: as [`AgentCaller`], but its token is not durable as used yet. It becomes
/// so together with the audit record of the call.
#[derive(Debug)]
pub struct ExecutingAgent {
    /// The caller.
    pub caller: AgentCaller,
    pub(crate) unsaved: Entry,
}

/// A known host that proved its key.
#[derive(Debug)]
pub struct HostCaller {
    /// The host.
    pub host: Host,
    /// What it signed.
    pub token: VerifiedHostToken,
    /// When it was judged.
    pub now: Timestamp,
}

/// Whoever revokes an agent.
#[derive(Debug)]
pub enum RevokingCaller {
    /// The agent's host.
    Host(Box<HostCaller>),
    /// The agent itself.
    Agent(Box<AgentCaller>),
}

/// A host, known or new, that proved its key in order to register an agent.
#[derive(Debug)]
pub struct RegisteringHost {
    /// The host, if it is known.
    pub host: Option<Host>,
    /// What it signed.
    pub token: VerifiedHostToken,
    /// When it was judged.
    pub now: Timestamp,
}

/// Verifies an agent at an endpoint of the server itself.
pub async fn agent(ctx: &Context, sent: &Presentation<'_>) -> ServiceResult<AgentCaller> {
    let audiences = [ctx.provider().issuer.as_str()];
    let executing = verified_agent(ctx, Sent::Here(sent), &audiences, Spending::Work).await?;
    ctx.journal().write(executing.unsaved).await?;
    Ok(executing.caller)
}

/// Verifies an agent at the execute endpoint, for which tokens name the endpoint or the issuer.
pub async fn executing_agent(
    ctx: &Context,
    sent: &Presentation<'_>,
) -> ServiceResult<ExecutingAgent> {
    let location = ctx.provider().default_location();
    let audiences = [location.as_str(), &ctx.provider().issuer];
    verified_agent(ctx, Sent::Here(sent), &audiences, Spending::Work).await
}

/// Where a token was sent.
#[derive(Clone, Copy)]
pub(crate) enum Sent<'a> {
    /// To this server, by its agent.
    Here(&'a Presentation<'a>),
    /// To a service that asks about it and has to hold its sender to what it is bound to.
    Elsewhere(&'a str),
}

impl<'a> Sent<'a> {
    fn token(self) -> &'a str {
        match self {
            Self::Here(sent) => sent.token,
            Self::Elsewhere(token) => token,
        }
    }
}

/// Verifies an agent whose token may name any of `audiences`.
pub(crate) async fn verified_agent(
    ctx: &Context,
    sent: Sent<'_>,
    audiences: &[&str],
    spending: Spending,
) -> ServiceResult<ExecutingAgent> {
    verified_agent_at(ctx, sent, audiences, spending, None).await
}

/// The same, at the place of a job, for which the token that started it may be good once more.
pub(super) async fn verified_agent_at(
    ctx: &Context,
    sent: Sent<'_>,
    audiences: &[&str],
    spending: Spending,
    job: Option<&str>,
) -> ServiceResult<ExecutingAgent> {
    let compat = ctx.policy().compat;
    let unverified = UnverifiedAgentToken::parse_for(sent.token(), audiences, compat)?;
    let Some(snapshot) = ctx.snapshots().load(ctx, unverified.agent_id()).await? else {
        return Err(TokenDefect::NotVerified.into());
    };
    let keys = published::agent_keys(ctx, &unverified, &snapshot).await?;
    let now = ctx.now();
    let (snapshot, token) = match verify(ctx, unverified, &snapshot, &keys, now) {
        Ok(verified) => (snapshot, verified),
        Err(Refusal::AgentExpired) => {
            let unverified = UnverifiedAgentToken::parse_for(sent.token(), audiences, compat)?;
            still_in_use(ctx, unverified, &snapshot, &keys, now).await?
        }
        Err(Refusal::AbsoluteLifetimeExceeded) => {
            end_lifetime(ctx, &snapshot.agent, now).await?;
            return Err(Refusal::AbsoluteLifetimeExceeded.into());
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let seen = SeenToken {
        signer: snapshot.agent.id.to_string(),
        jti: token.jti().to_owned(),
        forget_at: token.forget_at(),
    };
    let is_of_job = match job {
        Some(job) if compat.accepts_token_of_job() => {
            let job = jobs::find(ctx, job).await?;
            job.is_some_and(|it| it.agent_id == snapshot.agent.id && it.jti == token.jti())
        }
        _ => false,
    };
    if !is_of_job {
        refuse_replay(ctx, &seen, now)?;
    }
    let possession = match sent {
        Sent::Here(sent) => possession::prove(ctx, token.confirmation(), sent, now)?,
        Sent::Elsewhere(_) => Possession::promised(token.confirmation()),
    };
    possession.require(ctx.policy().possession.demand)?;
    account::charge_agent(ctx, &snapshot, spending)?;
    possession::use_up(ctx, &possession, now)?;
    if !is_of_job {
        claim(ctx, &seen, now)?;
    }
    snapshot.note_use(now);
    let agent_use = Some((snapshot.agent.id.clone(), now));
    let unsaved = Entry {
        seen: (!is_of_job).then_some(seen),
        agent_use,
        ..Entry::default()
    };
    Ok(ExecutingAgent {
        caller: AgentCaller {
            snapshot,
            token,
            possession,
            now,
        },
        unsaved,
    })
}

fn verify(
    ctx: &Context,
    token: UnverifiedAgentToken<'_>,
    snapshot: &AgentSnapshot,
    keys: &AgentKeys,
    now: Timestamp,
) -> Result<VerifiedAgentToken, Refusal> {
    let signer = Signer {
        agent: &snapshot.agent,
        key: keys.own(snapshot),
        host: &snapshot.host,
        issuer: &snapshot.issuer,
        host_keys: keys.of_host(),
        lifetime: &ctx.policy().lifetime,
    };
    token.verify(&signer, ctx.policy().window, now)
}

/// The record in memory may be older than the agent's latest use, which counts, wherever it was. Tried again with that.
async fn still_in_use(
    ctx: &Context,
    token: UnverifiedAgentToken<'_>,
    snapshot: &Arc<AgentSnapshot>,
    keys: &AgentKeys,
    now: Timestamp,
) -> ServiceResult<(Arc<AgentSnapshot>, VerifiedAgentToken)> {
    let refreshed = if ctx.snapshots().are_shared() {
        snapshot.with_uses_elsewhere(ctx).await?
    } else {
        snapshot.refreshed().ok_or(Refusal::AgentExpired)?
    };
    let refreshed = Arc::new(refreshed);
    let verified = verify(ctx, token, &refreshed, keys, now)?;
    ctx.snapshots().replace(snapshot, &refreshed);
    Ok((refreshed, verified))
}

/// Writes down that the absolute lifetime ended an agent, so that later calls find it revoked (§5.6).
pub(crate) async fn end_lifetime(
    ctx: &Context,
    agent: &Agent,
    now: Timestamp,
) -> ServiceResult<()> {
    let mut tx = ctx.begin().await?;
    let Some(stored) = tx.find_agent(&agent.id).await? else {
        return Ok(());
    };
    let over = lifetime::absolute_lifetime_is_over(&stored, &ctx.policy().lifetime, now);
    let next = lifetime::state_at(&stored, &ctx.policy().lifetime, now);
    if over && next.status() != stored.state.status() {
        let from = stored.state.status();
        let change = AgentChange {
            id: agent.id.clone(),
            from,
            to: next,
            user_id: None,
            at: now,
        };
        tx.apply_agent(&change).await?;
        tx.revoke_grants_of_agents(std::slice::from_ref(&agent.id), now)
            .await?;
        tx.cancel_approvals_of_agents(std::slice::from_ref(&agent.id))
            .await?;
        let ended = audit::entry(now, "agent.lifetime_ended", "policy".to_owned());
        tx.append_audit(vec![audit::about_agent(ended, &stored)])
            .await?;
        tx.commit().await?;
    }
    ctx.snapshots().drop_agents([&agent.id]);
    Ok(())
}

/// Verifies a known host.
pub async fn host(
    ctx: &Context,
    sent: &Presentation<'_>,
    standing: Standing,
    spending: Spending,
) -> ServiceResult<HostCaller> {
    let claimed = recognize(ctx, sent).await?;
    let Proven {
        host,
        token,
        possession,
        now,
    } = prove(ctx, claimed, standing).await?;
    // An unknown host proves a key that means nothing here.
    let host = host.ok_or(TokenDefect::NotVerified)?;
    account::charge_host(ctx, &host, spending)?;
    let host = use_up(ctx, host, &token, &possession, now).await?;
    Ok(HostCaller { host, token, now })
}

/// Verifies whoever revokes an agent: its host or, where that is let pass, the agent itself.
pub async fn revoking(ctx: &Context, sent: &Presentation<'_>) -> ServiceResult<RevokingCaller> {
    if ctx.policy().compat.accepts_revocation_by_agents() {
        match agent(ctx, sent).await {
            Err(ServiceError::Refused(Refusal::InvalidJwt(TokenDefect::WrongType(_)))) => {}
            agent => return Ok(RevokingCaller::Agent(Box::new(agent?))),
        }
    }
    let host = host(ctx, sent, Standing::NotEnded, Spending::Work).await?;
    Ok(RevokingCaller::Host(Box::new(host)))
}

/// Verifies a host that revokes itself. To nobody else does it matter whether it is known.
pub async fn ending_host(ctx: &Context, sent: &Presentation<'_>) -> ServiceResult<HostCaller> {
    match host(ctx, sent, Standing::Active, Spending::Work).await {
        Err(ServiceError::Refused(Refusal::InvalidJwt(TokenDefect::NotVerified))) => {
            // Either the key is not the one it presents, or it is, and unknown: only then the host is told.
            let claimed = recognize(ctx, sent).await?;
            prove(ctx, claimed, Standing::Active).await?;
            Err(Refusal::HostNotFound.into())
        }
        result => result,
    }
}

/// Verifies a host that registers an agent. A new host is whoever holds the key it presents; how many of those
/// an address may bring is counted before anything is kept of them.
pub async fn registering_host(
    ctx: &Context,
    sent: &Presentation<'_>,
    address: &str,
) -> ServiceResult<RegisteringHost> {
    stranger(ctx, address)?;
    let mut claimed = recognize(ctx, sent).await?;
    let publishes = claimed.is_strange_publisher();
    if publishes {
        // The keys of strangers are fetched here and nowhere else, so this is counted before.
        if ctx.policy().registration.unknown_hosts == UnknownHosts::Refuse {
            return Err(Refusal::UnknownHostsRefused.into());
        }
        ctx.limits().count(Budget::UnknownHost, address)?;
        claimed.may_fetch = true;
    }
    let Proven {
        host,
        token,
        possession,
        now,
    } = prove(ctx, claimed, Standing::NotEnded).await?;
    if let Some(host) = host {
        account::charge_host(ctx, &host, Spending::Work)?;
        let host = Some(use_up(ctx, host, &token, &possession, now).await?);
        return Ok(RegisteringHost { host, token, now });
    }
    if !publishes {
        ctx.limits().count(Budget::UnknownHost, address)?;
    }
    let seen = seen_from_host(&token);
    possession::use_up(ctx, &possession, now)?;
    claim(ctx, &seen, now)?;
    ctx.journal()
        .write(Entry {
            seen: Some(seen),
            ..Entry::default()
        })
        .await?;
    Ok(RegisteringHost {
        host: None,
        token,
        now,
    })
}

/// Counts a request that nobody has to authenticate for.
pub fn stranger(ctx: &Context, address: &str) -> Result<(), Refusal> {
    ctx.limits().count(Budget::Address, address)
}

/// Verifies a host that only looks around: known or not, approved or not.
pub(super) async fn visiting_host(ctx: &Context, sent: &Presentation<'_>) -> ServiceResult<()> {
    let claimed = recognize(ctx, sent).await?;
    // Whoever is unknown sees what everybody sees; there is nothing to protect from a second look, and nothing
    // worth fetching keys for.
    if claimed.is_strange_publisher() {
        return Ok(());
    }
    let proven = prove(ctx, claimed, Standing::NotEnded).await?;
    if let Some(host) = proven.host {
        account::charge_host(ctx, &host, Spending::Work)?;
        use_up(ctx, host, &proven.token, &proven.possession, proven.now).await?;
    }
    Ok(())
}

/// A token and the record of whoever it claims to be from.
struct Claimed<'a> {
    sent: &'a Presentation<'a>,
    token: UnverifiedHostToken<'a>,
    host: Option<Host>,
    /// Whether keys may be fetched for a host never seen before.
    may_fetch: bool,
}

impl Claimed<'_> {
    fn is_strange_publisher(&self) -> bool {
        self.host.is_none() && self.token.jwks_url().is_some()
    }
}

/// Finds the host by `iss` and, if it has changed its key, by where it publishes its keys (§4.5.1 step 4).
async fn recognize<'a>(ctx: &Context, sent: &'a Presentation<'a>) -> ServiceResult<Claimed<'a>> {
    let token = UnverifiedHostToken::parse(sent.token, &ctx.provider().issuer)?;
    let mut tx = ctx.read().await?;
    let mut host = tx.find_host_by_thumbprint(token.issuer()).await?;
    if let (None, Some(url)) = (&host, token.jwks_url()) {
        host = tx.find_host_by_jwks_url(url).await?;
    }
    Ok(Claimed {
        sent,
        token,
        host,
        may_fetch: false,
    })
}

/// A host whose key is proved, or that of a host nobody knows. The token is not used up yet.
struct Proven {
    host: Option<Host>,
    token: VerifiedHostToken,
    possession: Possession,
    now: Timestamp,
}

/// Proves the key, and whatever else the token is bound to. The host, if it is known, may be used.
async fn prove(ctx: &Context, claimed: Claimed<'_>, standing: Standing) -> ServiceResult<Proven> {
    if claimed.is_strange_publisher() && !claimed.may_fetch {
        return Err(TokenDefect::NotVerified.into());
    }
    let Claimed {
        sent, token, host, ..
    } = claimed;
    let key_set = published::host_keys(ctx, &token, host.as_ref()).await?;
    let now = ctx.now();
    let known = Known {
        host: host.as_ref(),
        key_set: key_set.as_deref(),
    };
    let token = token.verify(known, standing, ctx.policy().window, now)?;
    refuse_replay(ctx, &seen_from_host(&token), now)?;
    let possession = possession::prove(ctx, token.confirmation(), sent, now)?;
    Ok(Proven {
        host,
        token,
        possession,
        now,
    })
}

/// Makes sure that the token is used once. Returns the host as it is with the key that it signed with.
async fn use_up(
    ctx: &Context,
    host: Host,
    token: &VerifiedHostToken,
    possession: &Possession,
    now: Timestamp,
) -> ServiceResult<Host> {
    let seen = seen_from_host(token);
    possession::use_up(ctx, possession, now)?;
    claim(ctx, &seen, now)?;
    let host_use = Some((host.id.clone(), now));
    ctx.journal()
        .write(Entry {
            seen: Some(seen),
            host_use,
            ..Entry::default()
        })
        .await?;
    published::adopt(ctx, host, token, now).await
}

fn seen_from_host(token: &VerifiedHostToken) -> SeenToken {
    SeenToken {
        signer: token.thumbprint().to_string(),
        jti: token.jti().to_owned(),
        forget_at: token.forget_at(),
    }
}

/// Refuses a token that was used already, before anything else is looked at.
fn refuse_replay(ctx: &Context, seen: &SeenToken, now: Timestamp) -> ServiceResult<()> {
    if ctx.replay().has_seen(seen, now) {
        Err(TokenDefect::Replayed.into())
    } else {
        Ok(())
    }
}

fn claim(ctx: &Context, seen: &SeenToken, now: Timestamp) -> ServiceResult<()> {
    if ctx.replay().claim(seen, now) {
        Ok(())
    } else {
        Err(TokenDefect::Replayed.into())
    }
}

impl AgentCaller {
    /// Passes a result on, and records it if it is a refusal.
    pub async fn record<T>(
        &self,
        ctx: &Context,
        operation: &str,
        result: ServiceResult<T>,
    ) -> ServiceResult<T> {
        if let Err(ServiceError::Refused(refusal)) = &result {
            let agent = &self.snapshot.agent;
            let about = |mut entry| {
                entry = audit::about_agent(entry, agent);
                entry.jti = Some(self.token.jti().to_owned());
                entry
            };
            audit::record_refusal(ctx, operation, refusal, about, audit::agent_actor(agent))
                .await?;
        }
        result
    }
}

impl HostCaller {
    /// Passes a result on, and records it if it is a refusal.
    pub async fn record<T>(
        &self,
        ctx: &Context,
        operation: &str,
        result: ServiceResult<T>,
    ) -> ServiceResult<T> {
        if let Err(ServiceError::Refused(refusal)) = &result {
            let about = |mut entry| {
                entry = audit::about_host(entry, &self.host);
                entry.jti = Some(self.token.jti().to_owned());
                entry
            };
            audit::record_refusal(
                ctx,
                operation,
                refusal,
                about,
                audit::host_actor(&self.host),
            )
            .await?;
        }
        result
    }
}

impl RegisteringHost {
    /// Passes a result on, and records it if it is a refusal of a known host. What strangers are refused is not
    /// worth a record each.
    pub async fn record<T>(
        &self,
        ctx: &Context,
        operation: &str,
        result: ServiceResult<T>,
    ) -> ServiceResult<T> {
        if let (Some(host), Err(ServiceError::Refused(refusal))) = (&self.host, &result) {
            let about = |mut entry| {
                entry = audit::about_host(entry, host);
                entry.jti = Some(self.token.jti().to_owned());
                entry
            };
            audit::record_refusal(ctx, operation, refusal, about, audit::host_actor(host)).await?;
        }
        result
    }
}
