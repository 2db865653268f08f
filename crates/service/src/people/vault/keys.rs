//! The keys of the operator's under which the keys of secrets are sealed.

use std::path::Path;

use procura_adapters::async_trait;
use procura_keys::digest::{from_base64, from_base64url};
use procura_keys::sealed::{NotSealedHere, SealingKey};

/// Seals keys under keys that never leave it: a file of keys, or a service that manages keys.
#[async_trait]
pub trait KeyEncryption: Send + Sync {
    /// The name of the key that seals now.
    fn current(&self) -> &str;

    /// Seals a key under the current one. `nonce` is random.
    async fn wrap(&self, key: &SealingKey, nonce: [u8; 12]) -> Result<WrappedKey, Unopened>;

    /// Opens a key that was sealed under the one with this name.
    async fn unwrap(&self, key_id: &str, wrapped: &[u8]) -> Result<SealingKey, Unopened>;
}

/// A key, sealed under another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// The name of the other.
    pub key_id: String,
    /// The sealed key.
    pub bytes: Vec<u8>,
}

/// Why a key cannot be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// None is configured.
    #[error("there is no key file")]
    NoKey,
    /// The one it is sealed under is not there any more.
    #[error("there is no key {0:?} any more")]
    UnknownKey(String),
    /// It was changed, or a key has another's name.
    #[error(
        "it was changed, belongs to somebody else, or the key is not the one it was sealed under"
    )]
    NotSealedHere,
    /// What manages the keys failed.
    #[error("{0}")]
    Failed(String),
}

impl From<NotSealedHere> for Unopened {
    fn from(_: NotSealedHere) -> Self {
        Self::NotSealedHere
    }
}

/// Keys from a file: one a line, its name and 32 random bytes in base64. The first seals, all of them open.
pub struct KeyFile(Vec<(String, SealingKey)>);

impl KeyFile {
    /// The bytes of all keys, in their order, for something else to be made of them.
    pub fn seeds(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|(_, key)| key.expose())
    }
}

/// Why a file has no keys. What stands in it is not repeated.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// A line is not a name and a key.
    #[error("line {0} has to be a name and 32 bytes in base64, separated by a blank")]
    Line(usize),
    /// Two keys have one name.
    #[error("line {0} has a name that was there before")]
    Twice(usize),
    /// There is no key.
    #[error("has no key in it")]
    Empty,
}

impl KeyFile {
    /// Reads a file.
    pub fn load(file: &Path) -> Result<Self, KeyFileError> {
        Self::parse(&zeroize::Zeroizing::new(std::fs::read_to_string(file)?))
    }

    /// Reads its text. Empty lines and those that begin with `#` say nothing.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let mut keys: Vec<(String, SealingKey)> = Vec::new();
        let lines = text.lines().zip(1..);
        let lines = lines.map(|(line, number)| (line.trim(), number));
        for (line, number) in lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#')) {
            let key = |(name, key): (&str, &str)| {
                let bytes = from_base64url(key.trim()).or_else(|| from_base64(key.trim()))?;
                let bytes = zeroize::Zeroizing::new(bytes);
                Some((name.to_owned(), SealingKey::parse(&bytes).ok()?))
            };
            let read = line.split_once(' ').and_then(key);
            let (name, key) = read.ok_or(KeyFileError::Line(number))?;
            if keys.iter().any(|(other, _)| *other == name) {
                return Err(KeyFileError::Twice(number));
            }
            keys.push((name, key));
        }
        if keys.is_empty() {
            return Err(KeyFileError::Empty);
        }
        Ok(Self(keys))
    }
}

#[async_trait]
impl KeyEncryption for KeyFile {
    fn current(&self) -> &str {
        self.0.first().map_or("", |(name, _)| name)
    }

    async fn wrap(&self, key: &SealingKey, nonce: [u8; 12]) -> Result<WrappedKey, Unopened> {
        let (name, outer) = self.0.first().ok_or(Unopened::NoKey)?;
        Ok(WrappedKey {
            key_id: name.clone(),
            bytes: outer.seal(nonce, &bound_to(name), key.expose())?,
        })
    }

    async fn unwrap(&self, key_id: &str, wrapped: &[u8]) -> Result<SealingKey, Unopened> {
        let mut keys = self.0.iter();
        let known = keys.find(|(name, _)| name == key_id);
        let (name, outer) = known.ok_or_else(|| Unopened::UnknownKey(key_id.to_owned()))?;
        let opened = outer.open(&bound_to(name), wrapped)?;
        Ok(SealingKey::parse(&opened)?)
    }
}

fn bound_to(name: &str) -> Vec<u8> {
    [b"procura vault key 1 ", name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "2025 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const NEW: &str = "2026 ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

    #[tokio::test]
    async fn the_first_key_seals_and_all_open() {
        let old = KeyFile::parse(OLD).unwrap();
        let both = KeyFile::parse(&format!("# keys\n\n{NEW}\n{OLD}\n")).unwrap();
        let key = SealingKey::new([9; 32]);
        let wrapped = old.wrap(&key, [1; 12]).await.unwrap();
        assert_eq!((old.current(), both.current()), ("2025", "2026"));
        assert_eq!(wrapped.key_id, "2025");
        let opened = both.unwrap("2025", &wrapped.bytes).await.unwrap();
        assert_eq!(opened.expose(), key.expose());
        let newer = both.wrap(&key, [1; 12]).await.unwrap();
        assert_eq!(newer.key_id, "2026");
        let unknown = old.unwrap("2026", &newer.bytes).await.err();
        assert_eq!(unknown, Some(Unopened::UnknownKey("2026".to_owned())));
        let other = both.unwrap("2026", &wrapped.bytes).await.err();
        assert_eq!(other, Some(Unopened::NotSealedHere));
    }

    #[test]
    fn a_file_has_names_and_whole_keys() {
        for (text, problem) in [
            ("", "has no key in it"),
            ("# nothing", "has no key in it"),
            ("2025", "line 1"),
            ("2025 AAEC", "line 1"),
            (&format!("{OLD}\n{OLD}"), "line 2 has a name"),
        ] {
            let refused = KeyFile::parse(text).err().unwrap().to_string();
            assert!(refused.contains(problem), "{refused}");
            assert!(!refused.contains("AAEC"), "{refused}");
        }
    }
}
