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
        "UPDATE audit_log SET actor = 'agent:9' WHERE sequence = 2",
        "UPDATE audit_log SET actor = NULL, detail = NULL, salt = NULL, outcome = 'forged'
        WHERE sequence = 2",
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
async fn an_erasure_takes_all_of_an_activity_and_stays_on_record() {
    let database = Database::new().await;
    fill(&database.open().await).await;
    let half = "UPDATE audit_log SET actor = NULL, salt = NULL WHERE sequence = 2";
    let error = database.execute(half).await.unwrap_err().to_string();
    assert!(error.to_lowercase().contains("check constraint"), "{error}");
    let own = "INSERT INTO audit_log SELECT 5, at, 'activity.erased', outcome, actor, user_id,
            host_id, agent_id, capability, jti, detail, salt, activity_hash, previous, hash
        FROM audit_log WHERE sequence = 4";
    database.execute(own).await.unwrap();
    let gone = "UPDATE audit_log SET actor = NULL, detail = NULL, salt = NULL";
    let error = database.execute(gone).await.unwrap_err().to_string();
    assert!(error.contains("the audit log is append-only"), "{error}");
    let allowed = format!("{gone} WHERE sequence = 2");
    database.execute(&allowed).await.unwrap();
    let again = database.execute(&allowed).await.unwrap_err().to_string();
    assert!(again.contains("the audit log is append-only"), "{again}");
}

#[tokio::test]
async fn only_what_was_cut_off_on_record_goes() {
    let database = Database::new().await;
    fill(&database.open().await).await;
    let cut = "INSERT INTO audit_cuts VALUES (2)";
    database.execute(cut).await.unwrap();
    let beyond = database
        .execute("DELETE FROM audit_log WHERE sequence <= 3")
        .await;
    let error = beyond.unwrap_err().to_string();
    assert!(error.contains("the audit log is append-only"), "{error}");
    let within = "DELETE FROM audit_log WHERE sequence <= 2";
    database.execute(within).await.unwrap();
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
        let guards = "DROP TRIGGER audit_log_keeps_its_records ON audit_log;
            DROP TRIGGER audit_log_drops_nothing ON audit_log";
        database.execute(guards).await.unwrap();
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
