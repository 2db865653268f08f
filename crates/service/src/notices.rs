//! Telling people what waits for them (AAP §7.2): notices are written with the request they are about, and sent
//! afterwards by whoever carries them out, so that no request waits for a receiver.

use std::time::Duration;

use procura_agent_auth::approval::Approval;
use procura_agent_auth::id::NoticeId;
use procura_agent_auth::notice::{Audience, NewNotice, Notice, NoticeState, Plan, plan};
use procura_keys::clock::Timestamp;
use procura_store::{StoreError, StoreResult, Transaction};

use crate::context::Context;
use crate::error::ServiceResult;

/// Writes down whom to tell of a request, in the transaction that opens it.
pub(crate) async fn note(
    ctx: &Context,
    tx: &mut dyn Transaction,
    approval: &Approval,
    now: Timestamp,
) -> StoreResult<()> {
    let Some(audience) = Audience::of(approval) else {
        return Ok(());
    };
    let receivers = ctx.policy().notices.receivers.iter();
    for receiver in receivers.filter(|one| one.events.contains(&audience.event())) {
        note_for(ctx, tx, &receiver.name, &audience, approval, now).await?;
    }
    Ok(())
}

async fn note_for(
    ctx: &Context,
    tx: &mut dyn Transaction,
    receiver: &str,
    audience: &Audience,
    approval: &Approval,
    now: Timestamp,
) -> StoreResult<()> {
    let policy = &ctx.policy().notices;
    let since = now.minus(policy.longest_quiet());
    let recent = tx.list_notices_to(receiver, audience, since).await?;
    let new = NewNotice {
        id: NoticeId::new(now, ctx.random()),
        receiver,
        audience,
    };
    match plan(&recent, approval, new, policy, now) {
        Plan::Update(notice) => tx.apply_notice(&notice, notice.attempts).await,
        Plan::Insert(notice) => {
            let waiting = tx
                .count_waiting_notices(receiver, policy.max_waiting)
                .await?;
            if waiting < policy.max_waiting {
                return tx.insert_notice(&notice).await;
            }
            tracing::warn!(receiver, "too many notices wait for this receiver");
            Ok(())
        }
    }
}

/// Begins the next attempt that is due for a receiver. Once this has returned, the notice is tried again only if
/// nobody [settles](settle) it within `lease`; so one that a crash cut short may come twice, under the same
/// identifier.
pub async fn begin(
    ctx: &Context,
    receiver: &str,
    lease: Duration,
) -> ServiceResult<Option<Notice>> {
    loop {
        let now = ctx.now();
        if ctx
            .read()
            .await?
            .find_due_notice(receiver, now)
            .await?
            .is_none()
        {
            return Ok(None);
        }
        let mut tx = ctx.begin().await?;
        // Somebody may have answered meanwhile, or another process have begun.
        let Some(mut notice) = tx.find_due_notice(receiver, now).await? else {
            return Ok(None);
        };
        let attempts = notice.attempts;
        keep_open(tx.as_mut(), &mut notice, now).await?;
        if notice.requests.is_empty() {
            notice.state = NoticeState::Dropped;
            notice.updated_at = now;
        } else if attempts >= ctx.policy().notices.tries {
            notice.state = NoticeState::Dead;
            notice.updated_at = now;
        } else {
            notice.attempt(lease, now);
        }
        tx.apply_notice(&notice, attempts).await?;
        tx.commit().await?;
        if notice.state == NoticeState::Waiting {
            return Ok(Some(notice));
        }
    }
}

/// A notice speaks of what still waits when it is sent, and of nothing else.
async fn keep_open(
    tx: &mut dyn Transaction,
    notice: &mut Notice,
    now: Timestamp,
) -> StoreResult<()> {
    let mut open = Vec::with_capacity(notice.requests.len());
    for request in std::mem::take(&mut notice.requests) {
        let found = tx.find_approval(&request.approval_id).await?;
        if found.is_some_and(|approval| approval.require_open(now).is_ok()) {
            open.push(request);
        }
    }
    notice.requests = open;
    Ok(())
}

/// Notes how an attempt went: delivered, or why not.
pub async fn settle(
    ctx: &Context,
    mut notice: Notice,
    outcome: Result<(), String>,
) -> ServiceResult<Notice> {
    let attempts = notice.attempts;
    notice.settle(outcome, ctx.policy().notices.tries, ctx.now());
    let mut tx = ctx.begin().await?;
    match tx.apply_notice(&notice, attempts).await {
        // It took so long that another attempt began, or the person's account is gone.
        Ok(()) | Err(StoreError::Conflict(_)) => {}
        Err(error) => return Err(error.into()),
    }
    tx.commit().await?;
    Ok(notice)
}
