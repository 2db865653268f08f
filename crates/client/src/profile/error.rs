//! Why local state cannot be used, with what to do about it.

use std::io;
use std::path::PathBuf;

use super::keychain::KeychainError;
use super::protection::Protection;

/// Why local state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The operating system refused.
    #[error("cannot {action} {}: {error}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
    /// A file does not hold what it should. It is left as it is.
    #[error(
        "{} is damaged ({reason}). Nothing was changed. Restore it from a backup; or move it away, which gives \
         up the keys in it.", .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file with keys can be read by others.
    #[error(
        "{} holds keys and can be read by other users. Run: chmod 600 '{}'", .path.display(), .path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The profile is encrypted, and was opened without what opens it.
    #[error("the keys in {} are encrypted; {}", .path.display(), opened_by(*.by))]
    Locked {
        /// The directory.
        path: PathBuf,
        /// What opens it.
        by: Protection,
    },
    /// Another passphrase was meant, or `vault.json` was changed.
    #[error("the passphrase does not fit the keys in {}", .path.display())]
    WrongPassphrase {
        /// The directory.
        path: PathBuf,
    },
    /// The keychain does not give the key.
    #[error("cannot use the key to {}: {error}", .path.display())]
    Keychain {
        /// The directory.
        path: PathBuf,
        /// Why not.
        error: KeychainError,
    },
    /// No passphrase at all.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// The agent was disconnected in the meantime.
    #[error("{} is gone: the agent was disconnected by another process", .path.display())]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// Another process replaces keys, and does not come to an end.
    #[error("another process is replacing keys in {}; try again when it is done", .path.display())]
    Rotating {
        /// The directory.
        path: PathBuf,
    },
}

fn opened_by(by: Protection) -> &'static str {
    match by {
        Protection::Keychain(_) => "the key to them is in the keychain of this system",
        Protection::Passphrase | Protection::Permissions => "open them with their passphrase",
    }
}
