//! One of several processes: keeps up with what the others do.

pub(crate) mod life;

use std::time::Duration;

use procura_store::nodes::Feed;
use tokio::time::sleep;

use crate::context::WeakContext;

pub use self::life::leave;

/// Takes in the news of a store for as long as anybody uses the context.
pub(crate) async fn follow(ctx: WeakContext, feed: Box<dyn Feed>) {
    let mut feed = Some(feed);
    while let Some(listening) = feed {
        hear(&ctx, listening).await;
        feed = listen_again(&ctx).await;
    }
}

/// Until the session is lost. From then on, memory is not trusted.
async fn hear(ctx: &WeakContext, mut feed: Box<dyn Feed>) {
    loop {
        let news = feed.next().await;
        let Some(ctx) = ctx.upgrade() else { return };
        match news {
            Ok(news) => ctx.snapshots().hear(&news),
            Err(error) => {
                ctx.snapshots().distrust();
                tracing::warn!(%error, "changes by other nodes are not heard: every call asks the database");
                return;
            }
        }
    }
}

async fn listen_again(ctx: &WeakContext) -> Option<Box<dyn Feed>> {
    loop {
        let listening = ctx.upgrade()?;
        match listening.store().listen().await {
            Ok(feed) => {
                // Whatever was changed since the last news is known to nobody here.
                listening.snapshots().drop_all();
                tracing::info!("changes by other nodes are heard again");
                return feed;
            }
            Err(error) => tracing::debug!(%error, "changes by other nodes cannot be listened to"),
        }
        drop(listening);
        sleep(RETRY_EVERY).await;
    }
}

const RETRY_EVERY: Duration = Duration::from_millis(200);
