//! Random work gets the same answers from the memory store and from a file.

use proptest::prelude::*;

use self::compare::{compare, work};
use crate::support::Files;

#[path = "../../../store-sql/tests/model/compare.rs"]
mod compare;
#[path = "../../../store-sql/tests/model/op.rs"]
mod op;
#[path = "../../../store-sql/tests/model/strategy.rs"]
mod strategy;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn both_stores_give_the_same_answers(work in work()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let files = Files::new();
            compare(&files.open().await, work).await;
        });
    }
}
