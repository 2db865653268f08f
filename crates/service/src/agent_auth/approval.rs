//! Opening a request for approval (§7): the record, its user code, and what the client is told.

use procura_agent_auth::agent::Agent;
use procura_agent_auth::approval::{Approval, ApprovalState, Purpose};
use procura_agent_auth::id::ApprovalId;
use procura_agent_auth::request::ApproverKind;
use procura_agent_auth::user_code::UserCode;
use procura_agent_auth::wire::approval::{ApprovalObject, DEVICE_AUTHORIZATION};
use procura_agent_auth::wire::register::ApprovalHints;
use procura_keys::clock::Timestamp;
use procura_store::Transaction;

use crate::context::Context;
use crate::error::{Failure, ServiceResult};

/// A request that was just opened. The code is here and with the client, and nowhere else.
pub(super) struct Opened {
    pub(super) approval: Approval,
    code: UserCode,
}

/// Opens a request, which replaces earlier ones of the agent only if the caller closes those.
pub(super) async fn open(
    ctx: &Context,
    tx: &mut dyn Transaction,
    agent: &Agent,
    purpose: Purpose,
    approver: ApproverKind,
    hints: &ApprovalHints,
    now: Timestamp,
) -> ServiceResult<Opened> {
    let code = new_code(ctx)?;
    let approval = Approval {
        id: ApprovalId::new(now, ctx.random()),
        agent_id: agent.id.clone(),
        host_id: agent.host_id.clone(),
        purpose,
        approver,
        code_digest: code.digest(),
        reason: hints.reason.clone(),
        binding_message: hints.binding_message.clone(),
        login_hint: hints.login_hint.clone(),
        state: ApprovalState::Open,
        created_at: now,
        expires_at: now.plus(ctx.policy().approval_expires_in),
    };
    tx.insert_approval(&approval).await?;
    Ok(Opened { approval, code })
}

impl Opened {
    /// What the client is told.
    pub(super) fn object(&self, ctx: &Context) -> ApprovalObject {
        let page = ctx.provider().url(PAGE);
        ApprovalObject {
            method: DEVICE_AUTHORIZATION.to_owned(),
            verification_uri_complete: Some(format!("{page}?code={}", self.code)),
            verification_uri: Some(page),
            user_code: Some(self.code.to_string()),
            binding_message: self.approval.binding_message.clone(),
            expires_in: ctx.policy().approval_expires_in.as_secs(),
            interval: ctx.policy().approval_interval.as_secs(),
        }
    }
}

fn new_code(ctx: &Context) -> Result<UserCode, Failure> {
    // 32 random bytes yield eight letters but for one time in 10^19; three tries are plenty.
    (0..3)
        .find_map(|_| UserCode::from_random(ctx.random()))
        .ok_or(Failure::Bug("no user code could be drawn"))
}

/// Where people approve.
const PAGE: &str = "/device";
