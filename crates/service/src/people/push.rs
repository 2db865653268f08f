//! The devices on which a person is told of what waits for them.

use procura_agent_auth::id::UserId;
use procura_agent_auth::text::clean;
use procura_keys::web_push::PushReceiver;
use procura_people::push::{MAX_DEVICES, PushDevice};
use procura_store::StoreError;

use super::SignedIn;
use super::passkeys::entry;
use crate::context::Context;
use crate::error::{ServiceError, ServiceResult};

/// What a browser says of itself.
#[derive(Clone, Copy, Debug)]
pub struct NewDevice<'a> {
    /// Where its push service takes messages, which the caller has found good.
    pub endpoint: &'a str,
    /// `p256dh`.
    pub public_key: &'a str,
    /// `auth`.
    pub auth: &'a str,
    /// What to call it.
    pub name: &'a str,
}

/// Why a device is not added.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// Its keys are none.
    #[error("This browser cannot be told of anything.")]
    Unusable,
    /// Enough is enough.
    #[error("You have as many devices as you can have. Remove one first.")]
    TooMany,
    /// Something broke.
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

impl From<StoreError> for DeviceError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// A person's devices, oldest first.
pub async fn list(ctx: &Context, person: &SignedIn) -> ServiceResult<Vec<PushDevice>> {
    Ok(ctx.read().await?.list_push_devices(&user(person)).await?)
}

/// Adds a device, or takes it over from whoever used the browser before.
pub async fn add(ctx: &Context, person: &SignedIn, new: NewDevice<'_>) -> Result<(), DeviceError> {
    if PushReceiver::parse(new.public_key, new.auth).is_none() {
        return Err(DeviceError::Unusable);
    }
    let now = ctx.now();
    let mut tx = ctx.begin().await?;
    let known = tx.list_push_devices(&user(person)).await?;
    let is_known = known.iter().any(|one| one.endpoint == new.endpoint);
    if known.len() >= MAX_DEVICES && !is_known {
        return Err(DeviceError::TooMany);
    }
    tx.put_push_device(&PushDevice {
        person_id: person.person.id.clone(),
        endpoint: new.endpoint.to_owned(),
        public_key: new.public_key.to_owned(),
        auth: new.auth.to_owned(),
        name: clean(new.name, MAX_NAME).unwrap_or_else(|| "Browser".to_owned()),
        created_at: now,
    })
    .await?;
    tx.append_audit(vec![entry(person, "push.added", now)])
        .await?;
    Ok(tx.commit().await?)
}

/// Removes a device of this person, named by its [identifier](PushDevice::id). One they do not have is no error.
pub async fn remove(ctx: &Context, person: &SignedIn, id: &str) -> ServiceResult<()> {
    let mut tx = ctx.begin().await?;
    let known = tx.list_push_devices(&user(person)).await?;
    if let Some(device) = known.iter().find(|device| device.id() == id) {
        tx.delete_push_device(&device.endpoint).await?;
        tx.append_audit(vec![entry(person, "push.removed", ctx.now())])
            .await?;
    }
    Ok(tx.commit().await?)
}

fn user(person: &SignedIn) -> UserId {
    UserId(person.person.id.to_string())
}

/// In characters.
const MAX_NAME: usize = 60;
