//! Why local state cannot be used, with what to do about it.

use std::io;
use std::path::PathBuf;

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
    /// The profile is encrypted, and was opened without its passphrase.
    #[error("the keys in {} are encrypted; open them with their passphrase", .path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
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
}
