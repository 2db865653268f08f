//! All or nothing, one writer at a time, and readers that see one state.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use procura_agent_auth::host::{Host, HostStatus};

use super::samples::{
    agent, approval, at, entry, grant, host, key, page, pending_grant, person, seen, session,
};
use crate::agent_auth::{AgentFilter, HostChange};
use crate::{Store, StoreError, Transaction};

/// Records of every kind.
pub async fn dropping_a_transaction_undoes_all_of_it(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    write_everything(tx.as_mut()).await;
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    assert_eq!(count_everything(tx.as_mut()).await, [0; 8]);
    write_everything(tx.as_mut()).await;
    tx.commit().await.unwrap();
    let mut tx = store.read().await.unwrap();
    assert_eq!(count_everything(tx.as_mut()).await, [1; 8]);
}

/// Before they are committed.
pub async fn a_transaction_sees_its_own_writes(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    write_everything(tx.as_mut()).await;
    assert_eq!(count_everything(tx.as_mut()).await, [1; 8]);
}

/// All of them, once they are.
pub async fn readers_see_committed_writes_only(store: &Arc<dyn Store>) {
    let mut writer = store.begin().await.unwrap();
    write_everything(writer.as_mut()).await;
    let mut reader = store.read().await.unwrap();
    assert_eq!(count_everything(reader.as_mut()).await, [0; 8]);
    writer.commit().await.unwrap();
    let mut reader = store.read().await.unwrap();
    assert_eq!(count_everything(reader.as_mut()).await, [1; 8]);
}

/// Whatever is committed meanwhile.
pub async fn a_reader_keeps_the_state_it_found(store: &Arc<dyn Store>) {
    let mut reader = store.read().await.unwrap();
    assert_eq!(count_everything(reader.as_mut()).await, [0; 8]);
    let mut writer = store.begin().await.unwrap();
    write_everything(writer.as_mut()).await;
    writer.commit().await.unwrap();
    assert_eq!(count_everything(reader.as_mut()).await, [0; 8]);
    reader.commit().await.unwrap();
}

/// Nothing of the attempt stays.
pub async fn a_reader_cannot_write(store: &Arc<dyn Store>) {
    let mut reader = store.read().await.unwrap();
    let refused = reader.insert_host(&host(1)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    let refused = reader.append_audit(vec![entry(1)]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    drop(reader);
    let mut reader = store.read().await.unwrap();
    assert_eq!(count_everything(reader.as_mut()).await, [0; 8]);
}

/// And then sees what the first has done, although it had come before that was committed.
pub async fn a_second_writer_waits_for_the_first(store: &Arc<dyn Store>) {
    let mut first = store.begin().await.unwrap();
    let mut second = store.begin();
    let early = poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx))).await;
    assert!(early.is_pending());
    write_everything(first.as_mut()).await;
    first.commit().await.unwrap();
    let mut second = second.await.unwrap();
    assert_eq!(count_everything(second.as_mut()).await, [1; 8]);
}

/// The others learn that it is taken.
pub async fn of_parallel_writers_one_gets_the_key(store: &Arc<dyn Store>) {
    let results = in_parallel(store, |store, number| async move {
        let same_key = Host {
            public_key: key(1),
            ..host(number)
        };
        let mut tx = store.begin().await?;
        tx.insert_host(&same_key).await?;
        tx.commit().await
    });
    assert_one_succeeded(&results.await);
    let mut tx = store.read().await.unwrap();
    assert_eq!(tx.list_hosts(page(None, 99)).await.unwrap().len(), 1);
}

/// The others find that the state has changed, although each had seen the one it expected.
pub async fn of_parallel_transitions_one_succeeds(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    tx.commit().await.unwrap();
    let results = in_parallel(store, |store, number| async move {
        let seen = store.read().await?.load_host(&host(1).id).await?;
        let revoke = HostChange {
            id: seen.id,
            from: HostStatus::Active,
            to: HostStatus::Revoked,
            link: None,
            at: at(number.into()),
        };
        let mut tx = store.begin().await?;
        tx.apply_host(&revoke).await?;
        tx.commit().await
    });
    assert_one_succeeded(&results.await);
}

/// Also of what was in order, and the next writer gets its turn.
pub async fn a_failed_commit_keeps_nothing(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    write_everything(tx.as_mut()).await;
    tx.insert_agent(&agent(2, &host(2))).await.unwrap();
    assert!(matches!(tx.commit().await, Err(StoreError::NotFound(_))));
    let mut tx = store.begin().await.unwrap();
    assert_eq!(count_everything(tx.as_mut()).await, [0; 8]);
}

/// Records may point at nothing as long as they do not do so in the end.
pub async fn what_is_gone_by_the_commit_needs_nothing(store: &Arc<dyn Store>) {
    let one = agent(1, &host(1));
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    tx.insert_agent(&one).await.unwrap();
    let waiting = pending_grant(1, &approval(1, &one), "echo");
    tx.insert_grant(&waiting).await.unwrap();
    tx.revoke_grants_of_agents(&[one.id], at(1)).await.unwrap();
    let orphan = session(1, &person(1));
    tx.insert_session(&orphan).await.unwrap();
    tx.delete_session(&orphan.token_digest).await.unwrap();
    tx.insert_person(&person(2)).await.unwrap();
    let leaving = session(2, &person(2));
    tx.insert_session(&leaving).await.unwrap();
    tx.delete_person(&person(2).id).await.unwrap();
    tx.commit().await.unwrap();
}

async fn write_everything(tx: &mut dyn Transaction) {
    let one = agent(1, &host(1));
    tx.insert_host(&host(1)).await.unwrap();
    tx.insert_agent(&one).await.unwrap();
    tx.insert_grant(&grant(1, &one, "echo")).await.unwrap();
    tx.insert_approval(&approval(1, &one)).await.unwrap();
    tx.insert_person(&person(1)).await.unwrap();
    tx.insert_session(&session(1, &person(1))).await.unwrap();
    tx.append_audit(vec![entry(1)]).await.unwrap();
    tx.insert_seen(&[seen("a")], at(0)).await.unwrap();
}

async fn count_everything(tx: &mut dyn Transaction) -> [usize; 8] {
    let one = agent(1, &host(1));
    let session = session(1, &person(1)).token_digest;
    let all = AgentFilter::default();
    [
        tx.list_hosts(page(None, 9)).await.unwrap().len(),
        tx.list_agents(&all, page(None, 9)).await.unwrap().len(),
        tx.list_grants_by_agent(&one.id).await.unwrap().len(),
        tx.list_open_approvals(at(0), page(None, 9))
            .await
            .unwrap()
            .len(),
        tx.list_persons(page(None, 9)).await.unwrap().len(),
        usize::from(tx.find_session(&session).await.unwrap().is_some()),
        tx.list_audit(0, 9).await.unwrap().len(),
        tx.list_seen(at(0)).await.unwrap().len(),
    ]
}

async fn in_parallel<F>(
    store: &Arc<dyn Store>,
    attempt: impl Fn(Arc<dyn Store>, u32) -> F,
) -> Vec<Result<(), StoreError>>
where
    F: Future<Output = Result<(), StoreError>> + Send + 'static,
{
    let attempts: Vec<_> = (1..=8)
        .map(|number| tokio::spawn(attempt(Arc::clone(store), number)))
        .collect();
    let mut results = Vec::new();
    for attempt in attempts {
        results.push(attempt.await.unwrap());
    }
    results
}

fn assert_one_succeeded(results: &[Result<(), StoreError>]) {
    let (done, refused): (Vec<_>, Vec<_>) = results.iter().partition(|result| result.is_ok());
    assert_eq!(done.len(), 1, "{results:?}");
    let conflict =
        |result: &&Result<(), StoreError>| matches!(result, Err(StoreError::Conflict("host")));
    assert!(refused.iter().all(conflict), "{results:?}");
}
