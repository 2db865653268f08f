//! Passwords: argon2id with 19 MiB, two passes, one lane, kept as PHC strings.

use std::fmt;

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};

/// A stored password. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Hashes `password` with a fresh salt. Takes tens of milliseconds: keep it off the event loop.
    pub fn new(password: &str, salt: [u8; 16]) -> Result<Self, PasswordError> {
        let length = password.chars().count();
        if length < MIN_LENGTH {
            return Err(PasswordError::TooShort);
        }
        if password.len() > MAX_BYTES {
            return Err(PasswordError::TooLong);
        }
        let hash = hasher()?
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map_err(|_| PasswordError::Hash)?;
        Ok(Self(hash.to_string()))
    }

    /// A hash read back from storage.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The form to store.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this is `password`. Takes as long as hashing.
    pub fn matches(&self, password: &str) -> bool {
        let (Ok(stored), Ok(hasher)) = (argon2::PasswordHash::new(&self.0), hasher()) else {
            return false;
        };
        password.len() <= MAX_BYTES && hasher.verify_password(password.as_bytes(), &stored).is_ok()
    }

    /// A hash that no password matches, to spend the same time on accounts that do not exist.
    pub fn of_nobody() -> Self {
        Self(NOBODY.to_owned())
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Why a password cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short.
    #[error("a password needs at least {MIN_LENGTH} characters")]
    TooShort,
    /// Too long.
    #[error("a password may have at most {MAX_BYTES} bytes")]
    TooLong,
    /// The hash function refused.
    #[error("the password could not be hashed")]
    Hash,
}

/// The fewest characters of a new password.
pub const MIN_LENGTH: usize = 12;
/// The most bytes of a password: hashing cost must not be for strangers to choose.
pub const MAX_BYTES: usize = 1024;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// All-zero output under an all-zero salt with the same cost: no password is known for it.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| PasswordError::Hash)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_password_matches_and_no_other() {
        let hash = PasswordHash::new("correct horse battery staple", [7; 16]).unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(
            PasswordHash::from_stored(hash.expose().to_owned())
                .matches("correct horse battery staple")
        );
        assert!(!hash.matches("correct horse battery stapl"));
        assert!(!hash.matches(""));
    }

    #[test]
    fn nobody_has_no_password_but_costs_the_same_work() {
        let nobody = PasswordHash::of_nobody();
        assert!(argon2::PasswordHash::new(nobody.expose()).is_ok());
        assert!(!nobody.matches("correct horse battery staple"));
        assert!(!PasswordHash::from_stored("garbage".into()).matches("garbage"));
    }

    #[test]
    fn length_is_bounded_on_both_sides() {
        assert_eq!(
            PasswordHash::new("elevenchars", [0; 16]),
            Err(PasswordError::TooShort)
        );
        assert_eq!(
            PasswordHash::new(&"x".repeat(1025), [0; 16]),
            Err(PasswordError::TooLong)
        );
    }

    #[test]
    fn a_hash_does_not_show_in_debug_output() {
        assert_eq!(
            format!("{:?}", PasswordHash::of_nobody()),
            "PasswordHash(…)"
        );
    }
}
