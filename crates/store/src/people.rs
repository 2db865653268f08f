//! Records of people and of the ways in which they sign in.

use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_people::challenge::Challenge;
use procura_people::invitation::Invitation;
use procura_people::openid::{Flow, Identity, Upstream};
use procura_people::passkey::{CredentialId, Passkey, PasskeyId, PasskeyName};
use procura_people::password::PasswordHash;
use procura_people::person::{Email, Person, PersonId};
use procura_people::presence::Proof;
use procura_people::session::Session;
use procura_people::vault::{SealedSecret, VaultEntry};

use crate::{Page, StoreResult};

/// Persons. The e-mail address is unique.
#[async_trait]
pub trait PersonStore {
    /// Adds a person. `Conflict` when the address is taken.
    async fn insert_person(&mut self, person: &Person) -> StoreResult<()>;
    /// The person with this identifier.
    async fn find_person(&mut self, id: &PersonId) -> StoreResult<Option<Person>>;
    /// The person who signs in with this address.
    async fn find_person_by_email(&mut self, email: &Email) -> StoreResult<Option<Person>>;
    /// Persons, oldest first.
    async fn list_persons(&mut self, page: Page<PersonId>) -> StoreResult<Vec<Person>>;
    /// Whether there is an administrator who is not barred.
    async fn has_administrator(&mut self) -> StoreResult<bool>;
    /// Sets or takes away the password. `NotFound` when there is no such person.
    async fn set_password(
        &mut self,
        id: &PersonId,
        password: Option<&PasswordHash>,
        at: Timestamp,
    ) -> StoreResult<()>;
    /// Makes a person an administrator, or no longer. `NotFound` when there is no such person.
    async fn set_administrator(
        &mut self,
        id: &PersonId,
        administrator: bool,
        at: Timestamp,
    ) -> StoreResult<()>;
    /// Sets address, name, whether they are an administrator, and when that was. `Conflict` when the address is
    /// somebody else's, `NotFound` when there is no such person.
    async fn update_person(&mut self, person: &Person) -> StoreResult<()>;
    /// Forgets a person with their sessions, passkeys, recovery codes and accounts elsewhere. `NotFound` when there is no such person.
    async fn delete_person(&mut self, id: &PersonId) -> StoreResult<()>;
    /// Bars a person from signing in, or lets them in again. `NotFound` when there is no such
    /// person.
    async fn disable_person(
        &mut self,
        id: &PersonId,
        disabled: bool,
        at: Timestamp,
    ) -> StoreResult<()>;
}

/// Sign-in sessions, found by the digest of their cookie.
#[async_trait]
pub trait SessionStore {
    /// Adds a session. `Conflict` when its digest is taken.
    async fn insert_session(&mut self, session: &Session) -> StoreResult<()>;
    /// The session of this cookie, expired or not.
    async fn find_session(&mut self, token_digest: &[u8; 32]) -> StoreResult<Option<Session>>;
    /// The sessions of a person, oldest first.
    async fn list_sessions_by_person(&mut self, person: &PersonId) -> StoreResult<Vec<Session>>;
    /// Notes a new proof of who the person is. `NotFound` when the session is gone.
    async fn prove_session(&mut self, token_digest: &[u8; 32], proof: Proof) -> StoreResult<()>;
    /// Ends a session. Ending one that is gone is no error.
    async fn delete_session(&mut self, token_digest: &[u8; 32]) -> StoreResult<()>;
    /// Ends every session of a person.
    async fn delete_sessions_of_person(&mut self, person: &PersonId) -> StoreResult<()>;
}

/// Passkeys. What an authenticator calls a credential is unique.
#[async_trait]
pub trait PasskeyStore {
    /// Adds a passkey. `Conflict` when its credential is known.
    async fn insert_passkey(&mut self, passkey: &Passkey) -> StoreResult<()>;
    /// The passkey with this credential.
    async fn find_passkey_by_credential(
        &mut self,
        credential_id: &CredentialId,
    ) -> StoreResult<Option<Passkey>>;
    /// The passkeys of a person, oldest first.
    async fn list_passkeys_by_person(&mut self, person: &PersonId) -> StoreResult<Vec<Passkey>>;
    /// Notes a use. `NotFound` when the passkey is gone.
    async fn note_passkey_use(
        &mut self,
        id: &PasskeyId,
        sign_count: u32,
        at: Timestamp,
    ) -> StoreResult<()>;
    /// Renames a passkey of this person. `NotFound` when they have no such passkey.
    async fn rename_passkey(
        &mut self,
        person: &PersonId,
        id: &PasskeyId,
        name: &PasskeyName,
    ) -> StoreResult<()>;
    /// Removes a passkey of this person. `NotFound` when they have no such passkey.
    async fn delete_passkey(&mut self, person: &PersonId, id: &PasskeyId) -> StoreResult<()>;
}

/// Challenges that wait for an answer.
#[async_trait]
pub trait ChallengeStore {
    /// Adds a challenge. `Conflict` when there is one with its value.
    async fn insert_challenge(&mut self, challenge: &Challenge) -> StoreResult<()>;
    /// Takes the challenge with this value out, expired or not, so that nobody gets it again.
    async fn take_challenge(&mut self, value: &[u8; 32]) -> StoreResult<Option<Challenge>>;
    /// Forgets challenges that had expired by `now`.
    async fn delete_expired_challenges(&mut self, now: Timestamp) -> StoreResult<()>;
}

/// Sign-ins that are on their way to an OpenID provider and back, and who is who there.
#[async_trait]
pub trait OpenIdStore {
    /// Adds a sign-in. `Conflict` when its digest is taken.
    async fn insert_flow(&mut self, flow: &Flow) -> StoreResult<()>;
    /// Takes the sign-in of this browser out, expired or not, so that nobody gets it again.
    async fn take_flow(&mut self, secret_digest: &[u8; 32]) -> StoreResult<Option<Flow>>;
    /// Forgets sign-ins that had expired by `now`.
    async fn delete_expired_flows(&mut self, now: Timestamp) -> StoreResult<()>;
    /// Connects an account there with a person. `Conflict` when either has another connection at this provider.
    async fn insert_identity(&mut self, identity: &Identity) -> StoreResult<()>;
    /// Whose account there this is.
    async fn find_identity(&mut self, upstream: &Upstream) -> StoreResult<Option<Identity>>;
    /// The accounts of a person, by provider.
    async fn list_identities_by_person(&mut self, person: &PersonId) -> StoreResult<Vec<Identity>>;
    /// Forgets the account of a person at a provider. `NotFound` when they have none there.
    async fn delete_identity(&mut self, person: &PersonId, issuer: &str) -> StoreResult<()>;
}

/// What people have entrusted to the server, so that it can act for them at services.
#[async_trait]
pub trait VaultStore {
    /// Keeps a secret, in the place of an earlier one of this person for this service.
    async fn put_vault_entry(&mut self, entry: &VaultEntry) -> StoreResult<()>;
    /// The secret of a person for a service.
    async fn find_vault_entry(
        &mut self,
        person: &PersonId,
        service: &str,
    ) -> StoreResult<Option<VaultEntry>>;
    /// All of a person, by service.
    async fn list_vault_entries_by_person(
        &mut self,
        person: &PersonId,
    ) -> StoreResult<Vec<VaultEntry>>;
    /// Some that are not under this key, in any order.
    async fn list_vault_entries_under_other_keys(
        &mut self,
        key_id: &str,
        limit: u32,
    ) -> StoreResult<Vec<VaultEntry>>;
    /// Replaces how a secret is sealed. `Conflict` when it is no longer as `entry` says.
    async fn rewrap_vault_entry(
        &mut self,
        entry: &VaultEntry,
        secret: &SealedSecret,
    ) -> StoreResult<()>;
    /// Forgets the secret of a person for a service. `NotFound` when there is none.
    async fn delete_vault_entry(&mut self, person: &PersonId, service: &str) -> StoreResult<()>;
}

/// Links that let somebody in once, found by the digest of their secret.
#[async_trait]
pub trait InvitationStore {
    /// Adds a link. `Conflict` when its digest is taken.
    async fn insert_invitation(&mut self, invitation: &Invitation) -> StoreResult<()>;
    /// The link with this secret, expired or not.
    async fn find_invitation(&mut self, token_digest: &[u8; 32])
    -> StoreResult<Option<Invitation>>;
    /// Ends a link. Ending one that is gone is no error.
    async fn delete_invitation(&mut self, token_digest: &[u8; 32]) -> StoreResult<()>;
    /// Ends every link that names nobody.
    async fn delete_open_invitations(&mut self) -> StoreResult<()>;
    /// Forgets links that had expired by `now`.
    async fn delete_expired_invitations(&mut self, now: Timestamp) -> StoreResult<()>;
}

/// Recovery codes, kept as digests.
#[async_trait]
pub trait RecoveryCodeStore {
    /// Gives a person these codes instead of those they had.
    async fn replace_recovery_codes(
        &mut self,
        person: &PersonId,
        digests: &[[u8; 32]],
    ) -> StoreResult<()>;
    /// Uses a code of a person up. Says whether they had it.
    async fn use_recovery_code(
        &mut self,
        person: &PersonId,
        digest: &[u8; 32],
    ) -> StoreResult<bool>;
    /// How many codes a person has left.
    async fn count_recovery_codes(&mut self, person: &PersonId) -> StoreResult<u32>;
}
