//! Signing in by an account elsewhere: OpenID Connect with the authorization code flow, PKCE and discovery.
//!
//! A person is known by what the provider calls them, never by their address. So somebody who controls an address, or
//! a provider that says they do, gets into no account that is there already: whoever owns it signs in as usual and
//! connects the two.

mod arrival;
mod exchange;
mod provider;

use procura_agent_auth::refusal::Refusal;
use procura_people::account::AccountChange;
use procura_people::openid::{
    BadCallback, BadIdToken, Callback, Flow, FlowSecret, Identity, Purpose, Question,
    authorization_url, judge_callback,
};
use procura_people::presence::{Lacking, Method};
use procura_people::session::SessionToken;
use procura_store::StoreError;
use serde_json::json;
use url::Url;

pub use self::provider::{OpenIdProvider, OpenIdProviders, OpenIdSettings, ProviderError};
use super::SignedIn;
use super::passkeys::{entry, require};
use super::sessions::end_other_sessions;
use crate::audit;
use crate::context::Context;
use crate::error::{ServiceError, ServiceResult};
use crate::limits::Budget;

/// Why nobody is signed in, or nothing is connected.
#[derive(Debug, thiserror::Error)]
pub enum OpenIdError {
    /// The answer does not belong to a question of this browser, or says no.
    #[error(transparent)]
    Callback(#[from] BadCallback),
    /// The provider cannot be reached or does not do what it should.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The ID token does not count.
    #[error(transparent)]
    IdToken(#[from] BadIdToken),
    /// Nobody here has this account, and it lets nobody in who is not here yet. So is whoever is barred told.
    #[error("nobody here has this account")]
    NoAccount,
    /// Whoever comes in needs an address that this server takes.
    #[error("the provider says no address that may be used here")]
    NoAddress,
    /// Somebody here has the address.
    #[error("the address has an account here already")]
    Taken,
    /// Somebody else here has this account.
    #[error("the account belongs to somebody else here")]
    ConnectedElsewhere,
    /// The person has connected another account of this provider.
    #[error("another account there is connected already")]
    HasAnother,
    /// Whoever comes back to connect an account is not the one who went.
    #[error("the person who began this is not signed in")]
    NotSignedIn,
    /// There would be no way left to sign in.
    #[error("it is the last way to sign in")]
    LastWay,
    /// The person has not shown enough of themselves.
    #[error(transparent)]
    Lacking(#[from] Lacking),
    /// Too many tries.
    #[error("{0}")]
    TooMany(Refusal),
    /// Something broke.
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

impl From<StoreError> for OpenIdError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// What a browser has to do so that its person signs in elsewhere.
#[derive(Debug)]
pub struct Departure {
    /// What its cookie has to hold.
    pub secret: FlowSecret,
    /// Where it has to go.
    pub url: Url,
}

/// A browser that comes back.
#[derive(Clone, Copy, Debug)]
pub struct Return<'a> {
    /// What its cookie holds.
    pub secret: Option<&'a FlowSecret>,
    /// What the provider has it say.
    pub callback: Callback<'a>,
    /// Who is signed in there, if somebody is.
    pub person: Option<&'a SignedIn>,
    /// The session to replace.
    pub previous: Option<&'a SessionToken>,
    /// Where it comes from.
    pub address: &'a str,
}

/// What came of it.
#[derive(Debug)]
pub enum Finished {
    /// Somebody is signed in.
    SignedIn {
        /// What their cookie has to hold.
        token: SessionToken,
        /// Where they wanted to go.
        next: Option<String>,
    },
    /// The account is connected.
    Connected,
}

/// Begins a sign-in. A `fresh` one makes the provider ask the person anew, and counts as recent afterwards.
pub async fn begin(
    ctx: &Context,
    provider: &OpenIdProvider,
    fresh: bool,
    next: Option<String>,
    address: &str,
) -> Result<Departure, OpenIdError> {
    let purpose = if fresh {
        Purpose::FreshSignIn
    } else {
        Purpose::SignIn
    };
    depart(ctx, provider, purpose, next, address).await
}

/// Begins to connect an account elsewhere. It takes what setting a password takes.
pub async fn begin_to_connect(
    ctx: &Context,
    provider: &OpenIdProvider,
    person: &SignedIn,
    address: &str,
) -> Result<Departure, OpenIdError> {
    let change = AccountChange::Connect(provider.settings().id.clone());
    require(ctx, person, &change)?;
    let purpose = Purpose::Connect(person.person.id.clone());
    depart(ctx, provider, purpose, None, address).await
}

async fn depart(
    ctx: &Context,
    provider: &OpenIdProvider,
    purpose: Purpose,
    next: Option<String>,
    address: &str,
) -> Result<Departure, OpenIdError> {
    count(ctx, Budget::Challenge, address)?;
    let now = ctx.now();
    let document = provider.document(now).await?;
    let secret = FlowSecret::new(ctx.random());
    let settings = provider.settings();
    let question = Question {
        client_id: &settings.client_id,
        redirect_uri: &redirect_uri(ctx, provider),
        scope: &settings.scope,
        fresh: purpose == Purpose::FreshSignIn,
    };
    let url = authorization_url(&document.authorization_endpoint, question, &secret);
    let mut tx = ctx.begin().await?;
    tx.insert_flow(&secret.begin(&settings.issuer, purpose, next, now))
        .await?;
    tx.commit().await?;
    Ok(Departure { secret, url })
}

/// Takes what a browser brings back from a provider. Whatever comes of it, the sign-in is used up.
pub async fn finish(
    ctx: &Context,
    provider: &OpenIdProvider,
    back: Return<'_>,
) -> Result<Finished, OpenIdError> {
    let asked = |secret: &&FlowSecret| secret.asked(back.callback.state);
    let secret = back.secret.filter(asked);
    let secret = secret.ok_or(BadCallback::NotThisBrowser)?;
    count(ctx, Budget::SignIn, back.address)?;
    let mut tx = ctx.begin().await?;
    let flow = tx.take_flow(&secret.digest()).await?;
    tx.commit().await?;
    let flow = flow.ok_or(BadCallback::NotThisBrowser)?;
    let finished = arrive(ctx, provider, secret, &flow, back).await;
    if let Err(error) = &finished
        && is_worth_a_record(error)
    {
        let by = format!("address:{}", back.address);
        let mut refused = audit::entry(ctx.now(), "person.sign_in", by);
        refused.outcome = "no_match".to_owned();
        refused.detail =
            json!({ "method": Method::OpenId.as_str(), "provider": provider.settings().id });
        let mut tx = ctx.begin().await?;
        tx.append_audit(vec![refused]).await?;
        tx.commit().await?;
    }
    finished
}

async fn arrive(
    ctx: &Context,
    provider: &OpenIdProvider,
    secret: &FlowSecret,
    flow: &Flow,
    back: Return<'_>,
) -> Result<Finished, OpenIdError> {
    let now = ctx.now();
    // Each provider has its own address to answer to, so this is another one's answer.
    if flow.issuer != provider.settings().issuer {
        return Err(BadCallback::OtherIssuer.into());
    }
    let document = provider.document(now).await?;
    let code = judge_callback(back.callback, flow, secret, document.names_issuer, now)?;
    let redirect_uri = redirect_uri(ctx, provider);
    let asked = exchange::Asked {
        provider,
        document: &document,
        secret,
        redirect_uri: &redirect_uri,
        signed_in_since: flow.signed_in_since(),
    };
    let answer = exchange::exchange(ctx, &asked, code).await?;
    match &flow.purpose {
        Purpose::Connect(person_id) => {
            let person = back.person.filter(|one| one.person.id == *person_id);
            let person = person.ok_or(OpenIdError::NotSignedIn)?;
            arrival::connect(ctx, provider, person, answer.id_token.person).await?;
            Ok(Finished::Connected)
        }
        Purpose::SignIn | Purpose::FreshSignIn => {
            let token = arrival::sign_in(ctx, &asked, answer, flow, back.previous).await?;
            let next = flow.next.clone();
            Ok(Finished::SignedIn { token, next })
        }
    }
}

/// The accounts elsewhere that a person has connected, by provider.
pub async fn list(ctx: &Context, person: &SignedIn) -> ServiceResult<Vec<Identity>> {
    let mut tx = ctx.read().await?;
    Ok(tx.list_identities_by_person(&person.person.id).await?)
}

/// Forgets an account elsewhere, and ends the person's other sessions. The last way to sign in stays.
pub async fn disconnect(
    ctx: &Context,
    providers: &OpenIdProviders,
    provider: &OpenIdProvider,
    person: &SignedIn,
) -> Result<(), OpenIdError> {
    let settings = provider.settings();
    require(ctx, person, &AccountChange::Disconnect(settings.id.clone()))?;
    let id = &person.person.id;
    let mut tx = ctx.begin().await?;
    let elsewhere = tx.list_identities_by_person(id).await?;
    // One of a provider that is not asked any more signs nobody in.
    let others = elsewhere.iter().any(|identity| {
        let issuer = &identity.upstream.issuer;
        *issuer != settings.issuer && providers.by_issuer(issuer).is_some()
    });
    let account = tx.find_person(id).await?;
    let has_password = account.is_some_and(|person| person.password.is_some());
    let has_passkey = !tx.list_passkeys_by_person(id).await?.is_empty();
    if !(others || has_password || has_passkey) {
        return Err(OpenIdError::LastWay);
    }
    tx.delete_identity(id, &settings.issuer).await?;
    let mut disconnected = entry(person, "openid.disconnected", ctx.now());
    disconnected.detail = json!({ "provider": settings.id });
    tx.append_audit(vec![disconnected]).await?;
    tx.commit().await?;
    end_other_sessions(ctx, person).await?;
    Ok(())
}

/// The one address at which a provider answers.
fn redirect_uri(ctx: &Context, provider: &OpenIdProvider) -> String {
    let path = format!("/login/openid/{}", provider.settings().id);
    ctx.provider().url(&path)
}

/// What somebody may have tried. What merely went wrong is in the log of the server.
fn is_worth_a_record(error: &OpenIdError) -> bool {
    matches!(
        error,
        OpenIdError::IdToken(_)
            | OpenIdError::Provider(ProviderError::Forged)
            | OpenIdError::Callback(BadCallback::OtherIssuer)
            | OpenIdError::NoAccount
            | OpenIdError::NoAddress
            | OpenIdError::Taken
            | OpenIdError::ConnectedElsewhere
            | OpenIdError::NotSignedIn
    )
}

fn count(ctx: &Context, budget: Budget, address: &str) -> Result<(), OpenIdError> {
    let counted = ctx.limits().count(budget, &format!("address:{address}"));
    counted.map_err(OpenIdError::TooMany)
}
