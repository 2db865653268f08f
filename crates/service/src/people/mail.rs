//! What a person says about e-mail: whether they want it, and that an address is theirs.

use std::time::Duration;

use procura_agent_auth::id::UserId;
use procura_agent_auth::refusal::Refusal;
use procura_keys::digest::{from_base64url, sha256, to_base64url};
use procura_people::challenge::{Challenge, Holder, Purpose};
use procura_people::mail::MailChoice;
use procura_store::StoreError;

use super::SignedIn;
use super::passkeys::entry;
use crate::context::Context;
use crate::error::{ServiceError, ServiceResult};
use crate::limits::Budget;

/// Why no message to confirm an address goes.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmationError {
    /// One went not long ago.
    #[error("{0}")]
    TooMany(Refusal),
    /// Something broke.
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

impl From<StoreError> for ConfirmationError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// What a person chose, or what is known of their address.
pub async fn choice(ctx: &Context, person: &SignedIn) -> ServiceResult<MailChoice> {
    Ok(ctx.read().await?.find_mail_choice(&user(person)).await?)
}

/// Switches e-mail on or off. An address that is not confirmed stays that way.
pub async fn switch(ctx: &Context, person: &SignedIn, on: bool) -> ServiceResult<()> {
    let event = if on { "mail.on" } else { "mail.off" };
    change(ctx, person, event, |choice| choice.switched(on)).await
}

/// What a message to the person's address has to carry so that whoever reads it can confirm that the address is theirs.
/// Good once, for an hour, in this person's hands.
pub async fn confirmation(ctx: &Context, person: &SignedIn) -> Result<String, ConfirmationError> {
    let counted = ctx
        .limits()
        .count(Budget::Confirmation, &person.person.id.0);
    counted.map_err(ConfirmationError::TooMany)?;
    let now = ctx.now();
    let mut challenge = Challenge::new(purpose(person), holder(person), ctx.random(), now);
    challenge.expires_at = now.plus(LIFETIME);
    let mut tx = ctx.begin().await?;
    tx.insert_challenge(&challenge).await?;
    tx.commit().await?;
    Ok(to_base64url(&challenge.value))
}

/// Takes what the message carried. Says whether it counts.
pub async fn confirm(ctx: &Context, person: &SignedIn, token: &str) -> ServiceResult<bool> {
    let value = from_base64url(token).and_then(|bytes| bytes.try_into().ok());
    let Some(value) = value else {
        return Ok(false);
    };
    let mut tx = ctx.begin().await?;
    let challenge = tx.take_challenge(&value).await?;
    tx.commit().await?;
    let judged = challenge.map(|one| one.judge(purpose(person), holder(person), ctx.now()));
    if !matches!(judged, Some(Ok(()))) {
        return Ok(false);
    }
    change(ctx, person, "mail.confirmed", MailChoice::confirmed).await?;
    Ok(true)
}

async fn change(
    ctx: &Context,
    person: &SignedIn,
    event: &'static str,
    to: impl FnOnce(MailChoice) -> MailChoice + Send,
) -> ServiceResult<()> {
    let user = user(person);
    let mut tx = ctx.begin().await?;
    let before = tx.find_mail_choice(&user).await?;
    let after = to(before);
    if after != before {
        tx.put_mail_choice(&user, after).await?;
        // Whoever takes over an account may want its owner not to hear of what is asked.
        let entry = entry(person, event, ctx.now());
        tx.append_audit(vec![entry]).await?;
    }
    Ok(tx.commit().await?)
}

/// This address, and no other that the account may have later.
fn purpose(person: &SignedIn) -> Purpose {
    let subject = format!("e-mail to {}", person.person.email);
    Purpose::Confirm(sha256(subject.as_bytes()))
}

fn holder(person: &SignedIn) -> Holder {
    Holder(sha256(person.person.id.0.as_bytes()))
}

fn user(person: &SignedIn) -> UserId {
    UserId(person.person.id.to_string())
}

/// E-mail takes its time.
const LIFETIME: Duration = Duration::from_hours(1);
