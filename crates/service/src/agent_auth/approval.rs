//! Opening a request for approval (§7): the record, its method, and what the client is told.

use procura_agent_auth::agent::Agent;
use procura_agent_auth::approval::{Approval, ApprovalState, Channel, Purpose};
use procura_agent_auth::host::Host;
use procura_agent_auth::id::ApprovalId;
use procura_agent_auth::method;
use procura_agent_auth::notification::NotificationToken;
use procura_agent_auth::request::ApproverKind;
use procura_agent_auth::user_code::UserCode;
use procura_agent_auth::wire::approval::ApprovalObject;
use procura_agent_auth::wire::register::ApprovalHints;
use procura_keys::clock::Timestamp;
use procura_store::Transaction;

use super::notification;
use crate::context::Context;
use crate::error::{Failure, ServiceResult};
use crate::notices;

/// A request that was just opened. If it has a code, that is here and with the client, and nowhere else.
pub(super) struct Opened {
    pub(super) approval: Approval,
    code: Option<UserCode>,
    notification: Option<NotificationToken>,
}

/// Opens a request. Those it replaces have to be closed before, so that they do not count against it.
#[expect(clippy::too_many_arguments, reason = "all of them go into one record")]
pub(super) async fn open(
    ctx: &Context,
    tx: &mut dyn Transaction,
    host: &Host,
    agent: &Agent,
    purpose: Purpose,
    approver: ApproverKind,
    hints: &ApprovalHints,
    now: Timestamp,
) -> ServiceResult<Opened> {
    let notified = ctx.policy().approval_notifications;
    let notification = notified.then(|| NotificationToken::new(ctx.random()));
    let (channel, code) = channel(ctx, tx, host, approver, hints, now).await?;
    let approval = Approval {
        id: ApprovalId::new(now, ctx.random()),
        agent_id: agent.id.clone(),
        host_id: agent.host_id.clone(),
        purpose,
        approver,
        channel,
        reason: hints.reason.clone(),
        binding_message: hints.binding_message.clone(),
        login_hint: hints.login_hint.clone(),
        notification: notification.as_ref().map(NotificationToken::digest),
        state: ApprovalState::Open,
        created_at: now,
        expires_at: ends_at(ctx, now),
    };
    tx.insert_approval(&approval).await?;
    notices::note(ctx, tx, &approval, now).await?;
    Ok(Opened {
        approval,
        code,
        notification,
    })
}

/// When a request that is made now can no longer be answered.
pub(super) fn ends_at(ctx: &Context, now: Timestamp) -> Timestamp {
    now.plus(ctx.policy().approval_expires_in)
}

/// A method of the server's own if the client prefers one, the inbox of the person the host belongs to if it has room,
/// or a new code.
async fn channel(
    ctx: &Context,
    tx: &mut dyn Transaction,
    host: &Host,
    approver: ApproverKind,
    hints: &ApprovalHints,
    now: Timestamp,
) -> ServiceResult<(Channel, Option<UserCode>)> {
    let policy = ctx.policy();
    let preferred = hints.preferred_method.as_deref();
    if let Some(custom) = method::custom(&policy.custom_methods, preferred) {
        let method = custom.name.clone();
        return Ok((Channel::Custom { method }, None));
    }
    let prefers_inbox = policy.notices.prefers_inbox && is_told(ctx, tx, host).await?;
    let methods = &policy.approval_methods;
    let Some(person) = method::inbox_of(methods, preferred, approver, host, prefers_inbox) else {
        return by_code(ctx);
    };
    let waiting = tx.list_inbox(person, now).await?;
    match policy.inbox.require_room(&waiting, &host.id, now) {
        // The client did not ask for the inbox, so that a full one is no reason to turn it away.
        Err(_) if preferred.is_none() => return by_code(ctx),
        room => room?,
    }
    let user_id = person.clone();
    Ok((Channel::Inbox { user_id }, None))
}

/// Whether the person the host belongs to learns of what waits in their inbox.
async fn is_told(ctx: &Context, tx: &mut dyn Transaction, host: &Host) -> ServiceResult<bool> {
    match &host.user_id {
        Some(user) => Ok(notices::reach_person(ctx, tx, user).await?),
        None => Ok(false),
    }
}

fn by_code(ctx: &Context) -> ServiceResult<(Channel, Option<UserCode>)> {
    let code = new_code(ctx)?;
    let digest = code.digest();
    Ok((Channel::Code { digest }, Some(code)))
}

impl Opened {
    /// What the client is told.
    pub(super) fn object(&self, ctx: &Context) -> ApprovalObject {
        let page = ctx.provider().url(PAGE);
        let complete = |code| format!("{page}?code={code}");
        let method = Some(self.approval.channel.method());
        let custom = method::custom(&ctx.policy().custom_methods, method);
        ApprovalObject {
            method: self.approval.channel.method().to_owned(),
            verification_uri_complete: self.code.as_ref().map(complete),
            verification_uri: self.code.as_ref().map(|_| page.clone()),
            user_code: self.code.as_ref().map(ToString::to_string),
            binding_message: self.approval.binding_message.clone(),
            instructions: custom.map(|custom| custom.instructions.clone()),
            url: custom.and_then(|custom| custom.url.clone()),
            notification_url: self.notification.as_ref().map(|token| {
                ctx.provider()
                    .url(&format!("{}{}", notification::PATH, token.expose()))
            }),
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
