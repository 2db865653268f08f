//! Secrets of the installation, which every node and every later start has to know alike: made once, kept in the store.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use procura_agent_auth::token::nonce::{self, NonceKey, NonceKeys};
use procura_keys::clock::Timestamp;
use procura_store::secrets::Secret;
use procura_store::{Store, StoreResult, Transaction};

use crate::audit;
use crate::context::Context;
use crate::error::ServiceResult;

/// The secret by which push services know this server. Until there is one, it is made of `own`.
pub async fn push_secret(ctx: &Context, own: [u8; 32]) -> ServiceResult<[u8; 32]> {
    Ok(first(ctx.store(), WEB_PUSH, own, ctx.now()).await?.value)
}

/// Makes DPoP nonces with a new key before long. Nonces made with the one before stay good for their time.
pub async fn rotate_nonces(ctx: &Context, actor: &str) -> ServiceResult<()> {
    let now = ctx.now();
    let mut tx = ctx.begin().await?;
    let kept = tx.list_secrets(NONCES).await?;
    let number = kept.first().map_or(1, |newest| newest.number + 1);
    tx.insert_secret(&Secret {
        purpose: NONCES.to_owned(),
        number,
        value: ctx.random(),
        created_at: now,
    })
    .await?;
    let rotated = audit::entry(now, "nonces.rotated", actor.to_owned());
    tx.append_audit(vec![rotated]).await?;
    tx.commit().await?;
    reload(ctx).await
}

/// Takes up keys that another node has made. Call it each minute.
pub async fn reload(ctx: &Context) -> ServiceResult<()> {
    let mut tx = ctx.read().await?;
    ctx.nonces().reload(tx.as_mut()).await?;
    Ok(())
}

/// Renews what has been in use for long, and forgets what is of no use any more.
pub(crate) async fn keep_house(ctx: &Context, actor: &str, now: Timestamp) -> ServiceResult<()> {
    let kept = ctx.read().await?.list_secrets(NONCES).await?;
    let is_old = |newest: &Secret| newest.created_at.plus(ROTATE_AFTER) <= now;
    if kept.first().is_some_and(is_old) {
        rotate_nonces(ctx, actor).await?;
    }
    // What comes after one whose nonces are still good is still good itself.
    let needed = kept.windows(2).find_map(|pair| match pair {
        [after, before] if nonce::is_over(after.created_at, now) => Some(before.number + 1),
        _ => None,
    });
    if let Some(needed) = needed {
        let mut tx = ctx.begin().await?;
        tx.delete_secrets_before(NONCES, needed).await?;
        tx.commit().await?;
        reload(ctx).await?;
    }
    Ok(())
}

/// The keys of nonces, as this node knows them.
#[derive(Debug)]
pub(crate) struct Nonces {
    keys: RwLock<Arc<NonceKeys>>,
}

impl Nonces {
    /// Those of the store. Until there is one, it is made of `fresh`.
    pub(crate) async fn load(
        store: &dyn Store,
        fresh: [u8; 32],
        now: Timestamp,
    ) -> StoreResult<Self> {
        let newest = first(store, NONCES, fresh, now).await?;
        let key = NonceKeys::first(NonceKey::new(newest.value), newest.created_at);
        let nonces = Self {
            keys: RwLock::new(Arc::new(key)),
        };
        nonces.reload(store.read().await?.as_mut()).await?;
        Ok(nonces)
    }

    /// What nonces are made and recognised with now.
    pub(crate) fn keys(&self) -> Arc<NonceKeys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn reload(&self, tx: &mut dyn Transaction) -> StoreResult<()> {
        let kept = tx.list_secrets(NONCES).await?;
        let mut oldest_first = kept.into_iter().rev();
        if let Some(oldest) = oldest_first.next() {
            let first = NonceKeys::first(NonceKey::new(oldest.value), oldest.created_at);
            let keys = oldest_first.fold(first, |keys, next| {
                keys.followed_by(NonceKey::new(next.value), next.created_at)
            });
            *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        }
        Ok(())
    }
}

/// The newest secret of a purpose, or the first, made of these bytes. Writers take turns, so of nodes that start at once
/// one makes it and all others find it.
async fn first(
    store: &dyn Store,
    purpose: &str,
    fresh: [u8; 32],
    now: Timestamp,
) -> StoreResult<Secret> {
    if let Some(newest) = newest(store.read().await?.as_mut(), purpose).await? {
        return Ok(newest);
    }
    let mut tx = store.begin().await?;
    if let Some(newest) = newest(tx.as_mut(), purpose).await? {
        return Ok(newest);
    }
    let made = Secret {
        purpose: purpose.to_owned(),
        number: 1,
        value: fresh,
        created_at: now,
    };
    tx.insert_secret(&made).await?;
    tx.commit().await?;
    Ok(made)
}

async fn newest(tx: &mut dyn Transaction, purpose: &str) -> StoreResult<Option<Secret>> {
    Ok(tx.list_secrets(purpose).await?.into_iter().next())
}

const NONCES: &str = "dpop-nonces";
const WEB_PUSH: &str = "web-push";
/// How long nonces are made with one key.
const ROTATE_AFTER: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use procura_store_sqlite::SqliteStore;

    use super::*;

    /// On a store that takes its time, so that all look before any writes.
    #[tokio::test]
    async fn of_those_who_start_at_once_one_makes_the_secret_and_all_have_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("procura.db");
        let store = SqliteStore::open(&file).await.unwrap();
        let now = Timestamp::from_millis(0);
        let starting = (0..8).map(|own| first(&store, "x", [own; 32], now));
        let found: Vec<_> = join_all(starting).await.into_iter().flatten().collect();
        assert_eq!(found.len(), 8);
        assert!(found.iter().all(|secret| *secret == found[0]));
    }
}
