//! From columns to values. What cannot have been written is [`StoreError::Corrupt`].

use std::fmt::Display;

use procura_keys::clock::Timestamp;
use procura_keys::digest::from_base64url;
use procura_keys::key::PublicKey;
use procura_keys::thumbprint::Thumbprint;
use procura_store::{StoreError, StoreResult};
use serde::de::DeserializeOwned;

/// A text that has a form of its own, such as an identifier.
pub(crate) fn text<T>(what: &'static str, column: String) -> StoreResult<T>
where
    T: TryFrom<String>,
    T::Error: Display,
{
    column
        .try_into()
        .map_err(|error: T::Error| corrupt(what, &error))
}

/// One of a fixed set of names.
pub(crate) fn name<T: Copy>(
    what: &'static str,
    all: &[T],
    as_str: fn(T) -> &'static str,
    column: &str,
) -> StoreResult<T> {
    all.iter()
        .copied()
        .find(|one| as_str(*one) == column)
        .ok_or_else(|| corrupt(what, &format_args!("{column:?} is not a name it can have")))
}

/// JSON text.
pub(crate) fn json<T: DeserializeOwned>(what: &'static str, column: &str) -> StoreResult<T> {
    serde_json::from_str(column).map_err(|error| corrupt(what, &error))
}

/// A key, which has to be the one its thumbprint names.
pub(crate) fn public_key(
    what: &'static str,
    bytes: &[u8],
    thumbprint: &str,
) -> StoreResult<PublicKey> {
    let key = PublicKey::from_bytes(bytes).map_err(|error| corrupt(what, &error))?;
    if Thumbprint::of(&key).as_str() == thumbprint {
        Ok(key)
    } else {
        Err(corrupt(
            what,
            &"its key and thumbprint do not belong together",
        ))
    }
}

/// A SHA-256 as bytes.
pub(crate) fn digest(what: &'static str, bytes: Vec<u8>) -> StoreResult<[u8; 32]> {
    bytes
        .try_into()
        .map_err(|_| corrupt(what, &"a digest does not have 32 bytes"))
}

/// A SHA-256 as base64url.
pub(crate) fn encoded_digest(what: &'static str, column: &str) -> StoreResult<[u8; 32]> {
    digest(what, from_base64url(column).unwrap_or_default())
}

/// A time that may be absent.
pub(crate) fn time(column: Option<i64>) -> Option<Timestamp> {
    column.map(Timestamp::from_millis)
}

/// A time that may be absent, to be stored.
pub(crate) fn millis(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_millis)
}

pub(crate) fn corrupt(what: &'static str, why: &dyn Display) -> StoreError {
    StoreError::Corrupt(what, why.to_string())
}

/// Rows as records.
pub(crate) fn records<R, T>(rows: Vec<R>) -> StoreResult<Vec<T>>
where
    T: TryFrom<R, Error = StoreError>,
{
    rows.into_iter().map(T::try_from).collect()
}
