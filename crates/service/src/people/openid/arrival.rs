//! What becomes of somebody whom a provider vouches for: they are known here, they come in, or they stay outside.

use procura_agent_auth::id::UserId;
use procura_agent_auth::text::clean;
use procura_keys::clock::Timestamp;
use procura_people::mail::MailChoice;
use procura_people::openid::{Flow, IdToken, Identity, Upstream};
use procura_people::person::{Email, Person, PersonId};
use procura_people::session::SessionToken;
use procura_store::{StoreError, Transaction};
use serde_json::json;

use super::exchange::{Answer, Asked, with_address};
use super::{OpenIdError, OpenIdProvider, OpenIdSettings, SignedIn, entry};
use crate::audit;
use crate::context::Context;
use crate::people::invitations::{ArrivalError, MAX_NAME, add};
use crate::people::sign_in::open_proven_session;

/// Signs in whose account it is, or who may come in with it.
pub(super) async fn sign_in(
    ctx: &Context,
    asked: &Asked<'_>,
    answer: Answer,
    flow: &Flow,
    previous: Option<&SessionToken>,
) -> Result<SessionToken, OpenIdError> {
    let upstream = answer.id_token.person.clone();
    let known = ctx.read().await?.find_identity(&upstream).await?;
    let person = match known {
        Some(identity) => ctx.read().await?.find_person(&identity.person_id).await?,
        None => Some(join(ctx, asked, answer).await?),
    };
    let person = person.filter(|person| !person.disabled);
    let person = person.ok_or(OpenIdError::NoAccount)?;
    let now = ctx.now();
    Ok(open_proven_session(ctx, &person, flow.proof(now), previous, now).await?)
}

/// Connects an account elsewhere with the account of somebody who is signed in.
pub(super) async fn connect(
    ctx: &Context,
    provider: &OpenIdProvider,
    person: &SignedIn,
    upstream: Upstream,
) -> Result<(), OpenIdError> {
    let (now, id) = (ctx.now(), &person.person.id);
    let mut tx = ctx.begin().await?;
    match tx.find_identity(&upstream).await? {
        Some(identity) if identity.person_id == *id => return Ok(()),
        Some(_) => return Err(OpenIdError::ConnectedElsewhere),
        None => {}
    }
    match insert(tx.as_mut(), upstream, id, now).await {
        Err(StoreError::Conflict(_)) => return Err(OpenIdError::HasAnother),
        result => result?,
    }
    let mut connected = entry(person, "openid.connected", now);
    connected.detail = json!({ "provider": provider.settings().id });
    tx.append_audit(vec![connected]).await?;
    Ok(tx.commit().await?)
}

/// Makes an account for somebody who has none here, where the configuration lets them in.
async fn join(ctx: &Context, asked: &Asked<'_>, answer: Answer) -> Result<Person, OpenIdError> {
    let settings = asked.provider.settings();
    if !settings.sign_up {
        return Err(OpenIdError::NoAccount);
    }
    let token = with_address(asked, answer).await?;
    let email = address(settings, &token).ok_or(OpenIdError::NoAddress)?;
    let name = name(&token, &email);
    let now = ctx.now();
    let id = PersonId::new(now, ctx.random());
    let mut tx = ctx.begin().await?;
    let person = add(tx.as_mut(), id, email, name, now).await;
    let person = person.map_err(|error| match error {
        ArrivalError::Failed(error) => OpenIdError::Failed(error),
        _ => OpenIdError::Taken,
    })?;
    if !token.email_verified {
        let user = UserId(person.id.to_string());
        tx.put_mail_choice(&user, MailChoice::Unconfirmed).await?;
    }
    insert(tx.as_mut(), token.person, &person.id, now).await?;
    let mut joined = audit::entry(now, "person.joined", format!("user:{}", person.id));
    joined.user_id = Some(person.id.to_string());
    joined.detail = json!({ "administrator": false, "provider": settings.id });
    tx.append_audit(vec![joined]).await?;
    tx.commit().await?;
    Ok(person)
}

async fn insert(
    tx: &mut dyn Transaction,
    upstream: Upstream,
    person: &PersonId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let person_id = person.clone();
    tx.insert_identity(&Identity {
        upstream,
        person_id,
        created_at: now,
    })
    .await
}

/// The address of whoever comes in. Where only some domains may, the provider has to have confirmed it.
fn address(settings: &OpenIdSettings, token: &IdToken) -> Option<Email> {
    if settings.domains.is_empty() {
        token.email.clone()
    } else {
        token.vouched_email(&settings.domains).cloned()
    }
}

/// How pages address them: as the provider does, and otherwise by the first part of the address.
fn name(token: &IdToken, email: &Email) -> String {
    let said = token.name.as_deref().and_then(|name| clean(name, MAX_NAME));
    said.unwrap_or_else(|| {
        let local = email.as_str().split('@').next().unwrap_or_default();
        local.chars().take(MAX_NAME).collect()
    })
}
