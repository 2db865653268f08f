//! One process at a time, what is left of broken sessions, and databases that are not ours.

use procura_store::contract::samples::{entry, host, page};
use procura_store::{Store, StoreError};
use procura_store_postgres::{OpenError, PostgresStore};

use crate::filled::{assert_filled, fill};
use crate::support::Database;

#[tokio::test]
async fn opening_a_database_again_finds_everything() {
    let database = Database::bare();
    let store = database.open().await;
    fill(&store).await;
    store.close().await;
    assert_filled(&database.open().await).await;
}

#[tokio::test]
async fn a_second_process_is_turned_away_until_the_first_has_ended() {
    let database = Database::new().await;
    let first = database.open().await;
    let refused = database.open_error().await;
    assert!(matches!(refused, OpenError::InUse), "{refused}");
    assert!(refused.to_string().contains("another procurad"));
    fill(&first).await;
    first.close().await;
    assert_filled(&database.open().await).await;
}

/// The lock is the one of a database, not of its server.
#[tokio::test]
async fn two_databases_of_a_server_are_used_at_the_same_time() {
    let (one, other) = (Database::new().await, Database::new().await);
    let (one, other) = (one.open().await, other.open().await);
    fill(&one).await;
    fill(&other).await;
}

/// What was not committed is gone, and the next writer has the lock again.
#[tokio::test]
async fn a_broken_session_loses_its_transaction_and_nothing_else() {
    let database = Database::new().await;
    let store = database.open().await;
    fill(&store).await;
    let mut broken = store.begin().await.unwrap();
    broken.insert_host(&host(2)).await.unwrap();
    database.execute(END_ALL_SESSIONS).await.unwrap();
    let refused = broken.commit().await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));

    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(3)).await.unwrap();
    tx.commit().await.unwrap();
    assert_filled(&store).await;
    let mut tx = store.read().await.unwrap();
    let hosts = tx.list_hosts(page(None, 9)).await.unwrap();
    assert_eq!(hosts, [host(1), host(3)]);
    let refused = database.open_error().await;
    assert!(matches!(refused, OpenError::InUse), "{refused}");
}

/// Tokens that the other one has seen would be new to it, and its caches would be out of date.
#[tokio::test]
async fn a_process_that_was_replaced_writes_nothing_more() {
    let database = Database::new().await;
    let first = database.open().await;
    fill(&first).await;
    database.execute(END_ALL_SESSIONS).await.unwrap();
    let second = database.open().await;
    second.close().await;
    for _ in 0..2 {
        let Err(StoreError::Unavailable(refused)) = first.begin().await else {
            panic!("a process that was replaced has begun to write");
        };
        let refused: Box<OpenError> = refused.downcast().unwrap();
        assert!(matches!(*refused, OpenError::Replaced), "{refused}");
    }
    let third = database.open().await;
    assert_filled(&third).await;
    drop(third.begin().await.unwrap());
}

/// PostgreSQL itself would undo the transaction and report success.
#[tokio::test]
async fn a_commit_after_a_failed_statement_fails() {
    let database = Database::new().await;
    let store = database.open().await;
    fill(&store).await;
    let mut tx = store.begin().await.unwrap();
    tx.append_audit(vec![entry(5)]).await.unwrap();
    let taken = tx.insert_host(&host(1)).await;
    assert!(matches!(taken, Err(StoreError::Conflict("host"))));
    let refused = tx.commit().await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    assert_filled(&store).await;
}

/// Somebody at the database's prompt and the store wait for each other. The store gives way, and may
/// decide anew.
#[tokio::test]
async fn a_deadlock_with_another_program_is_a_conflict() {
    use sqlx::Executor as _;

    let database = Database::new().await;
    let store = database.open().await;
    let mut tx = store.begin().await.unwrap();
    tx.insert_host(&host(1)).await.unwrap();
    tx.insert_host(&host(2)).await.unwrap();
    tx.commit().await.unwrap();

    let mut other = database.raw().await;
    other.execute("SET deadlock_timeout = '1h'").await.unwrap();
    other.execute("BEGIN").await.unwrap();
    let touch = |host: &str| format!("UPDATE aap_hosts SET name = 'x' WHERE id = '{host}'");
    let second = sqlx::AssertSqlSafe(touch(host(2).id.as_str()));
    other.execute(second).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let now = host(1).created_at;
    tx.touch_host(&host(1).id, now, None).await.unwrap();
    let first = sqlx::AssertSqlSafe(touch(host(1).id.as_str()));
    let waiting = tokio::spawn(async move { other.execute(first).await.map(drop) });
    let beaten = tx.touch_host(&host(2).id, now, None).await;
    assert!(
        matches!(beaten, Err(StoreError::Conflict("database"))),
        "{beaten:?}"
    );
    drop(tx);
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_closed_store_refuses_work() {
    let database = Database::new().await;
    let store = database.open().await;
    store.close().await;
    for attempt in [store.begin().await, store.read().await] {
        assert!(matches!(attempt, Err(StoreError::Unavailable(_))));
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let database = Database::new().await;
    let store = database.open().await;
    fill(&store).await;
    store.close().await;
    let newer =
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (9999, 'from the future', true, '\\x00', 0)";
    database.execute(newer).await.unwrap();
    let refused = database.open_error().await;
    assert!(
        matches!(refused, OpenError::UnknownSchema(9999)),
        "{refused}"
    );
    database
        .execute("DELETE FROM _sqlx_migrations WHERE version = 9999")
        .await
        .unwrap();
    assert_filled(&database.open().await).await;
}

#[tokio::test]
async fn a_schema_made_by_something_else_is_refused() {
    let database = Database::new().await;
    database
        .execute("UPDATE _sqlx_migrations SET checksum = '\\x00'")
        .await
        .unwrap();
    let refused = database.open_error().await;
    assert!(matches!(refused, OpenError::ForeignSchema(1)), "{refused}");
}

#[tokio::test]
async fn tables_of_another_program_are_left_alone() {
    let database = Database::bare();
    let theirs = "CREATE TABLE persons (id INT); INSERT INTO persons VALUES (7)";
    database.execute(theirs).await.unwrap();
    let refused = database.open_error().await;
    assert!(matches!(refused, OpenError::Migration(_)), "{refused}");
    let mut connection = database.raw().await;
    let kept: i32 = sqlx::query_scalar("SELECT id FROM persons")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(kept, 7);
}

/// The password is not shown.
#[tokio::test]
async fn an_address_that_leads_nowhere_is_named_as_the_reason() {
    for (url, expected) in [
        ("mailto:postgres", "URL is not valid"),
        (
            "postgres://u:hunter2@127.0.0.1:99999/db",
            "URL is not valid",
        ),
        ("postgres://u:hunter2@127.0.0.1:1/db", "cannot connect"),
        (
            "postgres://u:hunter2@localhost/db?host=/nowhere",
            "cannot connect",
        ),
    ] {
        let refused = PostgresStore::connect(url).await.unwrap_err();
        let text = format!("{refused} {refused:?}");
        assert!(text.contains(expected), "{url}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

const END_ALL_SESSIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()";
