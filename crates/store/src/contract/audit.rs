//! The audit log.

use std::sync::Arc;

use serde_json::{Value, json};

use super::samples::{at, entry};
use crate::Store;
use crate::audit::{AuditEntry, AuditRecord, GENESIS, check_link};

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
    let entries: Vec<_> = log.into_iter().map(|record| record.entry).collect();
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
    assert_eq!(log[1].entry, entry(3));
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
    let stored: Vec<_> = log.into_iter().map(|record| record.entry).collect();
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
        assert_eq!(pair[0].entry, pair[1].entry);
    }
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
    assert!(log.iter().all(|record| record.entry.at >= at(0)));
}
