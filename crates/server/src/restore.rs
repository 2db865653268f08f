//! A backup takes the place of the database, while no server runs.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use procura_service::audit::Verification;
use procura_service::backup;
use procura_service::system::{SystemClock, SystemEntropy};
use procura_store_sqlite::SqliteStore;
use serde::Serialize;

use crate::config::StoreChoice;
use crate::data_dir::DataDir;

/// What to restore, and where.
#[derive(Debug)]
pub struct Restore<'a> {
    /// Where the configuration keeps records.
    pub store: &'a StoreChoice,
    /// The data directory.
    pub data: &'a Path,
    /// The backup. It is only read.
    pub file: &'a Path,
    /// Whether it may take the place of a database.
    pub replace: bool,
    /// Who does it: the operating system's user.
    pub administrator: &'a str,
}

/// What was restored.
#[derive(Debug, Serialize)]
pub struct Restored {
    /// Where the database is now.
    pub database: PathBuf,
    /// Where the one is that was there before.
    pub replaced: Option<PathBuf>,
    /// What the check of the backup's audit log found.
    #[serde(flatten)]
    pub audit: Verification,
}

impl Restore<'_> {
    /// Works on a copy: until that is found sound, and brought up to date, nothing is changed.
    pub async fn run(self) -> anyhow::Result<Restored> {
        if matches!(self.store, StoreChoice::Postgres(..)) {
            bail!(BY_PG_RESTORE);
        }
        let dir = DataDir::lock(self.data)?;
        let database = dir.database();
        if !self.replace && files_of(&database).iter().any(|file| file.exists()) {
            bail!(
                "{} exists: with --replace it is set aside as {}",
                database.display(),
                dir.replaced().display()
            );
        }
        let candidate = dir.candidate();
        remove(&candidate).context("cannot remove what an interrupted restore left")?;
        let admitted = self.admit(&candidate).await;
        if admitted.is_err() {
            // The error is what counts; the next restore removes what stays.
            let _ = remove(&candidate);
        }
        let audit = admitted.with_context(|| format!("{} is not used", self.file.display()))?;
        let replaced = set_aside(&dir).context("cannot set the database aside")?;
        fs::rename(&candidate, &database)
            .and_then(|()| dir.sync())
            .context("cannot put the backup in place")?;
        Ok(Restored {
            database,
            replaced,
            audit,
        })
    }

    async fn admit(&self, candidate: &Path) -> anyhow::Result<Verification> {
        copy(self.file, candidate).context("cannot copy it")?;
        SqliteStore::check(candidate).await?;
        let store = SqliteStore::open(candidate).await?;
        let admitted =
            backup::admit(&store, &SystemClock, &SystemEntropy, self.administrator).await;
        // With it goes the write-ahead log: what stays is one file.
        store.close().await;
        let found = admitted.map_err(|error| anyhow::anyhow!(error.to_string()))?;
        if let Some(broken) = &found.broken {
            bail!("its audit log is broken: {broken}");
        }
        File::open(candidate)?.sync_all()?;
        Ok(found)
    }
}

/// For the owner alone, whatever the mode of the backup.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut from = File::open(from)?;
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    io::copy(&mut from, &mut options.open(to)?).map(drop)
}

/// The database goes first: if this is interrupted, none is there, rather than one without its latest commits.
fn set_aside(dir: &DataDir) -> io::Result<Option<PathBuf>> {
    let replaced = dir.replaced();
    let mut found = None;
    for (from, to) in files_of(&dir.database()).iter().zip(&files_of(&replaced)) {
        if from.exists() {
            if found.is_none() {
                remove(&replaced)?;
            }
            fs::rename(from, to)?;
            found = Some(replaced.clone());
        }
    }
    dir.sync()?;
    Ok(found)
}

fn remove(database: &Path) -> io::Result<()> {
    for file in files_of(database) {
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// A database and what SQLite keeps beside it.
fn files_of(database: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| {
        let mut name = OsString::from(database);
        name.push(suffix);
        name.into()
    })
}

const BY_PG_RESTORE: &str = "records are in PostgreSQL: restore them with pg_restore, for example \
    pg_restore --clean --if-exists --single-transaction --dbname=URL FILE, while no server runs";
