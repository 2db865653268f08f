//! Random work gets the same answers from the memory store and from PostgreSQL.

use proptest::prelude::*;

use self::compare::{compare, work};
use crate::support::Database;

#[path = "../../../store-sql/tests/model/compare.rs"]
mod compare;
#[path = "../../../store-sql/tests/model/op.rs"]
mod op;
#[path = "../../../store-sql/tests/model/strategy.rs"]
mod strategy;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn both_stores_give_the_same_answers(work in work()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let database = Database::new().await;
            compare(&database.open().await, work).await;
        });
    }
}
