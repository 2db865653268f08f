use std::future::{Ready, ready};
use std::sync::Arc;

use crate::Store;
use crate::memory::MemoryStore;

fn open() -> Ready<(Arc<dyn Store>, ())> {
    ready((Arc::new(MemoryStore::new()), ()))
}

crate::contract_tests!(crate::contract::tests::open);

/// The list in `contract_tests!` is written by hand, and a case that is not in it would never run.
#[test]
fn every_case_is_listed() {
    let modules = [
        include_str!("agents.rs"),
        include_str!("approvals.rs"),
        include_str!("audit.rs"),
        include_str!("grants.rs"),
        include_str!("hosts.rs"),
        include_str!("persons.rs"),
        include_str!("replay.rs"),
        include_str!("sessions.rs"),
        include_str!("transactions.rs"),
    ];
    let list: Vec<_> = include_str!("../contract.rs").split_whitespace().collect();
    for case in modules.iter().flat_map(|module| cases(module)) {
        assert!(list.contains(&case), "{case} is not listed");
    }
}

fn cases(module: &str) -> impl Iterator<Item = &str> {
    let starts = module.split("\npub async fn ").skip(1);
    starts.filter_map(|rest| rest.split_once('(').map(|(name, _)| name))
}
