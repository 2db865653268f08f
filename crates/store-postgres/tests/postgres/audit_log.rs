use procura_store::Store;
use procura_store::audit::{ChainBreak, check_link};

use crate::filled::fill;
use crate::support::Database;

#[tokio::test]
async fn records_cannot_be_changed_or_deleted() {
    let database = Database::new().await;
    fill(&database.open().await).await;
    for attempt in [
        "UPDATE audit_log SET outcome = 'forged' WHERE sequence = 2",
        "DELETE FROM audit_log WHERE sequence = 4",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
    ] {
        let error = database.execute(attempt).await.unwrap_err().to_string();
        assert!(error.contains("the audit log is append-only"), "{error}");
    }
    assert_eq!(verdict(&database).await, Ok(4));
}

#[tokio::test]
async fn whoever_removes_the_guards_is_found_out() {
    let cases = [
        (
            "UPDATE audit_log SET outcome = 'forged' WHERE sequence = 2",
            ChainBreak::Changed(2),
        ),
        (
            "UPDATE audit_log SET detail = '{\"a\":1}' WHERE sequence = 1",
            ChainBreak::Changed(1),
        ),
        (
            "UPDATE audit_log SET at = at + 1 WHERE sequence = 4",
            ChainBreak::Changed(4),
        ),
        (
            "UPDATE audit_log SET jti = '' WHERE sequence = 4",
            ChainBreak::Changed(4),
        ),
        (
            "UPDATE audit_log SET hash = (SELECT hash FROM audit_log WHERE sequence = 1)
            WHERE sequence = 3",
            ChainBreak::Changed(3),
        ),
        (
            "DELETE FROM audit_log WHERE sequence = 2",
            ChainBreak::Gap {
                expected: 2,
                found: 3,
            },
        ),
        (
            "DELETE FROM audit_log WHERE sequence = 2;
            UPDATE audit_log SET sequence = sequence - 1 WHERE sequence > 2",
            ChainBreak::Changed(2),
        ),
        (
            "UPDATE audit_log SET sequence = 9 WHERE sequence = 2;
            UPDATE audit_log SET sequence = 2 WHERE sequence = 3;
            UPDATE audit_log SET sequence = 3 WHERE sequence = 9",
            ChainBreak::Changed(2),
        ),
    ];
    for (tampering, expected) in cases {
        let database = Database::new().await;
        fill(&database.open().await).await;
        let guard = "DROP TRIGGER audit_log_keeps_its_records ON audit_log";
        database.execute(guard).await.unwrap();
        database.execute(tampering).await.unwrap();
        assert_eq!(verdict(&database).await, Err(expected), "{tampering}");
    }
}

/// How many records there are, if they form one chain.
async fn verdict(database: &Database) -> Result<usize, ChainBreak> {
    let mut tx = database.open().await.read().await.unwrap();
    let log = tx.list_audit(0, 100).await.unwrap();
    let mut last = None;
    for record in &log {
        check_link(last, record)?;
        last = Some((record.sequence, record.hash));
    }
    Ok(log.len())
}
