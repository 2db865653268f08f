//! People, for administrators.

use procura_keys::clock::Timestamp;
use procura_people::invitation::INVITATION_LIFETIME;
use procura_people::person::{Person, PersonId};
use serde::Serialize;
use serde_json::{Value, json};

use super::error::{AdminError, account_error, page, parse_email, shown};
use super::{AdminCall, Listing};
use crate::context::Context;
use crate::{activity, people};

pub(super) async fn add(
    ctx: &Context,
    call: &AdminCall,
    email: &str,
    name: &str,
    password: Option<&str>,
) -> Result<Value, AdminError> {
    let email = parse_email(email)?;
    let password = password.map(str::to_owned);
    let added = people::add_person(ctx, &call.actor(), email, name.to_owned(), password).await;
    shown(&PersonView::of(&added.map_err(account_error)?))
}

pub(super) async fn invite(
    ctx: &Context,
    call: &AdminCall,
    email: &str,
    administrator: bool,
) -> Result<Value, AdminError> {
    let token = people::invite(ctx, &call.actor(), parse_email(email)?, administrator).await?;
    shown(&InvitationView {
        email,
        link: ctx.provider().url(&format!("/invite/{}", token.expose())),
        expires_at: ctx.now().plus(INVITATION_LIFETIME),
    })
}

pub(super) async fn list(ctx: &Context, listing: &Listing) -> Result<Value, AdminError> {
    let people = people::list_people(ctx, page(listing)?).await?;
    shown(&people.iter().map(PersonView::of).collect::<Vec<_>>())
}

pub(super) async fn disable(
    ctx: &Context,
    call: &AdminCall,
    email: &str,
) -> Result<Value, AdminError> {
    let disabled = people::disable_person(ctx, &call.actor(), &parse_email(email)?).await;
    shown(&PersonView::of(&disabled.map_err(account_error)?))
}

pub(super) async fn remove(
    ctx: &Context,
    call: &AdminCall,
    email: &str,
) -> Result<Value, AdminError> {
    let removed = people::remove_person(ctx, &call.actor(), &parse_email(email)?).await;
    shown(&PersonView::of(&removed.map_err(account_error)?))
}

/// As many records as one answer holds; the caller goes on after the last one.
pub(super) async fn export(ctx: &Context, person: &str, after: i64) -> Result<Value, AdminError> {
    let person = find(ctx, person).await?;
    Ok(activity::export_activity(ctx, &person, after).await?.into())
}

pub(super) async fn erase(
    ctx: &Context,
    call: &AdminCall,
    person: &str,
) -> Result<Value, AdminError> {
    let person = find(ctx, person).await?;
    let erased = activity::delete_activity(ctx, &call.actor(), &person).await?;
    Ok(json!({ "person_id": person.to_string(), "erased": erased }))
}

/// Whoever has this address, or had this identifier.
async fn find(ctx: &Context, person: &str) -> Result<PersonId, AdminError> {
    // An application that embeds the server has identifiers of its own, without an `@` as well.
    if !person.contains('@') {
        return Ok(PersonId(person.to_owned()));
    }
    Ok(super::error::person(ctx.read().await?.as_mut(), person)
        .await?
        .id)
}

/// A link, shown this once.
#[derive(Serialize)]
struct InvitationView<'a> {
    email: &'a str,
    link: String,
    expires_at: Timestamp,
}

/// A person as shown to administrators.
#[derive(Serialize)]
struct PersonView<'a> {
    person_id: &'a str,
    email: &'a str,
    name: &'a str,
    administrator: bool,
    disabled: bool,
    created_at: Timestamp,
}

impl<'a> PersonView<'a> {
    fn of(person: &'a Person) -> Self {
        Self {
            person_id: &person.id.0,
            email: person.email.as_str(),
            name: &person.name,
            administrator: person.administrator,
            disabled: person.disabled,
            created_at: person.created_at,
        }
    }
}
