//! Signing in with a password, and the session that follows every sign-in.

use procura_agent_auth::refusal::Refusal;
use procura_keys::clock::Timestamp;
use procura_people::password::PasswordHash;
use procura_people::person::{Email, Person};
use procura_people::presence::{Confirmation, Method, Proof};
use procura_people::session::{Session, SessionToken};
use procura_store::StoreError;
use serde_json::json;

use crate::audit;
use crate::context::Context;
use crate::error::{Failure, ServiceError, ServiceResult};
use crate::limits::Budget;

/// A person and the session they are using.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The person.
    pub person: Person,
    /// The session.
    pub session: Session,
    /// Whether they have a passkey to confirm with.
    pub has_passkey: bool,
    /// What they said yes to with it in this request.
    pub confirmation: Option<Confirmation>,
}

impl SignedIn {
    /// Whether they may see and change what concerns everybody.
    pub fn is_administrator(&self) -> bool {
        self.person.administrator
    }
}

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// One answer for unknown addresses, wrong passwords and barred accounts.
    #[error("The e-mail address or the password is not right.")]
    NoMatch,
    /// Too many tries.
    #[error("{0}")]
    TooMany(Refusal),
    /// Something broke.
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Signs somebody in. The token is for their cookie; a session they had before is replaced, so that nobody can
/// plant one on them.
pub async fn sign_in(
    ctx: &Context,
    email: &str,
    password: String,
    address: &str,
    previous: Option<&SessionToken>,
) -> Result<SessionToken, SignInError> {
    let email = email.parse::<Email>().map_err(|_| SignInError::NoMatch)?;
    count_tries(ctx, &email, address)?;
    let person = ctx.read().await?.find_person_by_email(&email).await?;
    let now = ctx.now();
    let Some(person) = check(person, password).await? else {
        return Err(refuse(ctx, address, Method::Password, now).await?);
    };
    open_session(ctx, &person, Method::Password, previous, now)
        .await
        .map_err(SignInError::Failed)
}

/// The session behind a cookie, with its person, while both count.
pub async fn session(ctx: &Context, token: &SessionToken) -> ServiceResult<Option<SignedIn>> {
    let mut tx = ctx.read().await?;
    let Some(session) = tx.find_session(&token.digest()).await? else {
        return Ok(None);
    };
    let person = tx.find_person(&session.person_id).await?;
    let live = session.is_live(ctx.now());
    let Some(person) = person.filter(|person| live && !person.disabled) else {
        return Ok(None);
    };
    let passkeys = tx.list_passkeys_by_person(&person.id).await?;
    Ok(Some(SignedIn {
        person,
        session,
        has_passkey: !passkeys.is_empty(),
        confirmation: None,
    }))
}

/// Ends a session.
pub async fn sign_out(ctx: &Context, token: &SessionToken) -> ServiceResult<()> {
    let mut tx = ctx.begin().await?;
    tx.delete_session(&token.digest()).await?;
    tx.commit().await?;
    Ok(())
}

/// Tries are counted for the address they come from and for the account, whether or not it exists.
pub(super) fn count_tries(ctx: &Context, email: &Email, address: &str) -> Result<(), SignInError> {
    for key in [format!("address:{address}"), format!("email:{email}")] {
        ctx.limits()
            .count(Budget::SignIn, &key)
            .map_err(SignInError::TooMany)?;
    }
    Ok(())
}

/// Records a try that failed.
pub(super) async fn refuse(
    ctx: &Context,
    address: &str,
    method: Method,
    now: Timestamp,
) -> ServiceResult<SignInError> {
    let mut refused = audit::entry(now, "person.sign_in", format!("address:{address}"));
    refused.outcome = "no_match".to_owned();
    refused.detail = json!({ "method": method.as_str() });
    let mut tx = ctx.begin().await?;
    tx.append_audit(vec![refused]).await?;
    tx.commit().await?;
    Ok(SignInError::NoMatch)
}

/// The person, if the password is theirs. The same work is done for accounts that do not exist.
async fn check(person: Option<Person>, password: String) -> Result<Option<Person>, SignInError> {
    let stored = person.as_ref().and_then(|person| person.password.clone());
    let hash = stored.unwrap_or_else(PasswordHash::of_nobody);
    let matches = tokio::task::spawn_blocking(move || hash.matches(&password)).await;
    let matches =
        matches.map_err(|_| ServiceError::from(Failure::Bug("checking a password panicked")))?;
    Ok(person.filter(|person| matches && !person.disabled))
}

/// Opens a session for somebody who has just shown who they are.
pub(super) async fn open_session(
    ctx: &Context,
    person: &Person,
    method: Method,
    previous: Option<&SessionToken>,
    now: Timestamp,
) -> ServiceResult<SessionToken> {
    let proof = Proof { method, at: now };
    open_proven_session(ctx, person, proof, previous, now).await
}

/// Opens a session for somebody who has shown this.
pub(super) async fn open_proven_session(
    ctx: &Context,
    person: &Person,
    proof: Proof,
    previous: Option<&SessionToken>,
    now: Timestamp,
) -> ServiceResult<SessionToken> {
    let token = SessionToken::new(ctx.random());
    let mut tx = ctx.begin().await?;
    if let Some(previous) = previous {
        tx.delete_session(&previous.digest()).await?;
    }
    tx.insert_session(&Session {
        token_digest: token.digest(),
        person_id: person.id.clone(),
        created_at: now,
        proof,
        expires_at: now.plus(ctx.policy().session.lifetime),
    })
    .await?;
    let mut entry = audit::entry(now, "person.sign_in", format!("user:{}", person.id));
    entry.user_id = Some(person.id.to_string());
    entry.detail = json!({ "method": proof.method.as_str() });
    tx.append_audit(vec![entry]).await?;
    tx.commit().await?;
    Ok(token)
}
