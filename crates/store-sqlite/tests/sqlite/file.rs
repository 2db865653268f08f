use std::error::Error;
use std::fs;

use procura_store::contract::samples::{host, page};
use procura_store::{Store, StoreError};
use procura_store_sqlite::OpenError;

use crate::filled::{assert_filled, fill};
use crate::support::Files;

#[tokio::test]
async fn opening_a_file_again_finds_everything() {
    let files = Files::new();
    let store = files.open().await;
    fill(&store).await;
    store.close().await;
    assert_filled(&files.open().await).await;
}

/// What a killed process leaves is what its files held at that moment.
#[tokio::test]
async fn a_killed_process_loses_nothing_it_committed() {
    let (files, copy) = (Files::new(), Files::new());
    let store = files.open().await;
    fill(&store).await;
    let mut unfinished = store.begin().await.unwrap();
    unfinished.insert_host(&host(2)).await.unwrap();
    for name in ["store.db", "store.db-wal"] {
        fs::copy(files.directory().join(name), copy.directory().join(name)).unwrap();
    }
    drop(unfinished);

    let survivor = copy.open().await;
    assert_filled(&survivor).await;
    let mut tx = survivor.read().await.unwrap();
    assert_eq!(tx.list_hosts(page(None, 9)).await.unwrap(), [host(1)]);
}

#[tokio::test]
async fn two_programs_on_one_file_see_what_the_other_commits() {
    let files = Files::new();
    let (one, other) = (files.open().await, files.open().await);
    fill(&one).await;
    assert_filled(&other).await;
    let mut tx = other.begin().await.unwrap();
    tx.insert_host(&host(2)).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = one.read().await.unwrap();
    assert_eq!(tx.load_host(&host(2).id).await.unwrap(), host(2));
}

/// Also another program's, and before anything is written: none has to give up halfway.
#[tokio::test]
async fn a_writer_keeps_others_out_from_its_beginning() {
    let files = Files::new();
    let store = files.open().await;
    let at_once = "PRAGMA busy_timeout = 0; BEGIN IMMEDIATE; ROLLBACK";
    let writer = store.begin().await.unwrap();
    let refused = files.execute(at_once).await.unwrap_err().to_string();
    assert!(refused.contains("database is locked"), "{refused}");
    writer.commit().await.unwrap();
    files.execute(at_once).await.unwrap();
}

#[tokio::test]
async fn a_closed_store_refuses_work() {
    let files = Files::new();
    let store = files.open().await;
    store.close().await;
    for attempt in [store.begin().await, store.read().await] {
        assert!(matches!(attempt, Err(StoreError::Unavailable(_))));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;

    let files = Files::new();
    let store = files.open().await;
    fill(&store).await;
    let mut names = Vec::new();
    for file in fs::read_dir(files.directory()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file:?}");
        names.push(file.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["store.db", "store.db-shm", "store.db-wal"]);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let files = Files::new();
    let store = files.open().await;
    fill(&store).await;
    store.close().await;
    let newer =
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (9999, 'from the future', true, x'00', 0)";
    files.execute(newer).await.unwrap();
    let refused = open_error(&files).await;
    assert!(
        matches!(refused, OpenError::UnknownSchema(9999)),
        "{refused}"
    );
    files
        .execute("DELETE FROM _sqlx_migrations WHERE version = 9999")
        .await
        .unwrap();
    assert_filled(&files.open().await).await;
}

#[tokio::test]
async fn a_schema_made_by_something_else_is_refused() {
    let files = Files::new();
    files.open().await.close().await;
    files
        .execute("UPDATE _sqlx_migrations SET checksum = x'00'")
        .await
        .unwrap();
    let refused = open_error(&files).await;
    assert!(matches!(refused, OpenError::ForeignSchema(1)), "{refused}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let files = Files::new();
    let text = "dear diary, ".repeat(1000);
    fs::write(files.database(), &text).unwrap();
    let refused = files.try_open().await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    assert_eq!(fs::read_to_string(files.database()).unwrap(), text);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named_as_the_reason() {
    let files = Files::new();
    fs::remove_dir(files.directory()).unwrap();
    let refused = open_error(&files).await;
    assert!(matches!(refused, OpenError::Create(_)), "{refused}");
}

async fn open_error(files: &Files) -> OpenError {
    let error = files.try_open().await.unwrap_err();
    let StoreError::Unavailable(source) = error else {
        panic!("{error}");
    };
    let source: Box<dyn Error + Send + Sync> = source;
    *source.downcast().unwrap()
}
