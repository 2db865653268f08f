//! The audit log.

use std::collections::HashSet;
use std::sync::Arc;

use procura_agent_auth::agent::Agent;
use procura_agent_auth::host::Host;
use serde_json::{Value, json};

use super::samples::{agent, at, entry, host, user};
use crate::Store;
use crate::audit::{
    AuditEntry, AuditRecord, CUT, ChainBreak, ChainCheck, CheckedLog, Cut, ERASED, Erasure,
    GENESIS, Places, check_link,
};

/// Each record follows from the one before, across transactions as within one.
pub async fn records_of_many_transactions_form_one_chain(store: &Arc<dyn Store>) {
    let mut next = 0;
    for length in [1, 3, 0, 2] {
        let entries = (next..next + length).map(entry).collect();
        append(store, entries).await;
        next += length;
    }
    let mut tx = store.begin().await.unwrap();
    tx.append_audit(vec![entry(6)]).await.unwrap();
    tx.append_audit(vec![entry(7)]).await.unwrap();
    tx.commit().await.unwrap();

    let log = log(store).await;
    assert_chained(&log);
    assert_eq!(log[0].previous, GENESIS);
    let entries: Vec<_> = log
        .into_iter()
        .map(|record| record.entry().unwrap())
        .collect();
    assert_eq!(entries, (0..8).map(entry).collect::<Vec<_>>());
}

/// The next record takes the place of the one that never was.
pub async fn a_dropped_transaction_leaves_no_gap(store: &Arc<dyn Store>) {
    append(store, vec![entry(1)]).await;
    let mut tx = store.begin().await.unwrap();
    tx.append_audit(vec![entry(2)]).await.unwrap();
    drop(tx);
    append(store, vec![entry(3)]).await;
    let log = log(store).await;
    assert_chained(&log);
    assert_eq!(log[1].entry(), Some(entry(3)));
    assert_eq!(log.len(), 2);
}

/// After a place, and the last ones; both in order.
pub async fn records_are_listed_from_both_ends(store: &Arc<dyn Store>) {
    append(store, (1..=5).map(entry).collect()).await;
    let mut tx = store.read().await.unwrap();
    let places = |log: Vec<AuditRecord>| log.iter().map(|r| r.sequence).collect::<Vec<_>>();
    assert_eq!(places(tx.list_audit(0, 2).await.unwrap()), [1, 2]);
    assert_eq!(places(tx.list_audit(2, 9).await.unwrap()), [3, 4, 5]);
    assert_eq!(tx.list_audit(5, 9).await.unwrap(), []);
    assert_eq!(places(tx.list_last_audit(2).await.unwrap()), [4, 5]);
    assert_eq!(
        places(tx.list_last_audit(9).await.unwrap()),
        [1, 2, 3, 4, 5]
    );
}

/// The hash covers them as text, so they have to come back to the last digit.
pub async fn every_text_and_number_keeps_its_hash(store: &Arc<dyn Store>) {
    let odd = "\u{0}a\u{0} \"quoted\" \\u0000 \u{7f} \u{e4}\u{2028}\u{1f916}";
    let full = AuditEntry {
        event: odd.to_owned(),
        actor: String::new(),
        user_id: Some(odd.to_owned()),
        host_id: Some("hst_1".to_owned()),
        agent_id: Some("123".to_owned()),
        capability: Some("1e3".to_owned()),
        outcome: "null".to_owned(),
        jti: Some(odd.to_owned()),
        ..entry(1)
    };
    let details = [
        json!({}),
        json!({ odd: [odd, null_and_more()] }),
        json!({ "integers": [0, -1, i64::MIN, i64::MAX, u64::MAX] }),
        json!({ "floats": [0.1 + 0.2, -0.0, 1.0, 1e300, 5e-324, f64::MAX] }),
        json!({ "fractions": (1..500).map(|n| 1.0 / f64::from(n)).collect::<Vec<_>>() }),
    ];
    let entries = details.map(|detail| AuditEntry {
        detail,
        ..full.clone()
    });
    append(store, entries.to_vec()).await;
    let log = log(store).await;
    assert_chained(&log);
    let stored: Vec<_> = log
        .into_iter()
        .map(|record| record.entry().unwrap())
        .collect();
    assert_eq!(stored, entries);
}

/// Whoever comes second follows the first.
pub async fn parallel_writers_form_one_chain(store: &Arc<dyn Store>) {
    let writers: Vec<_> = (0..8)
        .map(|number| {
            let store = Arc::clone(store);
            tokio::spawn(async move { append(&store, vec![entry(number), entry(number)]).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let log = log(store).await;
    assert_eq!(log.len(), 16);
    assert_chained(&log);
    for pair in log.chunks(2) {
        assert_eq!(pair[0].entry(), pair[1].entry());
    }
}

/// Only their own, with a place to go on from.
pub async fn activity_of_a_person_is_listed_from_both_ends(store: &Arc<dyn Store>) {
    let of = |number: u32| entry_of(1 + number % 2, number);
    append(store, (0..6).map(of).collect()).await;
    let mut tx = store.read().await.unwrap();
    assert_eq!(
        places(&tx.list_activity(&user(1), 0, 9).await.unwrap()),
        [1, 3, 5]
    );
    assert_eq!(
        places(&tx.list_activity(&user(1), 1, 1).await.unwrap()),
        [3]
    );
    let newest = tx.list_last_activity(&user(2), i64::MAX, 2).await.unwrap();
    assert_eq!(places(&newest), [6, 4]);
    let older = tx.list_last_activity(&user(2), 4, 2).await.unwrap();
    assert_eq!(places(&older), [2]);
    assert_eq!(tx.list_activity(&user(3), 0, 9).await.unwrap(), []);
}

/// As do records of their hosts, but not those of other agents there.
pub async fn records_from_before_a_host_was_linked_concern_its_person(store: &Arc<dyn Store>) {
    let owned = Host {
        user_id: Some(user(1)),
        ..host(1)
    };
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&owned).await.unwrap();
    tx.insert_host(&host(2)).await.unwrap();
    let about = |number: u32, person: Option<u32>, agent: Option<&str>| AuditEntry {
        user_id: person.map(|person| user(person).0),
        host_id: Some(host(number).id.to_string()),
        agent_id: agent.map(str::to_owned),
        ..entry(1)
    };
    let entries = vec![
        about(1, None, None),
        about(2, None, None),
        about(1, Some(2), None),
        about(1, None, Some("agt_1")),
        about(1, Some(1), Some("agt_1")),
    ];
    tx.append_audit(entries).await.unwrap();
    let listed = tx.list_activity(&user(1), 0, 9).await.unwrap();
    assert_eq!(places(&listed), [1, 5]);
    let newest = tx.list_last_activity(&user(1), 9, 9).await.unwrap();
    assert_eq!(places(&newest), [5, 1]);
    assert_eq!(tx.erase_activity_of(&user(1), 9).await.unwrap(), [1, 5]);
}

/// Its records name nobody, since there was nobody yet.
pub async fn what_an_agent_did_before_it_was_claimed_is_its_persons(store: &Arc<dyn Store>) {
    let agents = [1, 2].map(|number| agent(number, &host(number)));
    let mut tx = store.begin().await.unwrap();
    for agent in &agents {
        let number = if agent.id == agents[0].id { 1 } else { 2 };
        tx.insert_host(&host(number)).await.unwrap();
        tx.insert_agent(agent).await.unwrap();
    }
    let did = |agent: &Agent| AuditEntry {
        agent_id: Some(agent.id.to_string()),
        ..entry(1)
    };
    let entries = vec![did(&agents[0]), did(&agents[1]), did(&agents[0])];
    tx.append_audit(entries).await.unwrap();
    tx.claim_agents_of_host(&agents[0].host_id, &user(1), at(2))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    append(store, vec![entry_of(1, 4)]).await;

    let mut tx = store.begin().await.unwrap();
    assert_eq!(
        places(&tx.list_activity(&user(1), 0, 9).await.unwrap()),
        [1, 3, 4]
    );
    let newest = tx.list_last_activity(&user(1), 4, 9).await.unwrap();
    assert_eq!(places(&newest), [3, 1]);
    assert_eq!(
        tx.erase_activity_of(&user(1), 2).await.unwrap(),
        [1, 3],
        "the oldest first"
    );
    assert_eq!(tx.erase_activity_of(&user(1), 2).await.unwrap(), [4]);
    assert_eq!(tx.erase_activity_of(&user(1), 2).await.unwrap(), [0_i64; 0]);
}

/// AA-9.2-02
pub async fn erased_activity_is_gone_and_the_chain_holds(store: &Arc<dyn Store>) {
    let full = AuditEntry {
        host_id: Some("hst_1".to_owned()),
        agent_id: Some("agt_1".to_owned()),
        capability: Some("pay".to_owned()),
        jti: Some("j".to_owned()),
        detail: json!({ "arguments": { "to": "bob" } }),
        ..entry_of(1, 2)
    };
    append(store, vec![entry(1), full, entry_of(2, 3)]).await;
    let before = log(store).await;
    let mut tx = store.begin().await.unwrap();
    let erased = tx.erase_activity_of(&user(1), 9).await.unwrap();
    let detail = Erasure::detail("person", &Places::of(&erased));
    let record = AuditEntry {
        event: ERASED.to_owned(),
        user_id: Some(user(1).0),
        detail,
        ..entry(4)
    };
    tx.append_audit(vec![record]).await.unwrap();
    assert_eq!(
        tx.erase_activity_of(&user(1), 9).await.unwrap(),
        [0_i64; 0],
        "an erasure stays on record"
    );
    tx.commit().await.unwrap();

    let after = log(store).await;
    assert_eq!(after[1].activity, None);
    assert_eq!(after[1].hash, before[1].hash);
    assert_eq!(after[2], before[2]);
    let checked = check(&after).unwrap();
    assert_eq!((checked.records, checked.erased), (4, 1));
    assert_eq!(checked.erasures[0].places.to_string(), "2");
}

/// AA-9.2-01: bounded, and never what proves an erasure.
pub async fn old_activity_is_erased_oldest_first(store: &Arc<dyn Store>) {
    let erasure = AuditEntry {
        event: ERASED.to_owned(),
        ..entry(2)
    };
    append(store, vec![entry(1), erasure, entry(3), entry(4), entry(5)]).await;
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.erase_activity_before(at(5), 2).await.unwrap(), [1, 3]);
    assert_eq!(tx.erase_activity_before(at(5), 2).await.unwrap(), [4]);
    assert_eq!(
        tx.erase_activity_before(at(5), 2).await.unwrap(),
        [0_i64; 0]
    );
    let log = tx.list_audit(0, 9).await.unwrap();
    let kept: Vec<_> = log.iter().filter(|one| one.activity.is_some()).collect();
    assert_eq!(
        kept.iter().map(|one| one.sequence).collect::<Vec<_>>(),
        [2, 5]
    );
}

/// AA-9.2-01
pub async fn a_log_is_cut_off_at_its_beginning(store: &Arc<dyn Store>) {
    append(store, (1..=5).map(entry).collect()).await;
    let whole = log(store).await;
    for through in [2, 3] {
        let mut tx = store.begin().await.unwrap();
        let cut = AuditEntry {
            event: CUT.to_owned(),
            detail: Cut::detail(&whole[through - 1]),
            ..entry(6)
        };
        tx.append_audit(vec![cut]).await.unwrap();
        tx.cut_audit(i64::try_from(through).unwrap()).await.unwrap();
        tx.commit().await.unwrap();
        let checked = check(&log(store).await).unwrap();
        assert_eq!(checked.first, Some(whole[through].sequence));
    }
    append(store, vec![entry(8)]).await;
    let rest = log(store).await;
    assert_eq!(places(&rest), [4, 5, 6, 7, 8]);
    assert_eq!(rest[0], whole[3]);
    let mut tx = store.read().await.unwrap();
    assert_eq!(places(&tx.list_audit(4, 2).await.unwrap()), [5, 6]);
    assert_eq!(places(&tx.list_last_audit(2).await.unwrap()), [7, 8]);
}

/// Each record has one of its own, which nobody can know from another one.
pub async fn salts_come_from_what_the_transaction_was_given(store: &Arc<dyn Store>) {
    for seed in [[1; 32], [2; 32]] {
        let mut tx = store.begin().await.unwrap();
        tx.salt_audit(seed);
        tx.append_audit(vec![entry(1), entry(1)]).await.unwrap();
        tx.commit().await.unwrap();
    }
    let log = log(store).await;
    assert_chained(&log);
    let salts: HashSet<_> = log
        .iter()
        .map(|record| record.activity.as_ref().unwrap().salt)
        .collect();
    assert_eq!(salts.len(), 4);
    let unlike = AuditRecord::following(Some((1, log[0].hash)), entry(1), &[2; 32]);
    assert_ne!(unlike.activity_hash, log[1].activity_hash);
}

fn entry_of(person: u32, number: u32) -> AuditEntry {
    AuditEntry {
        user_id: Some(user(person).0),
        ..entry(number)
    }
}

fn places(log: &[AuditRecord]) -> Vec<i64> {
    log.iter().map(|record| record.sequence).collect()
}

fn check(log: &[AuditRecord]) -> Result<CheckedLog, ChainBreak> {
    let mut check = ChainCheck::default();
    log.iter().try_for_each(|record| check.add(record))?;
    check.finish()
}

fn null_and_more() -> Value {
    json!({ "null": null, "nested": [[{}], true, ""] })
}

async fn append(store: &Arc<dyn Store>, entries: Vec<AuditEntry>) {
    let mut tx = store.begin().await.unwrap();
    tx.append_audit(entries).await.unwrap();
    tx.commit().await.unwrap();
}

async fn log(store: &Arc<dyn Store>) -> Vec<AuditRecord> {
    let mut tx = store.read().await.unwrap();
    tx.list_audit(0, u32::MAX).await.unwrap()
}

fn assert_chained(log: &[AuditRecord]) {
    let mut last = None;
    for record in log {
        assert_eq!(check_link(last, record), Ok(()));
        last = Some((record.sequence, record.hash));
    }
    assert!(log.iter().all(|record| record.at >= at(0)));
}
