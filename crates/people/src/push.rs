//! The devices on which a person wants to be told of what waits for them.

use procura_keys::clock::Timestamp;
use procura_keys::digest::{sha256, to_base64url};

use crate::person::PersonId;

/// A browser that takes messages through its push service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushDevice {
    /// Whose it is.
    pub person_id: PersonId,
    /// Where its push service takes messages for it. Whoever has it can send there, so it is a secret.
    pub endpoint: String,
    /// Its public key, `p256dh`.
    pub public_key: String,
    /// Its secret with this server, `auth`.
    pub auth: String,
    /// What it is called, by what the browser says of itself.
    pub name: String,
    /// When it was added.
    pub created_at: Timestamp,
}

impl PushDevice {
    /// How pages name it: a digest, which opens nothing.
    pub fn id(&self) -> String {
        to_base64url(&sha256(self.endpoint.as_bytes()))
    }
}

/// How many devices a person may have.
pub const MAX_DEVICES: usize = 10;
