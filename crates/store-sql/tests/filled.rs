//! A store with something in it.

use procura_store::Store;
use procura_store::audit::AuditRecord;
use procura_store::contract::samples::{
    agent, approval, at, entry, grant, host, pending_grant, person, seen, session,
};

/// Commits a record of each kind; two grants.
pub(crate) async fn fill(store: &dyn Store) {
    let one = agent(1, &host(1));
    let request = approval(1, &one);
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    tx.insert_agent(&one).await.unwrap();
    tx.insert_approval(&request).await.unwrap();
    tx.insert_grant(&grant(1, &one, "echo")).await.unwrap();
    tx.insert_grant(&pending_grant(2, &request, "pay"))
        .await
        .unwrap();
    tx.insert_person(&person(1)).await.unwrap();
    tx.insert_session(&session(1, &person(1))).await.unwrap();
    tx.append_audit((1..=4).map(entry).collect()).await.unwrap();
    tx.insert_seen(&[seen("a")], at(0)).await.unwrap();
    tx.commit().await.unwrap();
}

/// Whether what [`fill`] commits is there, as it was.
pub(crate) async fn assert_filled(store: &dyn Store) {
    let one = agent(1, &host(1));
    let request = approval(1, &one);
    let session = session(1, &person(1));
    let mut tx = store.read().await.unwrap();
    assert_eq!(tx.load_host(&host(1).id).await.unwrap(), host(1));
    assert_eq!(tx.find_agent(&one.id).await.unwrap(), Some(one.clone()));
    let grants = [grant(1, &one, "echo"), pending_grant(2, &request, "pay")];
    assert_eq!(tx.list_grants_by_agent(&one.id).await.unwrap(), grants);
    let found = tx.find_approval(&request.id).await.unwrap();
    assert_eq!(found, Some(request));
    assert_eq!(
        tx.find_person(&person(1).id).await.unwrap(),
        Some(person(1))
    );
    let found = tx.find_session(&session.token_digest).await.unwrap();
    assert_eq!(found, Some(session));
    let log = tx.list_audit(0, 9).await.unwrap();
    let entries: Vec<_> = log
        .into_iter()
        .map(|record: AuditRecord| record.entry().unwrap())
        .collect();
    assert_eq!(entries, (1..=4).map(entry).collect::<Vec<_>>());
    let now = seen("a").forget_at.minus(std::time::Duration::from_secs(1));
    assert_eq!(tx.list_seen(now).await.unwrap(), [seen("a")]);
}
