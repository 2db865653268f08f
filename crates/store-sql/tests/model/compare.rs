//! The memory store and another do the same work.

use procura_store::memory::MemoryStore;
use procura_store::{Store, StoreError, StoreResult};
use proptest::collection::vec;
use proptest::prelude::*;

use super::op::{Op, apply, everything};
use super::strategy;

/// Calls of one transaction, and whether to commit it.
pub(crate) type Work = (Vec<Op>, bool);

/// A few transactions.
pub(crate) fn work() -> impl Strategy<Value = Vec<Work>> {
    vec(
        (vec(strategy::op(), 1..4), prop::bool::weighted(0.9)),
        1..24,
    )
}

/// Fails when the answers of a store without records differ from those of the memory store.
pub(crate) async fn compare(store: &dyn Store, work: Vec<Work>) {
    let memory = MemoryStore::new();
    let beginning = (strategy::beginning(), true);
    let work = std::iter::once(beginning).chain(work);
    for (ops, commit) in work {
        let expected = run(&memory, &ops, commit).await;
        assert_eq!(run(store, &ops, commit).await, expected, "{ops:?}");
        let expected = everything(memory.read().await.unwrap().as_mut()).await;
        let stored = everything(store.read().await.unwrap().as_mut()).await;
        assert_eq!(stored.unwrap(), expected.unwrap(), "after {ops:?}");
    }
}

/// The answers up to the first that is an error, after which the transaction is given up.
async fn run(store: &dyn Store, ops: &[Op], commit: bool) -> Vec<String> {
    let mut tx = store.begin().await.unwrap();
    let mut answers = Vec::new();
    for op in ops {
        let answer = apply(tx.as_mut(), op.clone()).await;
        let failed = answer.is_err();
        answers.push(describe(answer));
        if failed {
            return answers;
        }
    }
    answers.push(describe(everything(tx.as_mut()).await));
    if commit {
        answers.push(describe(tx.commit().await.map(|()| String::new())));
    }
    answers
}

/// Stores need not agree on the wording of an error.
fn describe(answer: StoreResult<String>) -> String {
    match answer {
        Ok(answer) => answer,
        Err(StoreError::NotFound(_)) => "not found".to_owned(),
        Err(StoreError::Conflict(what)) => format!("conflict: {what}"),
        Err(error) => panic!("{error}"),
    }
}
