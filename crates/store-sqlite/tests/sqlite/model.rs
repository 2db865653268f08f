//! Random work gets the same answers from the memory store and from a file.

use procura_store::memory::MemoryStore;
use procura_store::{Store, StoreError, StoreResult};
use proptest::collection::vec;
use proptest::prelude::*;

use self::op::{Op, apply, everything};
use crate::support::Files;

mod op;
mod strategy;

/// Calls of one transaction, and whether to commit it.
type Work = (Vec<Op>, bool);

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn both_stores_give_the_same_answers(
        work in vec((vec(strategy::op(), 1..4), prop::bool::weighted(0.9)), 1..24),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(work));
    }
}

async fn compare(work: Vec<Work>) {
    let files = Files::new();
    let (memory, file) = (MemoryStore::new(), files.open().await);
    let beginning = (strategy::beginning(), true);
    let work = std::iter::once(beginning).chain(work);
    for (ops, commit) in work {
        let expected = run(&memory, &ops, commit).await;
        assert_eq!(run(&file, &ops, commit).await, expected, "{ops:?}");
        let expected = everything(memory.read().await.unwrap().as_mut()).await;
        let stored = everything(file.read().await.unwrap().as_mut()).await;
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
