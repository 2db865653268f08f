//! Sends notices: one task for each receiver, so that a slow or dead one keeps nobody else waiting, and no request
//! either. What is not sent when the server stops stays in the store and goes after the next start.

pub mod mail;
pub mod push;
pub mod webhook;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use procura_agent_auth::notice::{Notice, NoticeState, Undelivered};
use procura_service::{Context, ServiceResult, notices};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::mail::Mail;
use self::push::Push;
use self::webhook::Webhook;

/// A way to send a notice.
#[async_trait]
pub trait Sender: Send + Sync {
    /// What the receiver is called.
    fn name(&self) -> &str;
    /// Sends a notice. What went wrong is said without secrets, for the delivery log.
    async fn send(&self, ctx: &Context, notice: &Notice) -> Result<(), Undelivered>;
}

/// All ways to send a notice.
pub fn senders(
    webhooks: Vec<Webhook>,
    mail: Option<Box<Mail>>,
    push: Option<Arc<Push>>,
) -> Vec<Box<dyn Sender>> {
    let webhooks = webhooks.into_iter();
    let webhooks = webhooks.map(|webhook| Box::new(webhook) as Box<dyn Sender>);
    let mail = mail.into_iter().map(|mail| mail as Box<dyn Sender>);
    let push = push.into_iter();
    let push = push.map(|push| Box::new(push) as Box<dyn Sender>);
    webhooks.chain(mail).chain(push).collect()
}

/// Sends what is due to all receivers, until `stopped` changes or its sender is gone. An attempt that is under way
/// ends before this does.
pub async fn run(ctx: Context, senders: Vec<Box<dyn Sender>>, stopped: watch::Receiver<()>) {
    let mut tasks = JoinSet::new();
    for sender in senders {
        tasks.spawn(serve(ctx.clone(), sender, stopped.clone()));
    }
    while tasks.join_next().await.is_some() {}
}

async fn serve(ctx: Context, sender: Box<dyn Sender>, mut stopped: watch::Receiver<()>) {
    loop {
        let next = match send_next(&ctx, sender.as_ref()).await {
            Ok(true) => Duration::ZERO,
            Ok(false) => LOOK_EVERY,
            Err(error) => {
                tracing::error!(%error, receiver = sender.name(), "notices cannot be sent");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            biased;
            _ = stopped.changed() => return,
            () = tokio::time::sleep(next) => {}
        }
    }
}

/// Sends the next notice that is due, and says whether there was one.
pub async fn send_next(ctx: &Context, sender: &dyn Sender) -> ServiceResult<bool> {
    let Some(notice) = notices::begin(ctx, sender.name(), LEASE).await? else {
        return Ok(false);
    };
    let outcome = sender.send(ctx, &notice).await;
    let notice = notices::settle(ctx, notice, outcome).await?;
    if notice.state != NoticeState::Delivered {
        tracing::warn!(
            receiver = notice.receiver,
            notice.id = notice.id.as_str(),
            attempts = notice.attempts,
            status = notice.state.as_str(),
            error = notice.error,
            "a notice was not delivered"
        );
    }
    Ok(true)
}

/// Longer than any attempt takes.
pub(crate) const LEASE: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_secs(1);
const AFTER_FAILURE: Duration = Duration::from_secs(10);
