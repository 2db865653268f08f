//! Where and with what a notice is sent to a person's devices.

use procura_agent_auth::notice::Notice;
use procura_people::push::PushDevice;

use crate::context::Context;
use crate::error::ServiceResult;

/// Random bytes for one message: a key that is used for nothing else, and a salt.
pub struct PushSecrets {
    /// The private key.
    pub ephemeral: [u8; 32],
    /// The salt.
    pub salt: [u8; 16],
}

/// Fresh ones.
pub fn push_secrets(ctx: &Context) -> PushSecrets {
    PushSecrets {
        ephemeral: ctx.random(),
        salt: ctx.random(),
    }
}

/// The devices that a notice goes to.
pub async fn devices(ctx: &Context, notice: &Notice) -> ServiceResult<Vec<PushDevice>> {
    match notice.audience.user_id() {
        Some(user) => Ok(ctx.read().await?.list_push_devices(user).await?),
        None => Ok(Vec::new()),
    }
}

/// Forgets a device of which its push service says that it is gone.
pub async fn forget_device(ctx: &Context, device: &PushDevice) -> ServiceResult<()> {
    let mut tx = ctx.begin().await?;
    tx.delete_push_device(&device.endpoint).await?;
    Ok(tx.commit().await?)
}
