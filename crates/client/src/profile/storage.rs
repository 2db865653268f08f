//! Files by name, in a directory or in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use procura_keys::digest::to_base64url;
use procura_keys::entropy::{self, Entropy};

use super::error::ProfileError;

/// Where files are. Names are relative, made by this crate alone, and never hold a server's text.
#[derive(Clone)]
pub(super) enum Storage {
    /// In a directory.
    Directory(PathBuf),
    /// In memory, shared by clones.
    Memory(Arc<Memory>),
}

#[derive(Default)]
pub(crate) struct Memory {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    lock: Mutex<()>,
    claims: Mutex<BTreeSet<String>>,
}

impl Storage {
    pub(super) fn directory(path: PathBuf) -> Result<Self, ProfileError> {
        let failed = |error| failure("use", &path, error);
        if path.exists() && !path.is_dir() {
            return Err(failed(io::Error::from(io::ErrorKind::NotADirectory)));
        }
        Ok(Self::Directory(path))
    }

    pub(super) fn memory() -> Self {
        Self::Memory(Arc::default())
    }

    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Directory(path) => Some(path),
            Self::Memory(_) => None,
        }
    }

    /// Waits until nobody else changes anything, and keeps others out until the lock is dropped.
    pub(super) fn lock(&self) -> Result<Lock<'_>, ProfileError> {
        let directory = match self {
            Self::Memory(memory) => return Ok(Lock::Memory(hold(&memory.lock))),
            Self::Directory(directory) => directory,
        };
        make_directory(directory)?;
        let path = directory.join("lock");
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let file = private(&mut options).open(&path);
        let file = file.map_err(|error| failure("open", &path, error))?;
        file.lock().map_err(|error| failure("lock", &path, error))?;
        Ok(Lock::File(file))
    }

    /// Takes hold of a file for longer than a change; `None` while somebody else does. A process that dies lets
    /// go of it.
    pub(super) fn claim(&self, name: &str) -> Result<Option<Claim>, ProfileError> {
        let directory = match self {
            Self::Memory(memory) => {
                let is_free = hold(&memory.claims).insert(name.to_owned());
                let claim = || Claim::Memory(memory.clone(), name.to_owned());
                return Ok(is_free.then(claim));
            }
            Self::Directory(directory) => directory,
        };
        let path = directory.join(format!("{name}{CLAIM}"));
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let file = private(&mut options).open(&path);
        let file = file.map_err(|error| failure("open", &path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Claim::File(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failure("lock", &path, error)),
        }
    }

    /// Removes a file and what its claim left.
    pub(super) fn remove_claimed(&self, name: &str) -> Result<(), ProfileError> {
        self.remove(name)?;
        self.remove(&format!("{name}{CLAIM}"))
    }

    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, ProfileError> {
        let directory = match self {
            Self::Memory(memory) => return Ok(hold(&memory.files).get(name).cloned()),
            Self::Directory(directory) => directory,
        };
        let path = directory.join(name);
        match fs::read(&path) {
            Ok(bytes) => {
                refuse_exposed(&path)?;
                Ok(Some(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failure("read", &path, error)),
        }
    }

    /// Replaces a file as a whole: after a crash it is the old one or the new one.
    pub(super) fn write(
        &self,
        name: &str,
        bytes: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<(), ProfileError> {
        let directory = match self {
            Self::Memory(memory) => {
                hold(&memory.files).insert(name.to_owned(), bytes.to_vec());
                return Ok(());
            }
            Self::Directory(directory) => directory,
        };
        let path = directory.join(name);
        let parent = path.parent().unwrap_or(directory);
        make_directory(parent)?;
        let random = to_base64url(&entropy::bytes::<9>(entropy));
        let temporary = parent.join(format!("{random}{TEMPORARY}"));
        let written = write_durably(&temporary, bytes).and_then(|()| {
            fs::rename(&temporary, &path)?;
            sync_directory(parent)
        });
        if written.is_err() {
            // What is left of a failed try is of no use; the error is about the try.
            let _ = fs::remove_file(&temporary);
        }
        written.map_err(|error| failure("write", &path, error))
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), ProfileError> {
        let directory = match self {
            Self::Memory(memory) => {
                hold(&memory.files).remove(name);
                return Ok(());
            }
            Self::Directory(directory) => directory,
        };
        let path = directory.join(name);
        let removed =
            fs::remove_file(&path).and_then(|()| path.parent().map_or(Ok(()), sync_directory));
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failure("remove", &path, error))
            }
            _ => Ok(()),
        }
    }

    /// The names of the files in `folder`.
    pub(super) fn list(&self, folder: &str) -> Result<Vec<String>, ProfileError> {
        let directory = match self {
            Self::Memory(memory) => {
                let prefix = format!("{folder}/");
                let files = hold(&memory.files);
                let names = files.keys().filter(|name| name.starts_with(&prefix));
                return Ok(names.cloned().collect());
            }
            Self::Directory(directory) => directory,
        };
        let path = directory.join(folder);
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| failure("read", &path, error))?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| failure("read", &path, error))?;
            let name = entry.file_name();
            if let Some(name) = name.to_str().filter(|name| is_record(name)) {
                names.push(format!("{folder}/{name}"));
            }
        }
        Ok(names)
    }

    /// Removes what writes that were cut off left in `folder`. Only under the lock, when nobody writes.
    pub(super) fn sweep(&self, folder: &str) -> Result<(), ProfileError> {
        let Self::Directory(directory) = self else {
            return Ok(());
        };
        let path = directory.join(folder);
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(|error| failure("read", &path, error))?,
        };
        for entry in entries {
            let entry = entry.map_err(|error| failure("read", &path, error))?;
            if entry
                .file_name()
                .as_encoded_bytes()
                .ends_with(TEMPORARY.as_bytes())
            {
                let path = entry.path();
                fs::remove_file(&path).map_err(|error| failure("remove", &path, error))?;
            }
        }
        Ok(())
    }

    pub(super) fn damaged(&self, name: &str, reason: &impl ToString) -> ProfileError {
        ProfileError::Damaged {
            path: self.path_of(name),
            reason: reason.to_string(),
        }
    }

    pub(super) fn gone(&self, name: &str) -> ProfileError {
        ProfileError::Gone {
            path: self.path_of(name),
        }
    }

    pub(super) fn rotating(&self) -> ProfileError {
        ProfileError::Rotating {
            path: self.path_of(""),
        }
    }

    fn path_of(&self, name: &str) -> PathBuf {
        self.path().unwrap_or(Path::new("memory")).join(name)
    }
}

/// Others wait while this exists. The system gives a file's lock back even when a process dies.
pub(super) enum Lock<'a> {
    #[expect(dead_code, reason = "held for its effect: closing the file unlocks it")]
    File(File),
    #[expect(
        dead_code,
        reason = "held for its effect: dropping the guard unlocks it"
    )]
    Memory(MutexGuard<'a, ()>),
}

/// Somebody works on a file while this exists.
pub(crate) enum Claim {
    #[expect(dead_code, reason = "held for its effect: closing the file unlocks it")]
    File(File),
    Memory(Arc<Memory>, String),
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Self::Memory(memory, name) = self {
            hold(&memory.claims).remove(name);
        }
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Files are replaced as a whole, so a panic elsewhere leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Temporary files that a crash left behind are not records.
fn is_record(name: &str) -> bool {
    Path::new(name).extension() == Some("json".as_ref())
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    let mut file = private(&mut options).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A directory made here is for its user alone; one that was there is left as it is, since every file in it
/// is private anyway.
fn make_directory(path: &Path) -> Result<(), ProfileError> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(|error| failure("make", path, error))
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// A restored backup is often readable by all, and nobody would notice.
#[cfg(unix)]
fn refuse_exposed(path: &Path) -> Result<(), ProfileError> {
    use std::os::unix::fs::PermissionsExt as _;
    let facts = fs::metadata(path).map_err(|error| failure("read", path, error))?;
    let open_to_others = facts.permissions().mode() & 0o077;
    if open_to_others != 0 {
        return Err(ProfileError::Exposed {
            path: path.to_owned(),
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_exposed(_path: &Path) -> Result<(), ProfileError> {
    Ok(())
}

/// A rename is safe from a crash once its directory is.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}

fn failure(action: &'static str, path: &Path, error: io::Error) -> ProfileError {
    ProfileError::Io {
        action,
        path: path.to_owned(),
        error,
    }
}

const TEMPORARY: &str = ".new";
const CLAIM: &str = ".claim";
