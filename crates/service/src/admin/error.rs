//! Why an administrator's request is not carried out, and what all requests share.

use procura_people::person::{Email, Person};
use procura_store::{Page, Transaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Listing;
use crate::agent_auth::consent::ConsentError;
use crate::error::ServiceError;
use crate::people::AccountError;

/// Refused, with the reason in words, or failed.
pub(super) enum AdminError {
    Refused(String),
    Failed(ServiceError),
}

impl<E: Into<ServiceError>> From<E> for AdminError {
    fn from(error: E) -> Self {
        match error.into() {
            ServiceError::Refused(refusal) => Self::Refused(refusal.to_string()),
            failed @ ServiceError::Failed(_) => Self::Failed(failed),
        }
    }
}

pub(super) fn refused(why: impl Into<String>) -> AdminError {
    AdminError::Refused(why.into())
}

pub(super) fn account_error(error: AccountError) -> AdminError {
    match error {
        AccountError::Failed(error) => error.into(),
        other => refused(other.to_string()),
    }
}

pub(super) fn consent_error(error: ConsentError) -> AdminError {
    match error {
        ConsentError::Failed(error) => error.into(),
        other => refused(other.to_string()),
    }
}

pub(super) fn shown(value: &impl Serialize) -> Result<Value, AdminError> {
    serde_json::to_value(value).map_err(|error| refused(error.to_string()))
}

pub(super) fn parse_email(text: &str) -> Result<Email, AdminError> {
    text.parse()
        .map_err(|error| refused(format!("{text:?}: {error}")))
}

/// The person with this address, who has to exist.
pub(super) async fn person(tx: &mut dyn Transaction, email: &str) -> Result<Person, AdminError> {
    let email = parse_email(email)?;
    let found = tx.find_person_by_email(&email).await?;
    found.ok_or_else(|| refused(format!("nobody has the address {email}")))
}

/// The page a listing asks for.
pub(super) fn page<K: DeserializeOwned>(listing: &Listing) -> Result<Page<K>, AdminError> {
    let after = listing.after.as_ref().map(|after| {
        let read = serde_json::from_value(Value::from(after.as_str()));
        read.map_err(|error| refused(format!("after: {error}")))
    });
    let limit = listing.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    Ok(Page {
        after: after.transpose()?,
        limit,
    })
}

const DEFAULT_LIMIT: u32 = 100;
pub(super) const MAX_LIMIT: u32 = 1000;
