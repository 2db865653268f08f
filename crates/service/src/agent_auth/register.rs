//! `POST /agent/register` (§5.3).

use procura_agent_auth::agent::{Agent, AgentJwks, AgentState, AgentStatus, Mode};
use procura_agent_auth::algorithm::Algorithm;
use procura_agent_auth::approval::{ApprovalState, Purpose};
use procura_agent_auth::grant::{Actor, Grant, GrantState};
use procura_agent_auth::host::{Host, HostJwks, HostStatus};
use procura_agent_auth::id::{AgentId, ApprovalId, GrantId, HostId};
use procura_agent_auth::lifetime;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::registration::{self, Applicant, RegistrationDecision};
use procura_agent_auth::request::{ApproverKind, Outcome, Verdict, resolve};
use procura_agent_auth::token::host::AgentKey;
use procura_agent_auth::wire::register::{
    ApprovalHints, RegisterRequest, RegisterResponse, asks, display_name,
};
use procura_keys::clock::Timestamp;
use procura_keys::key::PublicKey;
use procura_keys::thumbprint::Thumbprint;
use procura_store::Transaction;
use procura_store::agent_auth::AgentChange;
use serde_json::json;

use super::approval::{self, Opened};
use super::caller::RegisteringHost;
use super::{published, views};
use crate::audit;
use crate::context::Context;
use crate::error::{ServiceResult, decide_again};

/// Registers an agent, or returns the pending registration of the same key with a fresh approval.
pub async fn register(
    ctx: &Context,
    caller: &RegisteringHost,
    request: RegisterRequest,
) -> ServiceResult<RegisterResponse> {
    let result = async {
        let application = Application::read(ctx, caller, request).await?;
        decide_again!(register_once(ctx, caller, &application))
    }
    .await;
    caller.record(ctx, "register", result).await
}

/// A registration request in the form the rules work with.
struct Application {
    key: PublicKey,
    jwks: Option<AgentJwks>,
    name: String,
    host_name: Option<String>,
    mode: Mode,
    asks: Vec<procura_agent_auth::request::Ask>,
    hints: ApprovalHints,
}

impl Application {
    async fn read(
        ctx: &Context,
        caller: &RegisteringHost,
        request: RegisterRequest,
    ) -> ServiceResult<Self> {
        let (key, jwks) = match caller.token.agent_key()? {
            AgentKey::Inline(key) => (key, None),
            AgentKey::Published(jwks) => {
                let key = published::registered_key(ctx, &jwks).await?;
                (key, Some(jwks))
            }
        };
        Ok(Self {
            key,
            jwks,
            name: display_name("name", &request.name)?,
            host_name: request
                .host_name
                .map(|name| display_name("host_name", &name))
                .transpose()?,
            mode: request.mode.unwrap_or(Mode::Delegated),
            asks: asks(request.capabilities.unwrap_or_default())?,
            hints: request.hints.cleaned()?,
        })
    }
}

async fn register_once(
    ctx: &Context,
    caller: &RegisteringHost,
    application: &Application,
) -> ServiceResult<RegisterResponse> {
    let now = caller.now;
    let mut tx = ctx.begin().await?;
    // Loaded again: the host may have changed, or come into being, since its token was verified.
    let host = match caller.token.jwks_url() {
        Some(url) => tx.find_host_by_jwks_url(url).await?,
        None => {
            tx.find_host_by_thumbprint(caller.token.thumbprint())
                .await?
        }
    };
    if let Some(host) = &host {
        host.status.require_not_ended()?;
        let key = Thumbprint::of(&application.key);
        if let Some(agent) = tx.find_agent_by_key(&host.id, &key).await? {
            return retry(ctx, tx, caller, host, agent, application).await;
        }
    }
    Algorithm::Ed25519.require_among(&ctx.policy().algorithms)?;
    let decision = decide(ctx, host.as_ref(), application)?;
    let host = settle_host(ctx, tx.as_mut(), host, &decision, caller, application, now).await?;
    let agent = new_agent(ctx, &host, application, decision.approver.is_none(), now);
    tx.insert_agent(&agent).await?;
    let mut opened = None;
    if let Some(approver) = decision.approver {
        let purpose = Purpose::Registration;
        opened = Some(
            approval::open(
                ctx,
                tx.as_mut(),
                &host,
                &agent,
                purpose,
                approver,
                &application.hints,
                now,
            )
            .await?,
        );
    }
    let approval_id = opened.as_ref().map(|opened| &opened.approval.id);
    let grants = insert_grants(
        ctx,
        tx.as_mut(),
        &agent.id,
        decision.verdicts,
        approval_id,
        &application.hints,
        now,
    )
    .await?;
    let mut entry = audit::about_agent(
        audit::entry(now, "agent.registered", audit::host_actor(&host)),
        &agent,
    );
    entry.outcome = agent.state.status().to_string();
    entry.jti = Some(caller.token.jti().to_owned());
    entry.detail =
        json!({ "mode": agent.mode, "name": agent.name, "capabilities": names(&grants) });
    tx.append_audit(vec![entry]).await?;
    tx.commit().await?;
    Ok(response(ctx, &agent, &grants, opened.as_ref(), now))
}

fn decide(
    ctx: &Context,
    host: Option<&Host>,
    application: &Application,
) -> Result<RegistrationDecision, Refusal> {
    let catalogue = ctx.catalogue();
    let wanted = resolve(application.asks.clone(), |name| catalogue.offer(name))?;
    let new_host_defaults = catalogue.defaults();
    let applicant = Applicant {
        mode: application.mode,
        host,
        new_host_defaults: &new_host_defaults,
    };
    registration::decide(applicant, wanted, &ctx.policy().registration)
}

/// The host to register under: the known one with its latest name, or a new one.
async fn settle_host(
    ctx: &Context,
    tx: &mut dyn Transaction,
    host: Option<Host>,
    decision: &RegistrationDecision,
    caller: &RegisteringHost,
    application: &Application,
    now: Timestamp,
) -> ServiceResult<Host> {
    if let Some(host) = host {
        tx.touch_host(&host.id, now, application.host_name.as_deref())
            .await?;
        return Ok(host);
    }
    let status = decision.new_host.unwrap_or(HostStatus::Pending);
    let host = Host {
        id: HostId::new(now, ctx.random()),
        name: application.host_name.clone(),
        public_key: caller.token.key().clone(),
        jwks: caller.token.jwks_url().map(|url| HostJwks {
            url: url.clone(),
            previous: None,
        }),
        user_id: None,
        default_capabilities: ctx.catalogue().defaults(),
        status,
        activated_at: (status == HostStatus::Active).then_some(now),
        last_used_at: Some(now),
        created_at: now,
        updated_at: now,
    };
    tx.insert_host(&host).await?;
    let entry = audit::about_host(
        audit::entry(now, "host.registered", audit::host_actor(&host)),
        &host,
    );
    tx.append_audit(vec![procura_store::audit::AuditEntry {
        outcome: status.to_string(),
        ..entry
    }])
    .await?;
    Ok(host)
}

fn new_agent(
    ctx: &Context,
    host: &Host,
    application: &Application,
    active: bool,
    now: Timestamp,
) -> Agent {
    let delegated = application.mode == Mode::Delegated;
    Agent {
        id: AgentId::new(now, ctx.random()),
        host_id: host.id.clone(),
        user_id: host.user_id.clone().filter(|_| delegated),
        name: application.name.clone(),
        mode: application.mode,
        public_key: application.key.clone(),
        jwks: application.jwks.clone(),
        state: if active {
            AgentState::Active { activated_at: now }
        } else {
            AgentState::NEW
        },
        last_used_at: None,
        created_at: now,
        updated_at: now,
    }
}

/// Writes the grants that verdicts call for.
pub(super) async fn insert_grants(
    ctx: &Context,
    tx: &mut dyn Transaction,
    agent_id: &AgentId,
    verdicts: Vec<Verdict>,
    approval_id: Option<&ApprovalId>,
    hints: &ApprovalHints,
    now: Timestamp,
) -> ServiceResult<Vec<Grant>> {
    let catalogue = ctx.catalogue();
    let mut grants = Vec::with_capacity(verdicts.len());
    for verdict in verdicts {
        let (state, reason) = match (verdict.outcome, approval_id) {
            (Outcome::Grant, _) => (
                GrantState::Active {
                    granted_by: Actor::Policy,
                },
                hints.reason.clone(),
            ),
            (Outcome::AskApprover, Some(id)) => (
                GrantState::Pending {
                    approval_id: id.clone(),
                },
                hints.reason.clone(),
            ),
            (Outcome::Deny(reason), _) => (
                GrantState::Denied {
                    denied_by: Actor::Policy,
                },
                Some(reason.to_owned()),
            ),
            (Outcome::AskApprover, None) => {
                return Err(
                    crate::Failure::Bug("a grant waits for an approval nobody opened").into(),
                );
            }
        };
        let grant = Grant {
            id: GrantId::new(now, ctx.random()),
            agent_id: agent_id.clone(),
            form: catalogue.form(&verdict.capability),
            capability: verdict.capability,
            constraints: verdict.constraints,
            state,
            reason,
            expires_at: None,
            uses: None,
            created_at: now,
            updated_at: now,
        };
        tx.insert_grant(&grant).await?;
        grants.push(grant);
    }
    Ok(grants)
}

/// The same key again (§5.3): a pending registration is returned as it was first asked for, with a new code;
/// every other state is a conflict.
async fn retry(
    ctx: &Context,
    mut tx: Box<dyn Transaction>,
    caller: &RegisteringHost,
    host: &Host,
    agent: Agent,
    application: &Application,
) -> ServiceResult<RegisterResponse> {
    let now = caller.now;
    let status = lifetime::state_at(&agent, &ctx.policy().lifetime, now).status();
    // The same key delivered in another way is no retry.
    if status != AgentStatus::Pending || agent.jwks != application.jwks {
        return Err(Refusal::AgentExists {
            status: status.as_str(),
        }
        .into());
    }
    let earlier = tx.list_open_approvals_by_agent(&agent.id).await?;
    let approver = earlier
        .first()
        .map_or(default_approver(agent.mode), |approval| approval.approver);
    for approval in &earlier {
        tx.close_approval(&approval.id, &ApprovalState::Cancelled)
            .await?;
    }
    let purpose = match agent.state.activated_at() {
        None => Purpose::Registration,
        Some(_) => Purpose::Reactivation,
    };
    let opened = approval::open(
        ctx,
        tx.as_mut(),
        host,
        &agent,
        purpose,
        approver,
        &application.hints,
        now,
    )
    .await?;
    wait_longer(tx.as_mut(), &agent, opened.approval.expires_at, now).await?;
    let replaced: Vec<_> = earlier.iter().map(|approval| approval.id.clone()).collect();
    for approval in earlier {
        tx.move_grants(&approval.id, &opened.approval.id, now)
            .await?;
    }
    let grants = tx.list_grants_by_agent(&agent.id).await?;
    let entry = audit::entry(now, "approval.renewed", audit::host_actor(host));
    let mut entry = audit::about_agent(entry, &agent);
    entry.jti = Some(caller.token.jti().to_owned());
    entry.detail = json!({ "approval_id": opened.approval.id, "replaced": replaced });
    tx.append_audit(vec![entry]).await?;
    tx.commit().await?;
    ctx.snapshots().drop_agents([&agent.id]);
    Ok(response(ctx, &agent, &grants, Some(&opened), now))
}

/// An agent that waits to go on falls back when its latest request runs out, not an earlier one.
async fn wait_longer(
    tx: &mut dyn Transaction,
    agent: &Agent,
    until: Timestamp,
    now: Timestamp,
) -> ServiceResult<()> {
    if agent.state.pending_until().is_none() {
        return Ok(());
    }
    tx.apply_agent(&AgentChange {
        id: agent.id.clone(),
        from: AgentStatus::Pending,
        to: agent.state.waiting_until(Some(until)),
        user_id: None,
        at: now,
    })
    .await?;
    Ok(())
}

fn default_approver(mode: Mode) -> ApproverKind {
    match mode {
        Mode::Delegated => ApproverKind::Person,
        Mode::Autonomous => ApproverKind::Administrator,
    }
}

fn response(
    ctx: &Context,
    agent: &Agent,
    grants: &[Grant],
    opened: Option<&Opened>,
    now: Timestamp,
) -> RegisterResponse {
    RegisterResponse {
        agent_id: agent.id.clone(),
        host_id: agent.host_id.clone(),
        name: agent.name.clone(),
        mode: agent.mode,
        status: agent.state.status().to_string(),
        agent_capability_grants: views::grants(ctx, grants, now),
        approval: opened.map(|opened| opened.object(ctx)),
    }
}

/// The capabilities of some grants, for the audit log.
pub(super) fn names(grants: &[Grant]) -> Vec<&str> {
    grants
        .iter()
        .map(|grant| grant.capability.as_str())
        .collect()
}
