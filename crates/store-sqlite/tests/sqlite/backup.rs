use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use procura_store::contract::samples::host;
use procura_store::{BackupError, Store as _};
use procura_store_sqlite::{OpenError, SqliteStore};

use crate::filled::{assert_filled, fill};
use crate::support::Files;

#[tokio::test]
async fn a_backup_is_the_store_at_one_moment_and_for_its_owner_alone() {
    let files = Files::new();
    let copy = Files::new();
    let store = files.open().await;
    fill(&store).await;
    let mut unfinished = store.begin().await.unwrap();
    unfinished.insert_host(&host(2)).await.unwrap();
    store.back_up(&copy.database()).await.unwrap();
    unfinished.commit().await.unwrap();

    let mode = fs::metadata(copy.database()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(names(copy.directory()), ["store.db"]);
    SqliteStore::check(&copy.database()).await.unwrap();
    let restored = copy.open().await;
    assert_filled(&restored).await;
    let mut tx = restored.read().await.unwrap();
    assert!(tx.load_host(&host(2).id).await.is_err());
}

#[tokio::test]
async fn a_backup_overwrites_nothing_and_leaves_nothing_when_it_fails() {
    let files = Files::new();
    let store = files.open().await;
    let taken = files.directory().join("taken");
    fs::write(&taken, "mine").unwrap();
    let refused = store.back_up(&taken).await.unwrap_err();
    assert!(matches!(refused, BackupError::File { .. }), "{refused}");
    assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");

    let other = Files::new();
    let file = other.directory().join("copy");
    fs::write(other.directory().join("copy.partial"), "in the way").unwrap();
    assert!(store.back_up(&file).await.is_err());
    assert_eq!(names(other.directory()), ["copy.partial"]);
    assert!(store.back_up(Path::new("/nowhere/copy")).await.is_err());
}

#[tokio::test]
async fn other_files_and_damaged_ones_are_told_apart() {
    let files = Files::new();
    let check = async || SqliteStore::check(&files.database()).await;
    assert!(matches!(check().await, Err(OpenError::NotAStore)));
    fs::write(files.database(), "").unwrap();
    assert!(matches!(check().await, Err(OpenError::NotAStore)));
    fs::write(files.database(), "not a database at all".repeat(99)).unwrap();
    assert!(matches!(check().await, Err(OpenError::NotAStore)));
    fs::remove_file(files.database()).unwrap();

    let store = files.open().await;
    fill(&store).await;
    store.close().await;
    check().await.unwrap();
    files.execute("DELETE FROM aap_hosts").await.unwrap();
    let damaged = check().await.unwrap_err().to_string();
    assert!(
        damaged.contains("points at one that is not there"),
        "{damaged}"
    );
}

#[tokio::test]
async fn a_page_that_was_overwritten_is_found() {
    let files = Files::new();
    let store = files.open().await;
    fill(&store).await;
    store.close().await;
    let mut bytes = fs::read(files.database()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(files.database(), bytes).unwrap();
    let found = SqliteStore::check(&files.database()).await;
    assert!(matches!(found, Err(OpenError::Damaged(_))), "{found:?}");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}
