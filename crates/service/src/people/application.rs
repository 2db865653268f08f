//! People of an application that embeds the server: it knows who they are, and their records here follow.

use procura_keys::clock::Timestamp;
use procura_keys::digest::sha256;
use procura_people::passkey::PasskeyId;
use procura_people::person::{Email, Person, PersonId};
use procura_people::presence::{Confirmation, Method, Proof};
use procura_people::session::Session;
use procura_store::StoreError;

use super::passkeys::entry;
use super::{PasskeyError, SignedIn};
use crate::audit;
use crate::context::Context;
use crate::error::ServiceError;

/// A person as their application describes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// What the application calls them, for good: nobody else may ever get it.
    pub id: PersonId,
    /// Where messages reach them. No two people have the same.
    pub email: Email,
    /// How pages address them.
    pub name: String,
    /// Whether they look after the server: see everybody's agents, and can stop them.
    pub administrator: bool,
}

/// Why somebody the application lets in is not let in here.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// An administrator barred them.
    #[error("this account is barred")]
    Barred,
    /// The address is somebody else's.
    #[error("somebody else has the address of this account")]
    Taken,
    /// Something broke.
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

impl From<StoreError> for AdmissionError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(_) => Self::Taken,
            error => Self::Failed(error.into()),
        }
    }
}

/// Lets somebody in whom the application has recognized. Their record is made when they first come, and brought up
/// to date when the application describes them differently.
pub async fn admit(ctx: &Context, profile: Profile) -> Result<Person, AdmissionError> {
    match admit_once(ctx, profile.clone()).await {
        // Another request of the same person may have made their record meanwhile.
        Err(AdmissionError::Taken) => admit_once(ctx, profile).await,
        result => result,
    }
}

async fn admit_once(ctx: &Context, profile: Profile) -> Result<Person, AdmissionError> {
    let known = ctx.read().await?.find_person(&profile.id).await?;
    let person = match known {
        Some(person) if profile.describes(&person) => person,
        _ => write(ctx, profile).await?,
    };
    if person.disabled {
        return Err(AdmissionError::Barred);
    }
    Ok(person)
}

/// Somebody who was let in: when they last showed the application who they are, and whether it can ask them to say yes
/// to one thing.
pub fn signed_in(
    ctx: &Context,
    person: Person,
    proved_at: Timestamp,
    can_confirm: bool,
) -> SignedIn {
    let method = Method::Application;
    let proof = Proof {
        method,
        at: proved_at,
    };
    let session = Session {
        // The session itself is the application's. Nothing here is found by this.
        token_digest: sha256(person.id.0.as_bytes()),
        person_id: person.id.clone(),
        created_at: proved_at,
        proof,
        expires_at: ctx.now(),
    };
    SignedIn {
        person,
        session,
        has_passkey: can_confirm,
        confirmation: None,
    }
}

/// The person, having said yes to `subject` with this passkey of theirs, as the application found.
pub async fn confirmed(
    ctx: &Context,
    person: SignedIn,
    subject: [u8; 32],
    passkey: Option<PasskeyId>,
) -> Result<SignedIn, PasskeyError> {
    let now = ctx.now();
    let Some(passkey_id) = passkey else {
        let mut refused = entry(&person, "passkey.used", now);
        refused.outcome = "refused".to_owned();
        let mut tx = ctx.begin().await?;
        tx.append_audit(vec![refused]).await?;
        tx.commit().await?;
        return Err(PasskeyError::UnknownPasskey);
    };
    let confirmation = Confirmation {
        passkey_id,
        subject,
        at: now,
    };
    Ok(SignedIn {
        confirmation: Some(confirmation),
        ..person
    })
}

async fn write(ctx: &Context, profile: Profile) -> Result<Person, AdmissionError> {
    let now = ctx.now();
    let mut tx = ctx.begin().await?;
    let before = tx.find_person(&profile.id).await?;
    let person = profile.person(before.as_ref(), now);
    let event = if before.is_some() {
        tx.update_person(&person).await?;
        "person.changed"
    } else {
        tx.insert_person(&person).await?;
        "person.added"
    };
    let mut entry = audit::entry(now, event, "application".to_owned());
    entry.user_id = Some(person.id.to_string());
    tx.append_audit(vec![entry]).await?;
    tx.commit().await?;
    Ok(person)
}

impl Profile {
    fn describes(&self, person: &Person) -> bool {
        self.email == person.email
            && self.name == person.name
            && self.administrator == person.administrator
    }

    fn person(self, before: Option<&Person>, now: Timestamp) -> Person {
        Person {
            id: self.id,
            email: self.email,
            name: self.name,
            password: None,
            administrator: self.administrator,
            disabled: before.is_some_and(|person| person.disabled),
            created_at: before.map_or(now, |person| person.created_at),
            updated_at: now,
        }
    }
}
