//! Calls that finish later.

use std::sync::Arc;

use serde_json::json;

use super::samples::{at, job};
use crate::jobs::JobState;
use crate::nodes::NodeId;
use crate::{Store, StoreError};

/// Whatever its result is.
pub async fn a_job_comes_back_as_it_was_in_every_state(store: &Arc<dyn Store>) {
    let states = [
        JobState::Pending,
        JobState::Completed(
            json!({ "lines": 12, "text": "a\0b\\", "large": 18_446_744_073_709_551_615_u64 }),
        ),
        JobState::Completed(json!(null)),
        JobState::Failed(None),
        JobState::Failed(Some(json!({ "error": "invalid_request" }))),
        JobState::Interrupted,
    ];
    for (number, state) in (1..).zip(states) {
        let mut job = job(number);
        job.jti = "a\0b\\".to_owned();
        job.forget_at = (state != JobState::Pending).then(|| at(3600));
        job.state = state;
        let mut tx = store.begin().await.unwrap();
        tx.insert_job(&job).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = store.read().await.unwrap();
        assert_eq!(tx.find_job(&job.id, at(3599)).await.unwrap(), Some(job));
    }
    let mut tx = store.read().await.unwrap();
    assert_eq!(tx.find_job("job_none", at(0)).await.unwrap(), None);
}

/// Nobody takes another's.
pub async fn a_job_has_a_name_of_its_own(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_job(&job(1)).await.unwrap();
    let second = tx.insert_job(&job(1)).await;
    assert!(matches!(second, Err(StoreError::Conflict("job"))));
}

/// What comes later changes nothing.
pub async fn a_job_ends_once(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_job(&job(1)).await.unwrap();
    let done = JobState::Completed(json!(1));
    tx.settle_job(&job(1).id, &done, at(3600)).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = store.begin().await.unwrap();
    let interrupted = JobState::Interrupted;
    for id in [job(1).id, job(2).id] {
        let again = tx.settle_job(&id, &interrupted, at(7200)).await;
        assert!(matches!(again, Err(StoreError::Conflict("job"))), "{id}");
    }
    let found = tx.find_job(&job(1).id, at(0)).await.unwrap().unwrap();
    assert_eq!((found.state, found.forget_at), (done, Some(at(3600))));
}

/// However many there are.
pub async fn of_parallel_ends_one_counts(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_job(&job(1)).await.unwrap();
    tx.commit().await.unwrap();
    let ends = (0..8).map(|number| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            let state = JobState::Completed(json!(number));
            tx.settle_job(&job(1).id, &state, at(3600)).await?;
            tx.commit().await.map(|()| state)
        })
    });
    let mut counted = Vec::new();
    for end in ends.collect::<Vec<_>>() {
        counted.extend(end.await.unwrap());
    }
    assert_eq!(counted.len(), 1);
    let mut tx = store.read().await.unwrap();
    let found = tx.find_job(&job(1).id, at(0)).await.unwrap().unwrap();
    assert_eq!(found.state, counted[0]);
}

/// Those that have ended are not.
pub async fn pending_jobs_are_found_by_their_node(store: &Arc<dyn Store>) {
    let node = |number| NodeId(format!("node_{number}"));
    let mut tx = store.begin().await.unwrap();
    for (number, at_node) in [(1, 2), (2, 1), (3, 2), (4, 3), (5, 2)] {
        let mut job = job(number);
        job.node = node(at_node);
        tx.insert_job(&job).await.unwrap();
    }
    for ended in [4, 5] {
        let state = JobState::Failed(None);
        tx.settle_job(&job(ended).id, &state, at(1)).await.unwrap();
    }
    let nodes = tx.list_nodes_of_pending_jobs().await.unwrap();
    assert_eq!(nodes, [node(1), node(2)]);
    let jobs = tx.list_pending_jobs_of(&node(2), 9).await.unwrap();
    let ids: Vec<_> = jobs.into_iter().map(|job| job.id).collect();
    assert_eq!(ids, [job(1).id, job(3).id]);
    let first = tx.list_pending_jobs_of(&node(2), 1).await.unwrap();
    assert_eq!(first.len(), 1);
    assert_eq!(tx.list_pending_jobs_of(&node(3), 9).await.unwrap(), []);
}

/// From their time on they are not found either. Those that run stay.
pub async fn old_jobs_are_forgotten_in_bounded_numbers(store: &Arc<dyn Store>) {
    let mut tx = store.begin().await.unwrap();
    for (number, end) in [(1, Some(10)), (2, Some(11)), (3, Some(12)), (4, None)] {
        tx.insert_job(&job(number)).await.unwrap();
        if let Some(end) = end {
            let state = JobState::Interrupted;
            tx.settle_job(&job(number).id, &state, at(end))
                .await
                .unwrap();
        }
    }
    assert!(tx.find_job(&job(2).id, at(10)).await.unwrap().is_some());
    assert!(tx.find_job(&job(2).id, at(11)).await.unwrap().is_none());
    assert_eq!(tx.delete_old_jobs(at(11), 1).await.unwrap(), 1);
    assert_eq!(tx.delete_old_jobs(at(11), 9).await.unwrap(), 1);
    assert_eq!(tx.delete_old_jobs(at(11), 9).await.unwrap(), 0);
    assert!(tx.find_job(&job(1).id, at(0)).await.unwrap().is_none());
    assert!(tx.find_job(&job(3).id, at(0)).await.unwrap().is_some());
    assert!(tx.find_job(&job(4).id, at(9999)).await.unwrap().is_some());
}
