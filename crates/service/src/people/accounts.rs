//! Adding, listing and disabling people.

use procura_agent_auth::id::UserId;
use procura_people::account::AccountChange;
use procura_people::password::{self, PasswordError, PasswordHash};
use procura_people::person::{Email, Person, PersonId};
use procura_people::presence::Lacking;
use procura_store::{Page, StoreError};

use super::SignedIn;
use super::passkeys::{entry, require};
use super::sessions::end_other_sessions;
use crate::agent_auth::revoke_host::end_host_within;
use crate::context::Context;
use crate::error::{Failure, ServiceError, ServiceResult};
use crate::{activity, audit};

/// Why an account cannot be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The address is in use.
    #[error("{0} has an account already")]
    Taken(Email),
    /// Nobody has this address.
    #[error("nobody has the address {0}")]
    Unknown(Email),
    /// The password will not do.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The person has not shown enough of themselves.
    #[error(transparent)]
    Lacking(#[from] Lacking),
    /// Something broke.
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Makes an account.
pub async fn add_person(
    ctx: &Context,
    actor: &str,
    email: Email,
    name: String,
    password: Option<String>,
) -> Result<Person, AccountError> {
    let salt = ctx.random();
    let password = match password {
        None => None,
        Some(password) => {
            password::judge(&password, &[email.as_str(), &name])?;
            Some(hash(password, salt).await??)
        }
    };
    let now = ctx.now();
    let person = Person {
        id: PersonId::new(now, ctx.random()),
        email,
        name,
        password,
        administrator: false,
        disabled: false,
        created_at: now,
        updated_at: now,
    };
    let mut tx = ctx.begin().await?;
    match tx.insert_person(&person).await {
        Err(StoreError::Conflict(_)) => return Err(AccountError::Taken(person.email)),
        result => result?,
    }
    let mut entry = audit::entry(now, "person.added", actor.to_owned());
    entry.user_id = Some(person.id.to_string());
    tx.append_audit(vec![entry]).await?;
    tx.commit().await?;
    Ok(person)
}

/// Sets a person's own password and ends their other sessions.
pub async fn set_own_password(
    ctx: &Context,
    person: &SignedIn,
    password: String,
) -> Result<(), AccountError> {
    require(ctx, person, &AccountChange::SetPassword)?;
    let names = [person.person.email.as_str(), &person.person.name];
    password::judge(&password, &names)?;
    let hash = hash(password, ctx.random()).await??;
    let now = ctx.now();
    let mut tx = ctx.begin().await?;
    tx.set_password(&person.person.id, Some(&hash), now).await?;
    tx.append_audit(vec![entry(person, "password.set", now)])
        .await?;
    tx.commit().await?;
    end_other_sessions(ctx, person).await?;
    Ok(())
}

/// Everybody, oldest first.
pub async fn list_people(ctx: &Context, page: Page<PersonId>) -> ServiceResult<Vec<Person>> {
    Ok(ctx.read().await?.list_persons(page).await?)
}

/// Bars somebody from signing in and ends their sessions.
pub async fn disable_person(
    ctx: &Context,
    actor: &str,
    email: &Email,
) -> Result<Person, AccountError> {
    let now = ctx.now();
    let mut tx = ctx.begin().await?;
    let person = tx
        .find_person_by_email(email)
        .await?
        .ok_or_else(|| AccountError::Unknown(email.clone()))?;
    tx.disable_person(&person.id, true, now).await?;
    tx.delete_sessions_of_person(&person.id).await?;
    let mut entry = audit::entry(now, "person.disabled", actor.to_owned());
    entry.user_id = Some(person.id.to_string());
    tx.append_audit(vec![entry]).await?;
    tx.commit().await?;
    Ok(Person {
        disabled: true,
        updated_at: now,
        ..person
    })
}

/// Deletes an account. Every app connected to it is revoked with all its agents, and their requests and grants
/// are deleted (AAP §2.6). Their activity is erased, unless the configuration keeps it.
pub async fn remove_person(
    ctx: &Context,
    actor: &str,
    email: &Email,
) -> Result<Person, AccountError> {
    let now = ctx.now();
    let mut tx = ctx.begin().await?;
    let person = tx.find_person_by_email(email).await?;
    let person = person.ok_or_else(|| AccountError::Unknown(email.clone()))?;
    let hosts = tx
        .list_hosts_by_user(&UserId(person.id.to_string()))
        .await?;
    let live: Vec<_> = hosts
        .into_iter()
        .filter(|host| host.status.require_not_ended().is_ok())
        .collect();
    for host in &live {
        end_host_within(ctx, tx.as_mut(), host, actor.to_owned(), None, now).await?;
    }
    let user = UserId(person.id.to_string());
    tx.delete_requests_and_grants_of(&user).await?;
    tx.delete_labels_of_user(&user).await?;
    tx.delete_notices_of_user(&user).await?;
    tx.delete_person(&person.id).await?;
    let erases = ctx.policy().retention.erase_removed_people;
    if erases {
        tx.insert_due_erasure(&user).await?;
    }
    let mut entry = audit::entry(now, "person.removed", actor.to_owned());
    entry.user_id = Some(person.id.to_string());
    tx.append_audit(vec![entry]).await?;
    tx.commit().await?;
    for host in &live {
        ctx.snapshots().drop_host(&host.id);
    }
    if erases {
        activity::erase_due(ctx, actor, &user).await?;
    }
    Ok(person)
}

/// Hashing takes tens of milliseconds, which the event loop does not have.
pub(super) async fn hash(
    password: String,
    salt: [u8; 16],
) -> Result<Result<PasswordHash, PasswordError>, ServiceError> {
    let hashed = tokio::task::spawn_blocking(move || PasswordHash::new(&password, salt)).await;
    hashed.map_err(|_| Failure::Bug("hashing a password panicked").into())
}
