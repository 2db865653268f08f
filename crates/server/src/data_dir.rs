//! The data directory: who may use it, and where things lie in it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A data directory that this process alone uses.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Takes the directory, making it (for the owner only) if it is not there.
    pub fn lock(path: &Path) -> Result<Self, DataDirError> {
        let failed = |source| DataDirError::Unusable {
            path: path.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        let mut options = OpenOptions::new();
        let options = options.create(true).truncate(false).write(true).mode(0o600);
        let lock = options.open(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse {
                path: path.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Where the embedded database lies.
    pub fn database(&self) -> PathBuf {
        self.path.join("procura.db")
    }

    /// The secret that an earlier version kept in a file of this directory.
    pub(crate) fn secret(&self, name: &str) -> io::Result<Option<[u8; 32]>> {
        let path = self.path.join(name);
        let wrong = |_| io::Error::other(format!("{} has to hold 32 bytes", path.display()));
        match fs::read(&path) {
            Ok(kept) => kept.try_into().map(Some).map_err(wrong),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where a backup is looked at before it takes the place of the database.
    pub(crate) fn candidate(&self) -> PathBuf {
        self.path.join("restoring.db")
    }

    /// Where the database goes that a backup replaces.
    pub(crate) fn replaced(&self) -> PathBuf {
        self.path.join("replaced.db")
    }

    /// Makes the names of files durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    /// Where the administrator's socket lies, after removing what an earlier process left there.
    pub fn fresh_socket(&self) -> io::Result<PathBuf> {
        let path = socket_in(&self.path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(path),
        }
    }
}

/// Where the administrator's socket lies in a data directory.
pub fn socket_in(data: &Path) -> PathBuf {
    data.join("admin.sock")
}

/// Why a data directory cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process has it.
    #[error("{} is in use by a running procurad", .path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// It cannot be made or written.
    #[error("{} cannot be used as data directory: {source}", .path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_directory_has_one_user_at_a_time_and_is_closed_to_others() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let held = DataDir::lock(&path).unwrap();
        assert!(matches!(
            DataDir::lock(&path),
            Err(DataDirError::InUse { .. })
        ));
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
        drop(held);
        DataDir::lock(&path).unwrap();
    }

    #[test]
    fn a_secret_of_an_earlier_version_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::lock(folder.path()).unwrap();
        assert_eq!(dir.secret("push.key").unwrap(), None);
        fs::write(folder.path().join("push.key"), [7; 32]).unwrap();
        assert_eq!(dir.secret("push.key").unwrap(), Some([7; 32]));
        fs::write(folder.path().join("push.key"), [7; 31]).unwrap();
        assert!(dir.secret("push.key").is_err());
    }

    #[test]
    fn a_file_in_its_place_is_reported() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("file");
        fs::write(&path, "").unwrap();
        assert!(matches!(
            DataDir::lock(&path),
            Err(DataDirError::Unusable { .. })
        ));
    }
}
