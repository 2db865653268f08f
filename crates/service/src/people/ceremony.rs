//! Asking an authenticator, and taking its answer.

use procura_agent_auth::refusal::Refusal;
use procura_keys::clock::Timestamp;
use procura_people::challenge::{BadChallenge, Challenge, Holder, Purpose};
use procura_people::passkey::{NotAPasskeyName, Passkey};
use procura_people::presence::Lacking;
use procura_people::session::SessionToken;
use procura_people::webauthn::{
    Ceremony, NewCredential, RelyingParty, UnverifiedAssertion, UnverifiedRegistration,
    WebauthnError,
};
use procura_store::{StoreError, Transaction};

use crate::context::Context;
use crate::error::ServiceError;

/// Why something with a passkey did not work.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// Browsers allow no passkeys at this server's address.
    #[error("Passkeys need this server to be reached under a name and over https.")]
    Unavailable,
    /// The person has not shown enough of themselves.
    #[error(transparent)]
    Lacking(#[from] Lacking),
    /// The answer does not count.
    #[error("The passkey was not accepted. Try again.")]
    Answer(#[source] WebauthnError),
    /// No account has the passkey.
    #[error("This passkey does not belong to an account here.")]
    UnknownPasskey,
    /// The authenticator is registered already.
    #[error("This passkey is registered already.")]
    Known,
    /// Enough is enough.
    #[error("You have as many passkeys as you can have. Remove one first.")]
    TooMany,
    /// Not a name for a passkey.
    #[error(transparent)]
    Name(#[from] NotAPasskeyName),
    /// Too many tries.
    #[error("{0}")]
    TooManyTries(Refusal),
    /// Something broke.
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

impl From<StoreError> for PasskeyError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<WebauthnError> for PasskeyError {
    fn from(error: WebauthnError) -> Self {
        Self::Answer(error)
    }
}

/// This server as authenticators know it. `None` where browsers allow no passkeys.
pub fn relying_party(ctx: &Context) -> Option<RelyingParty> {
    RelyingParty::of_issuer(&ctx.provider().issuer)
}

/// The secret of a browser that is not signed in, for a cookie.
pub fn new_ticket(ctx: &Context) -> SessionToken {
    SessionToken::new(ctx.random())
}

/// Makes a challenge that can be answered once.
pub(super) async fn ask(
    ctx: &Context,
    purpose: Purpose,
    holder: Holder,
) -> Result<(RelyingParty, Challenge), PasskeyError> {
    let relying_party = relying_party(ctx).ok_or(PasskeyError::Unavailable)?;
    let challenge = Challenge::new(purpose, holder, ctx.random(), ctx.now());
    let mut tx = ctx.begin().await?;
    tx.insert_challenge(&challenge).await?;
    tx.commit().await?;
    Ok((relying_party, challenge))
}

/// What an answer has to fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) purpose: Purpose,
    pub(super) holder: Holder,
    pub(super) now: Timestamp,
}

/// Judges the use of a passkey. Whatever comes of it, the challenge is used up.
pub(super) async fn assert(
    ctx: &Context,
    tx: &mut dyn Transaction,
    answer: &UnverifiedAssertion,
    expected: Expected,
) -> Result<Passkey, PasskeyError> {
    let challenge = take(tx, answer.challenge()).await?;
    let passkey = tx
        .find_passkey_by_credential(answer.credential_id())
        .await?
        .ok_or(PasskeyError::UnknownPasskey)?;
    let relying_party = relying_party(ctx).ok_or(PasskeyError::Unavailable)?;
    let ceremony = expected.ceremony(&relying_party, &challenge);
    let sign_count = ceremony.assert(answer, &passkey)?;
    tx.note_passkey_use(&passkey.id, sign_count, expected.now)
        .await?;
    Ok(passkey)
}

/// Judges the making of a passkey. Whatever comes of it, the challenge is used up. Returns it as well, because the
/// identifier of a new account is made of it.
pub(super) async fn register(
    ctx: &Context,
    tx: &mut dyn Transaction,
    answer: &UnverifiedRegistration,
    expected: Expected,
) -> Result<(NewCredential, Challenge), PasskeyError> {
    let challenge = take(tx, answer.challenge()).await?;
    let relying_party = relying_party(ctx).ok_or(PasskeyError::Unavailable)?;
    let made = expected
        .ceremony(&relying_party, &challenge)
        .register(answer)?;
    Ok((made, challenge))
}

async fn take(tx: &mut dyn Transaction, value: &[u8; 32]) -> Result<Challenge, PasskeyError> {
    let taken = tx.take_challenge(value).await?;
    taken.ok_or_else(|| WebauthnError::from(BadChallenge::Unknown).into())
}

impl Expected {
    fn ceremony<'a>(
        self,
        relying_party: &'a RelyingParty,
        challenge: &'a Challenge,
    ) -> Ceremony<'a> {
        Ceremony {
            relying_party,
            challenge,
            purpose: self.purpose,
            holder: self.holder,
            now: self.now,
        }
    }
}
