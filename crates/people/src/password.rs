//! Passwords: argon2id with 19 MiB, two passes, one lane, kept as PHC strings.

use std::collections::HashSet;
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

/// Whether somebody with these names may have this password: long enough, and not what is tried first.
pub fn judge(password: &str, names: &[&str]) -> Result<(), PasswordError> {
    if password.chars().count() < MIN_LENGTH {
        return Err(PasswordError::TooShort);
    }
    if password.len() > MAX_BYTES {
        return Err(PasswordError::TooLong);
    }
    let plain = reduced(password);
    let distinct: HashSet<char> = plain.chars().collect();
    if distinct.len() < MIN_DISTINCT || is_a_run(&plain) {
        return Err(PasswordError::TooPlain);
    }
    let parts = names.iter().flat_map(|name| name.split('@'));
    let is_a_name = names
        .iter()
        .copied()
        .chain(parts)
        .map(reduced)
        .any(|name| is_mostly(&plain, &name));
    if is_a_name || WORST.iter().any(|word| is_mostly(&plain, word)) {
        return Err(PasswordError::Guessable);
    }
    Ok(())
}

/// What is left of a text when case, and digits and signs in the place of letters, do not count.
fn reduced(text: &str) -> String {
    let letter = |c: char| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    text.to_lowercase().chars().map(letter).collect()
}

/// Whether `word`, once or again and again, makes up all of `text` but a few characters or a row of the keyboard.
fn is_mostly(text: &str, word: &str) -> bool {
    let rest = text.replace(word, "");
    let is_little = rest.chars().count() <= MAX_REST || is_a_run(&rest);
    word.chars().count() >= MIN_WORD && text.contains(word) && is_little
}

/// Whether each character follows the one before it in the alphabet, among the digits or on a keyboard.
fn is_a_run(text: &str) -> bool {
    let steps = text.chars().zip(text.chars().skip(1));
    let (mut runs, mut all) = (0, 0);
    for (one, next) in steps {
        let pair: String = [one, next].iter().collect();
        let back: String = [next, one].iter().collect();
        let is_step = RUNS
            .iter()
            .any(|run| run.contains(&pair) || run.contains(&back));
        runs += usize::from(is_step || one == next);
        all += 1;
    }
    // Most of it is enough: a sign at the end makes no password of it.
    runs * 4 >= all * 3
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
    /// Few different characters, or a row of the keyboard.
    #[error(
        "a password needs more than a few characters in a row: three or four words make a good one"
    )]
    TooPlain,
    /// One of those that are tried first.
    #[error(
        "this password is one of the first that somebody would try: three or four words make a good one"
    )]
    Guessable,
    /// The hash function refused.
    #[error("the password could not be hashed")]
    Hash,
}

/// The fewest characters of a new password.
pub const MIN_LENGTH: usize = 12;
/// The most bytes of a password: hashing cost must not be for strangers to choose.
pub const MAX_BYTES: usize = 1024;

/// The fewest different characters.
const MIN_DISTINCT: usize = 5;
/// Shorter names stand in too many good passwords by chance.
const MIN_WORD: usize = 4;
/// What may stand beside a name or word without making a password of it.
const MAX_REST: usize = 6;
/// Digits read as letters, as in [`reduced`].
const RUNS: [&str; 5] = [
    "abcdefghijklmnopqrstuvwxyz",
    "oi2eas6t89o",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
];
/// The words that passwords of twelve characters are made of most often, reduced.
const WORST: [&str; 24] = [
    "password",
    "passwort",
    "passphrase",
    "letmein",
    "master",
    "welcome",
    "administrator",
    "admin",
    "qwerty",
    "qwertyuiop",
    "iloveyou",
    "trustno",
    "football",
    "baseball",
    "superman",
    "dragon",
    "monkey",
    "sunshine",
    "princess",
    "starwars",
    "whatever",
    "changeme",
    "secret",
    "procura",
];

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

    #[test]
    fn what_is_tried_first_is_no_password() {
        let names = ["alice.smith@example.com", "Alice Smith"];
        let cases = [
            ("correct horse battery", Ok(())),
            ("Tr0ub4dor&3xyz", Ok(())),
            ("the monkey ate my sunshine", Ok(())),
            ("alice likes long walks", Ok(())),
            ("zwölf Boxkämpfer", Ok(())),
            ("short one", Err(PasswordError::TooShort)),
            ("aaaaaaaaaaaa", Err(PasswordError::TooPlain)),
            ("abababababab", Err(PasswordError::TooPlain)),
            ("abcdefghijklmnop", Err(PasswordError::TooPlain)),
            ("123456789012", Err(PasswordError::TooPlain)),
            ("qwertyuiopasdf", Err(PasswordError::TooPlain)),
            ("P@ssw0rd1234", Err(PasswordError::Guessable)),
            ("Password1234567890", Err(PasswordError::Guessable)),
            ("passwordpassword", Err(PasswordError::Guessable)),
            ("ChangeMe2026", Err(PasswordError::Guessable)),
            ("alice.smith1", Err(PasswordError::Guessable)),
            ("alice.smith@example.com", Err(PasswordError::Guessable)),
            ("Alice Smith!!", Err(PasswordError::Guessable)),
            ("example.com12", Err(PasswordError::Guessable)),
        ];
        for (password, expected) in cases {
            assert_eq!(judge(password, &names), expected, "{password}");
        }
    }
}
