//! Links that let somebody in once, and what whoever follows one does there.

use procura_agent_auth::id::UserId;
use procura_agent_auth::refusal::Refusal;
use procura_agent_auth::text::clean;
use procura_keys::clock::Timestamp;
use procura_people::challenge::{Challenge, Holder, Purpose};
use procura_people::invitation::{
    INVITATION_LIFETIME, Invitation, InvitationToken, SETUP_LIFETIME,
};
use procura_people::mail::MailChoice;
use procura_people::passkey::PasskeyName;
use procura_people::password::{self, PasswordError, PasswordHash};
use procura_people::person::{Email, NotAnEmail, Person, PersonId};
use procura_people::presence::Method;
use procura_people::session::SessionToken;
use procura_people::webauthn::options::{self, Subject};
use procura_people::webauthn::{NewCredential, UnverifiedRegistration};
use procura_store::audit::AuditEntry;
use procura_store::{StoreError, Transaction};
use serde_json::{Value, json};

use super::accounts::hash;
use super::ceremony::{self, Expected, PasskeyError};
use super::passkeys::passkey;
use super::sign_in::open_session;
use crate::audit;
use crate::context::Context;
use crate::error::{ServiceError, ServiceResult};
use crate::limits::Budget;

/// Through what somebody comes in.
#[derive(Clone, Debug)]
pub enum Door {
    /// A link.
    Link(InvitationToken),
    /// Sign-up that is open to everybody, for whoever holds a secret with this digest.
    SignUp(Holder),
}

/// Who comes in, as they say, and with what they will sign in.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Their address. Of no account where the link names one.
    pub email: String,
    /// How to address them.
    pub name: String,
    /// What they will sign in with.
    pub means: Means,
}

/// What somebody will sign in with.
#[derive(Clone, Debug)]
pub enum Means {
    /// A passkey: the answer of the authenticator.
    Passkey(String),
    /// A password.
    Password(String),
}

/// Why nobody comes in.
#[derive(Debug, thiserror::Error)]
pub enum ArrivalError {
    /// The link was used, has expired, or never was one.
    #[error("This link does not work any more.")]
    Gone,
    /// Nobody may sign up by themselves.
    #[error("Accounts are made by invitation only.")]
    Closed,
    /// Not an address.
    #[error(transparent)]
    Email(#[from] NotAnEmail),
    /// Not a name.
    #[error("Give a name of at most {MAX_NAME} characters.")]
    Name,
    /// The address is in use.
    #[error(
        "This address cannot be used. Sign in if it is yours, or ask an administrator for an invitation."
    )]
    Taken,
    /// The password will not do.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The passkey will not do.
    #[error(transparent)]
    Passkey(PasskeyError),
    /// Too many tries.
    #[error("{0}")]
    TooMany(Refusal),
    /// Something broke.
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

impl From<StoreError> for ArrivalError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<PasskeyError> for ArrivalError {
    fn from(error: PasskeyError) -> Self {
        match error {
            PasskeyError::Failed(error) => Self::Failed(error),
            other => Self::Passkey(other),
        }
    }
}

/// A link for the first administrator, as long as there is none. It replaces the one before.
pub async fn invite_first_administrator(ctx: &Context) -> ServiceResult<Option<InvitationToken>> {
    let now = ctx.now();
    let token = InvitationToken::new(ctx.random());
    let mut tx = ctx.begin().await?;
    if tx.has_administrator().await? {
        return Ok(None);
    }
    tx.delete_open_invitations().await?;
    tx.insert_invitation(&Invitation {
        token_digest: token.digest(),
        email: None,
        administrator: true,
        created_at: now,
        expires_at: now.plus(SETUP_LIFETIME),
    })
    .await?;
    tx.commit().await?;
    Ok(Some(token))
}

/// A link for somebody who has no account yet, or who needs a new way into theirs.
pub async fn invite(
    ctx: &Context,
    actor: &str,
    email: Email,
    administrator: bool,
) -> ServiceResult<InvitationToken> {
    let now = ctx.now();
    let token = InvitationToken::new(ctx.random());
    let mut entry = audit::entry(now, "person.invited", actor.to_owned());
    entry.detail = json!({ "email": email, "administrator": administrator });
    let mut tx = ctx.begin().await?;
    tx.insert_invitation(&Invitation {
        token_digest: token.digest(),
        email: Some(email),
        administrator,
        created_at: now,
        expires_at: now.plus(INVITATION_LIFETIME),
    })
    .await?;
    tx.append_audit(vec![entry]).await?;
    tx.commit().await?;
    Ok(token)
}

/// The link, while it works.
pub async fn find_invitation(
    ctx: &Context,
    token: &InvitationToken,
) -> Result<Invitation, ArrivalError> {
    let mut tx = ctx.read().await?;
    live(tx.as_mut(), token, ctx.now()).await
}

/// What a page asks an authenticator for, so that whoever comes in gets a passkey.
pub async fn ask_to_register(
    ctx: &Context,
    door: &Door,
    email: &str,
    name: &str,
    address: &str,
) -> Result<Value, ArrivalError> {
    count(ctx, Budget::Challenge, address)?;
    let mut tx = ctx.read().await?;
    let entrance = Entrance::find(ctx, tx.as_mut(), door).await?;
    let email = entrance.email(email)?;
    let name = judge_name(name)?;
    let known = tx.find_person_by_email(&email).await?;
    drop(tx);
    let (relying_party, challenge) = ceremony::ask(ctx, Purpose::Register, door.holder()).await?;
    let id = known.map_or_else(|| person_of(&challenge), |person| person.id);
    let subject = Subject {
        id: &id,
        email: email.as_str(),
        name: &name,
    };
    let service = &ctx.provider().name;
    Ok(options::to_register(
        &relying_party,
        service,
        &challenge,
        subject,
        &[],
    ))
}

/// Lets somebody in and signs them in. The link is used up.
pub async fn arrive(
    ctx: &Context,
    door: &Door,
    arrival: Arrival,
    address: &str,
    previous: Option<&SessionToken>,
) -> Result<SessionToken, ArrivalError> {
    count(ctx, Budget::SignIn, address)?;
    let entrance = Entrance::find(ctx, ctx.read().await?.as_mut(), door).await?;
    let email = entrance.email(&arrival.email)?;
    let name = judge_name(&arrival.name)?;
    let means = Prepared::new(ctx, arrival.means, &email, &name).await?;
    let method = means.method();
    let now = ctx.now();

    let mut tx = ctx.begin().await?;
    // Somebody else may have followed the link in the meantime.
    let entrance = Entrance::find(ctx, tx.as_mut(), door).await?;
    let known = tx.find_person_by_email(&email).await?;
    if known.is_some() && !entrance.is_for(&email) {
        return Err(ArrivalError::Taken);
    }
    let taken = match means.take(ctx, tx.as_mut(), door, now).await {
        Ok(taken) => taken,
        Err(error) => {
            // The challenge stays used up.
            tx.commit().await?;
            return Err(error);
        }
    };
    let person = match known {
        Some(person) => {
            // Whoever needs a new way in may have lost the old one to somebody.
            tx.delete_sessions_of_person(&person.id).await?;
            person
        }
        None => add(tx.as_mut(), taken.newcomer(ctx, now), email, name, now).await?,
    };
    entrance.vouch_for(tx.as_mut(), &person.id).await?;
    taken.keep(ctx, tx.as_mut(), &person, now).await?;
    if entrance.makes_administrator() {
        tx.set_administrator(&person.id, true, now).await?;
    }
    entrance.close(tx.as_mut()).await?;
    tx.append_audit(vec![joined(&person, &entrance, now)])
        .await?;
    tx.commit().await?;
    Ok(open_session(ctx, &person, method, previous, now).await?)
}

/// An open door.
enum Entrance {
    Link(Invitation),
    SignUp,
}

impl Entrance {
    async fn find(
        ctx: &Context,
        tx: &mut dyn Transaction,
        door: &Door,
    ) -> Result<Self, ArrivalError> {
        match door {
            Door::Link(token) => live(tx, token, ctx.now()).await.map(Self::Link),
            Door::SignUp(_) if ctx.policy().sign_up => Ok(Self::SignUp),
            Door::SignUp(_) => Err(ArrivalError::Closed),
        }
    }

    /// Whom it lets in: whom the link names, and otherwise whoever they say.
    fn email(&self, said: &str) -> Result<Email, NotAnEmail> {
        match self {
            Self::Link(Invitation {
                email: Some(email), ..
            }) => Ok(email.clone()),
            Self::Link(_) | Self::SignUp => said.parse(),
        }
    }

    /// Whether it opens the account with this address, if there is one.
    fn is_for(&self, email: &Email) -> bool {
        matches!(self, Self::Link(link) if link.email.as_ref() == Some(email))
    }

    /// A link that names an address was made by somebody who may know whose it is. An address that somebody gave when
    /// signing up may be anybody's, who would get e-mail that they never asked for.
    async fn vouch_for(&self, tx: &mut dyn Transaction, id: &PersonId) -> ServiceResult<()> {
        let user = UserId(id.to_string());
        let choice = match self {
            Self::SignUp => MailChoice::Unconfirmed,
            Self::Link(_) => tx.find_mail_choice(&user).await?.confirmed(),
        };
        Ok(tx.put_mail_choice(&user, choice).await?)
    }

    fn makes_administrator(&self) -> bool {
        matches!(self, Self::Link(link) if link.administrator)
    }

    async fn close(&self, tx: &mut dyn Transaction) -> ServiceResult<()> {
        if let Self::Link(link) = self {
            tx.delete_invitation(&link.token_digest).await?;
        }
        Ok(())
    }
}

/// What somebody will sign in with, as far as it can be judged outside a transaction.
enum Prepared {
    Passkey(Box<UnverifiedRegistration>),
    Password(PasswordHash),
}

impl Prepared {
    async fn new(
        ctx: &Context,
        means: Means,
        email: &Email,
        name: &str,
    ) -> Result<Self, ArrivalError> {
        Ok(match means {
            Means::Passkey(answer) => {
                let answer = UnverifiedRegistration::parse(&answer).map_err(PasskeyError::from)?;
                Self::Passkey(Box::new(answer))
            }
            Means::Password(password) => {
                password::judge(&password, &[email.as_str(), name])?;
                Self::Password(hash(password, ctx.random()).await??)
            }
        })
    }

    fn method(&self) -> Method {
        match self {
            Self::Passkey(_) => Method::Passkey,
            Self::Password(_) => Method::Password,
        }
    }

    async fn take(
        self,
        ctx: &Context,
        tx: &mut dyn Transaction,
        door: &Door,
        now: Timestamp,
    ) -> Result<Taken, ArrivalError> {
        Ok(match self {
            Self::Password(hash) => Taken::Password(hash),
            Self::Passkey(answer) => {
                let expected = Expected {
                    purpose: Purpose::Register,
                    holder: door.holder(),
                    now,
                };
                let (made, challenge) = ceremony::register(ctx, tx, &answer, expected).await?;
                Taken::Passkey(Box::new(made), challenge)
            }
        })
    }
}

/// The same, verified.
enum Taken {
    Passkey(Box<NewCredential>, Challenge),
    Password(PasswordHash),
}

impl Taken {
    /// The identifier of a new account.
    fn newcomer(&self, ctx: &Context, now: Timestamp) -> PersonId {
        match self {
            Self::Passkey(_, challenge) => person_of(challenge),
            Self::Password(_) => PersonId::new(now, ctx.random()),
        }
    }

    async fn keep(
        self,
        ctx: &Context,
        tx: &mut dyn Transaction,
        person: &Person,
        now: Timestamp,
    ) -> Result<(), ArrivalError> {
        match self {
            Self::Password(hash) => Ok(tx.set_password(&person.id, Some(&hash), now).await?),
            Self::Passkey(made, _) => {
                let name = PasskeyName::first();
                let passkey = passkey(ctx, *made, &person.id, name, now);
                match tx.insert_passkey(&passkey).await {
                    Err(StoreError::Conflict(_)) => Err(ArrivalError::Passkey(PasskeyError::Known)),
                    result => Ok(result?),
                }
            }
        }
    }
}

impl Door {
    /// Only whoever holds the link, or the cookie of the page, may answer a challenge.
    fn holder(&self) -> Holder {
        match self {
            Self::Link(token) => Holder(token.digest()),
            Self::SignUp(holder) => *holder,
        }
    }
}

/// Authenticators keep the identifier of the account when a passkey is made, which is before there is an account.
/// So it is made of the challenge, which comes back with the answer.
fn person_of(challenge: &Challenge) -> PersonId {
    let mut random = [0; 10];
    random.copy_from_slice(&challenge.nonce[..10]);
    PersonId::new(challenge.made_at(), random)
}

pub(super) async fn add(
    tx: &mut dyn Transaction,
    id: PersonId,
    email: Email,
    name: String,
    now: Timestamp,
) -> Result<Person, ArrivalError> {
    let person = Person {
        id,
        email,
        name,
        password: None,
        administrator: false,
        disabled: false,
        created_at: now,
        updated_at: now,
    };
    match tx.insert_person(&person).await {
        Err(StoreError::Conflict(_)) => Err(ArrivalError::Taken),
        result => {
            result?;
            Ok(person)
        }
    }
}

async fn live(
    tx: &mut dyn Transaction,
    token: &InvitationToken,
    now: Timestamp,
) -> Result<Invitation, ArrivalError> {
    let found = tx.find_invitation(&token.digest()).await?;
    found
        .filter(|invitation| invitation.is_live(now))
        .ok_or(ArrivalError::Gone)
}

fn joined(person: &Person, entrance: &Entrance, now: Timestamp) -> AuditEntry {
    let mut entry = audit::entry(now, "person.joined", format!("user:{}", person.id));
    entry.user_id = Some(person.id.to_string());
    entry.detail = json!({ "administrator": entrance.makes_administrator() });
    entry
}

fn judge_name(name: &str) -> Result<String, ArrivalError> {
    clean(name, MAX_NAME).ok_or(ArrivalError::Name)
}

fn count(ctx: &Context, budget: Budget, address: &str) -> Result<(), ArrivalError> {
    let counted = ctx.limits().count(budget, &format!("address:{address}"));
    counted.map_err(ArrivalError::TooMany)
}

/// The longest name of a person, in characters.
pub(super) const MAX_NAME: usize = 100;
