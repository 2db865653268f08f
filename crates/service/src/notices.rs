//! Telling people what waits for them (AAP §7.2): notices are written with the request they are about, and sent
//! afterwards by whoever carries them out, so that no request waits for a receiver.

mod letter;
mod push;
mod tally;

use std::collections::BTreeSet;
use std::time::Duration;

use procura_agent_auth::approval::{Approval, ApprovalState};
use procura_agent_auth::id::{ApprovalId, HostId, NoticeId, UserId};
use procura_agent_auth::notice::{
    Audience, NewNotice, Notice, NoticeEvent, NoticeState, Plan, Receiver, Recent, Undelivered,
    Way, plan,
};
use procura_keys::clock::Timestamp;
use procura_people::mail::MailChoice;
use procura_people::person::PersonId;
use procura_store::{StoreError, StoreResult, Transaction};

pub use self::letter::{Letter, letter};
pub use self::push::{PushSecrets, devices, forget_device, push_secrets};
pub use self::tally::{Happening, Tally};
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
        if reaches(tx, receiver, &audience).await? {
            note_for(ctx, tx, &receiver.name, &audience, approval, now).await?;
        }
    }
    Ok(())
}

/// Whether any receiver tells this person of what waits in their inbox.
pub(crate) async fn reach_person(
    ctx: &Context,
    tx: &mut dyn Transaction,
    user: &UserId,
) -> StoreResult<bool> {
    let audience = Audience::Person(user.clone());
    let receivers = ctx.policy().notices.receivers.iter();
    for receiver in receivers.filter(|one| one.events.contains(&NoticeEvent::InboxWaiting)) {
        if reaches(tx, receiver, &audience).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whoever may not sign in, wants no e-mail, or has no device is not reached.
async fn reaches(
    tx: &mut dyn Transaction,
    receiver: &Receiver,
    audience: &Audience,
) -> StoreResult<bool> {
    let Audience::Person(user) = audience else {
        return Ok(true);
    };
    let wanted = match receiver.way {
        Way::Service => return Ok(true),
        Way::Mail => tx.find_mail_choice(user).await? == MailChoice::On,
        Way::Push => !tx.list_push_devices(user).await?.is_empty(),
    };
    let person = tx.find_person(&PersonId(user.0.clone())).await?;
    Ok(wanted && person.is_some_and(|person| !person.disabled))
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
    let recent = Recent {
        notices: &recent,
        approved: &approved(tx, &recent, &approval.host_id).await?,
    };
    match plan(recent, approval, new, policy, now) {
        Plan::Update(notice) => tx.apply_notice(&notice, notice.attempts).await,
        Plan::Insert(notice) => {
            let waiting = tx
                .count_waiting_notices(receiver, policy.max_waiting)
                .await?;
            if waiting < policy.max_waiting {
                ctx.count_notice(receiver, Happening::Queued);
                return tx.insert_notice(&notice).await;
            }
            tracing::warn!(receiver, "too many notices wait for this receiver");
            Ok(())
        }
    }
}

/// The requests of an app, among those that notices name, that were approved.
async fn approved(
    tx: &mut dyn Transaction,
    notices: &[Notice],
    host: &HostId,
) -> StoreResult<BTreeSet<ApprovalId>> {
    let named = notices.iter().flat_map(|notice| &notice.requests);
    let mut approved = BTreeSet::new();
    for request in named.filter(|request| request.host_id == *host) {
        let found = tx.find_approval(&request.approval_id).await?;
        if found.is_some_and(|found| matches!(found.state, ApprovalState::Approved { .. })) {
            approved.insert(request.approval_id.clone());
        }
    }
    Ok(approved)
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
        let known = ctx.policy().notices.receivers.iter();
        let known = known.filter(|one| one.name == receiver).take(1);
        for receiver in known {
            if !reaches(tx.as_mut(), receiver, &notice.audience).await? {
                notice.requests.clear();
            }
        }
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
        ctx.count_notice(receiver, Happening::of(notice.state));
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
    outcome: Result<(), Undelivered>,
) -> ServiceResult<Notice> {
    let attempts = notice.attempts;
    if outcome.is_err() {
        ctx.count_notice(&notice.receiver, Happening::Failed);
    }
    notice.settle(outcome, ctx.policy().notices.tries, ctx.now());
    let mut tx = ctx.begin().await?;
    match tx.apply_notice(&notice, attempts).await {
        // It took so long that another attempt began, or the person's account is gone.
        Ok(()) | Err(StoreError::Conflict(_)) => {}
        Err(error) => return Err(error.into()),
    }
    tx.commit().await?;
    if notice.state != NoticeState::Waiting {
        ctx.count_notice(&notice.receiver, Happening::of(notice.state));
    }
    Ok(notice)
}
