//! The secret that lets others use this profile over a network, for programs that offer it there.

use procura_keys::digest::to_base64url;
use procura_keys::entropy::{self, Entropy};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Profile, ProfileError};

/// `access.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessFile {
    token: String,
}

impl Profile {
    /// The bearer token of whoever may use this profile over a network: 256 random bits, made the first time and kept
    /// with the keys.
    pub fn access_token(&self, entropy: &dyn Entropy) -> Result<Zeroizing<String>, ProfileError> {
        let _lock = self.storage.lock()?;
        match self.read::<AccessFile>(ACCESS)? {
            Some(file) => Ok(Zeroizing::new(file.token)),
            None => self.write_access_token(entropy),
        }
    }

    /// Another token in its place.
    pub fn renew_access_token(
        &self,
        entropy: &dyn Entropy,
    ) -> Result<Zeroizing<String>, ProfileError> {
        let _lock = self.storage.lock()?;
        self.write_access_token(entropy)
    }

    fn write_access_token(&self, entropy: &dyn Entropy) -> Result<Zeroizing<String>, ProfileError> {
        let token = Zeroizing::new(to_base64url(&entropy::bytes::<32>(entropy)));
        let file = AccessFile {
            token: token.to_string(),
        };
        self.write(ACCESS, &file, entropy)?;
        Ok(token)
    }
}

pub(super) const ACCESS: &str = "access.json";
