//! Recovery codes: making them, and signing in with one.

use procura_people::account::AccountChange;
use procura_people::person::Email;
use procura_people::presence::Method;
use procura_people::recovery::{COUNT, RecoveryCode};
use procura_people::session::SessionToken;

use super::SignedIn;
use super::ceremony::PasskeyError;
use super::passkeys::{entry, require};
use super::sign_in::{SignInError, count_tries, open_session, refuse};
use crate::context::Context;
use crate::error::ServiceResult;

/// Gives a person new codes instead of those they had. They are shown this once.
pub async fn make_recovery_codes(
    ctx: &Context,
    person: &SignedIn,
) -> Result<Vec<RecoveryCode>, PasskeyError> {
    require(ctx, person, &AccountChange::MakeRecoveryCodes)?;
    let codes: Vec<_> = (0..COUNT)
        .map(|_| RecoveryCode::new(ctx.random()))
        .collect();
    let digests: Vec<_> = codes.iter().map(RecoveryCode::digest).collect();
    let mut tx = ctx.begin().await?;
    tx.replace_recovery_codes(&person.person.id, &digests)
        .await?;
    tx.append_audit(vec![entry(person, "recovery_codes.made", ctx.now())])
        .await?;
    tx.commit().await?;
    Ok(codes)
}

/// How many codes a person has left.
pub async fn count_recovery_codes(ctx: &Context, person: &SignedIn) -> ServiceResult<u32> {
    let mut tx = ctx.read().await?;
    Ok(tx.count_recovery_codes(&person.person.id).await?)
}

/// Signs somebody in by a code, which is used up.
pub async fn sign_in_by_recovery_code(
    ctx: &Context,
    email: &str,
    typed: &str,
    address: &str,
    previous: Option<&SessionToken>,
) -> Result<SessionToken, SignInError> {
    let email = email.parse::<Email>().map_err(|_| SignInError::NoMatch)?;
    count_tries(ctx, &email, address)?;
    let code = RecoveryCode::parse(typed);
    let now = ctx.now();
    let mut tx = ctx.begin().await?;
    let person = tx.find_person_by_email(&email).await?;
    let used = match (&person, &code) {
        (Some(person), Some(code)) if !person.disabled => {
            tx.use_recovery_code(&person.id, &code.digest()).await?
        }
        _ => false,
    };
    let Some(person) = person.filter(|_| used) else {
        drop(tx);
        return Err(refuse(ctx, address, Method::RecoveryCode, now).await?);
    };
    tx.commit().await?;
    Ok(open_session(ctx, &person, Method::RecoveryCode, previous, now).await?)
}
