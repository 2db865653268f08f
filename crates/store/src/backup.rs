//! Copies of a whole store.

use std::io;
use std::path::PathBuf;

use crate::StoreError;

/// Why there is no copy. Nothing is left of one that was begun.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store is copied with tools of its own.
    #[error("{0}")]
    ByOtherMeans(&'static str),
    /// The copy cannot be written where it should be.
    #[error("{} cannot be written: {source}", .path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Failed(#[from] StoreError),
}
