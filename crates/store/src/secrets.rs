//! Secrets of the installation: what every node, and every later start, has to know alike.

use std::fmt;

use async_trait::async_trait;
use procura_keys::clock::Timestamp;

use crate::StoreResult;

/// 32 random bytes with a purpose.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// What it is for.
    pub purpose: String,
    /// Counts up from 1 with each that takes the place of another.
    pub number: i64,
    /// The bytes.
    pub value: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} {})", self.purpose, self.number)
    }
}

/// Secrets.
#[async_trait]
pub trait SecretStore {
    /// Adds a secret. One of this purpose and number that is there already is a
    /// [`Conflict`](crate::StoreError::Conflict).
    async fn insert_secret(&mut self, secret: &Secret) -> StoreResult<()>;
    /// All of one purpose, newest first.
    async fn list_secrets(&mut self, purpose: &str) -> StoreResult<Vec<Secret>>;
    /// Forgets those of one purpose that come before a number.
    async fn delete_secrets_before(&mut self, purpose: &str, number: i64) -> StoreResult<()>;
}
