//! Signing in, confirming and managing one's account with passkeys.

use procura_keys::clock::Timestamp;
use procura_people::account::{AccountChange, Standing};
use procura_people::challenge::{Holder, Purpose};
use procura_people::passkey::{MAX_PASSKEYS, Passkey, PasskeyId, PasskeyName};
use procura_people::person::PersonId;
use procura_people::presence::{Confirmation, Lacking, Method};
use procura_people::session::SessionToken;
use procura_people::webauthn::options::{self, Subject};
use procura_people::webauthn::{NewCredential, UnverifiedAssertion, UnverifiedRegistration};
use procura_store::StoreError;
use procura_store::audit::AuditEntry;
use serde_json::{Value, json};

use super::SignedIn;
use super::ceremony::{self, Expected, PasskeyError};
use super::sign_in::open_session;
use crate::audit;
use crate::context::Context;
use crate::error::ServiceResult;
use crate::limits::Budget;

/// What a page asks an authenticator for, so that whoever holds one signs in.
pub async fn ask_to_sign_in(
    ctx: &Context,
    holder: Holder,
    address: &str,
) -> Result<Value, PasskeyError> {
    count(ctx, Budget::Challenge, address)?;
    let (relying_party, challenge) = ceremony::ask(ctx, Purpose::SignIn, holder).await?;
    Ok(options::to_assert(&relying_party, &challenge, &[]))
}

/// Signs in whoever's passkey answered. A session they had before is replaced.
pub async fn sign_in(
    ctx: &Context,
    answer: &str,
    holder: Holder,
    address: &str,
    previous: Option<&SessionToken>,
) -> Result<SessionToken, PasskeyError> {
    count(ctx, Budget::SignIn, address)?;
    let answer = UnverifiedAssertion::parse(answer)?;
    let now = ctx.now();
    let expected = Expected {
        purpose: Purpose::SignIn,
        holder,
        now,
    };
    let mut tx = ctx.begin().await?;
    let judged = ceremony::assert(ctx, tx.as_mut(), &answer, expected).await;
    let person = match &judged {
        Ok(passkey) => tx.find_person(&passkey.person_id).await?,
        Err(_) => None,
    };
    let Some(person) = person.filter(|person| !person.disabled) else {
        let mut refused = audit::entry(now, "person.sign_in", format!("address:{address}"));
        refused.outcome = "no_match".to_owned();
        refused.detail = json!({ "method": Method::Passkey.as_str() });
        tx.append_audit(vec![refused]).await?;
        tx.commit().await?;
        return Err(judged.err().unwrap_or(PasskeyError::UnknownPasskey));
    };
    tx.commit().await?;
    Ok(open_session(ctx, &person, Method::Passkey, previous, now).await?)
}

/// What a page asks an authenticator for, so that a person says yes to this subject and to nothing else.
pub async fn ask_to_confirm(
    ctx: &Context,
    person: &SignedIn,
    subject: [u8; 32],
) -> Result<Value, PasskeyError> {
    let passkeys = list(ctx, person).await?;
    if passkeys.is_empty() {
        return Err(Lacking::Presence.into());
    }
    let purpose = Purpose::Confirm(subject);
    let (relying_party, challenge) = ceremony::ask(ctx, purpose, holder(person)).await?;
    Ok(options::to_assert(&relying_party, &challenge, &passkeys))
}

/// What a page asks an authenticator for before a change of the person's account; nothing if it takes no gesture.
pub async fn ask_for_change(
    ctx: &Context,
    person: &SignedIn,
    change: &AccountChange,
) -> Result<Option<Value>, PasskeyError> {
    match require(ctx, person, change) {
        Ok(()) => Ok(None),
        Err(Lacking::Presence) => ask_to_confirm(ctx, person, change.subject())
            .await
            .map(Some),
        Err(lacking) => Err(lacking.into()),
    }
}

/// The person, having said yes to this subject.
pub async fn confirm(
    ctx: &Context,
    person: &SignedIn,
    answer: &str,
    subject: [u8; 32],
) -> Result<SignedIn, PasskeyError> {
    let answer = UnverifiedAssertion::parse(answer)?;
    let expected = Expected {
        purpose: Purpose::Confirm(subject),
        holder: holder(person),
        now: ctx.now(),
    };
    let mut tx = ctx.begin().await?;
    let judged = ceremony::assert(ctx, tx.as_mut(), &answer, expected).await;
    let judged = judged.and_then(|passkey| {
        let is_theirs = passkey.person_id == person.person.id;
        is_theirs
            .then_some(passkey)
            .ok_or(PasskeyError::UnknownPasskey)
    });
    if judged.is_err() {
        let mut refused = entry(person, "passkey.used", expected.now);
        refused.outcome = "refused".to_owned();
        tx.append_audit(vec![refused]).await?;
    }
    tx.commit().await?;
    let confirmation = Confirmation {
        passkey_id: judged?.id,
        subject,
        at: expected.now,
    };
    Ok(SignedIn {
        confirmation: Some(confirmation),
        ..person.clone()
    })
}

/// What a page asks an authenticator for, so that a person gets one more passkey.
pub async fn ask_to_register(ctx: &Context, person: &SignedIn) -> Result<Value, PasskeyError> {
    require(ctx, person, &AccountChange::AddPasskey)?;
    let known = list(ctx, person).await?;
    if known.len() >= MAX_PASSKEYS {
        return Err(PasskeyError::TooMany);
    }
    let (relying_party, challenge) = ceremony::ask(ctx, Purpose::Register, holder(person)).await?;
    let subject = Subject {
        id: &person.person.id,
        email: person.person.email.as_str(),
        name: &person.person.name,
    };
    let service = &ctx.provider().name;
    Ok(options::to_register(
        &relying_party,
        service,
        &challenge,
        subject,
        &known,
    ))
}

/// Keeps a new passkey. What it takes was judged before the challenge was handed out.
pub async fn register(
    ctx: &Context,
    person: &SignedIn,
    answer: &str,
    name: &str,
) -> Result<(), PasskeyError> {
    let name = PasskeyName::try_from(name.to_owned())?;
    let answer = UnverifiedRegistration::parse(answer)?;
    let now = ctx.now();
    let expected = Expected {
        purpose: Purpose::Register,
        holder: holder(person),
        now,
    };
    let mut tx = ctx.begin().await?;
    let judged = ceremony::register(ctx, tx.as_mut(), &answer, expected).await;
    let (made, _) = match judged {
        Ok(made) => made,
        Err(error) => {
            tx.commit().await?;
            return Err(error);
        }
    };
    let passkey = passkey(ctx, made, &person.person.id, name, now);
    match tx.insert_passkey(&passkey).await {
        Err(StoreError::Conflict(_)) => return Err(PasskeyError::Known),
        result => result?,
    }
    tx.append_audit(vec![about(person, "passkey.added", &passkey.id, now)])
        .await?;
    tx.commit().await?;
    Ok(())
}

/// A person's passkeys, oldest first.
pub async fn list(ctx: &Context, person: &SignedIn) -> ServiceResult<Vec<Passkey>> {
    let mut tx = ctx.read().await?;
    Ok(tx.list_passkeys_by_person(&person.person.id).await?)
}

/// Gives a passkey another name.
pub async fn rename(
    ctx: &Context,
    person: &SignedIn,
    id: &PasskeyId,
    name: &str,
) -> Result<(), PasskeyError> {
    let name = PasskeyName::try_from(name.to_owned())?;
    let mut tx = ctx.begin().await?;
    match tx.rename_passkey(&person.person.id, id, &name).await {
        Err(StoreError::NotFound(_)) => return Err(PasskeyError::UnknownPasskey),
        result => result?,
    }
    tx.commit().await?;
    Ok(())
}

/// Takes a passkey off an account.
pub async fn remove(ctx: &Context, person: &SignedIn, id: &PasskeyId) -> Result<(), PasskeyError> {
    require(ctx, person, &AccountChange::RemovePasskey(id.clone()))?;
    let mut tx = ctx.begin().await?;
    match tx.delete_passkey(&person.person.id, id).await {
        Err(StoreError::NotFound(_)) => return Err(PasskeyError::UnknownPasskey),
        result => result?,
    }
    tx.append_audit(vec![about(person, "passkey.removed", id, ctx.now())])
        .await?;
    tx.commit().await?;
    Ok(())
}

/// Whether the person has shown enough of themselves for a change of their account.
pub(super) fn require(
    ctx: &Context,
    person: &SignedIn,
    change: &AccountChange,
) -> Result<(), Lacking> {
    let standing = Standing {
        has_passkey: person.has_passkey,
        proof: person.session.proof,
        confirmation: person.confirmation.as_ref(),
    };
    change.judge(standing, ctx.policy().session.fresh_for, ctx.now())
}

/// A record of a passkey.
pub(super) fn passkey(
    ctx: &Context,
    made: NewCredential,
    person: &PersonId,
    name: PasskeyName,
    now: Timestamp,
) -> Passkey {
    Passkey {
        id: PasskeyId::new(now, ctx.random()),
        person_id: person.clone(),
        credential_id: made.credential_id,
        public_key: made.public_key,
        sign_count: made.sign_count,
        synced: made.synced,
        name,
        created_at: now,
        last_used_at: None,
    }
}

/// What somebody did to their own account.
pub(super) fn entry(person: &SignedIn, event: &str, now: Timestamp) -> AuditEntry {
    let mut entry = audit::entry(now, event, format!("user:{}", person.person.id));
    entry.user_id = Some(person.person.id.to_string());
    entry
}

fn about(person: &SignedIn, event: &str, id: &PasskeyId, now: Timestamp) -> AuditEntry {
    let mut entry = entry(person, event, now);
    entry.detail = json!({ "passkey_id": id });
    entry
}

/// Only the session that asked may answer.
fn holder(person: &SignedIn) -> Holder {
    Holder(person.session.token_digest)
}

fn count(ctx: &Context, budget: Budget, address: &str) -> Result<(), PasskeyError> {
    let counted = ctx.limits().count(budget, &format!("address:{address}"));
    counted.map_err(PasskeyError::TooManyTries)
}
