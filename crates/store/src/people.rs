//! Records of people.

use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_people::person::{Email, Person, PersonId};
use procura_people::presence::Proof;
use procura_people::session::Session;

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
    /// Forgets a person with their sessions. `NotFound` when there is no such person.
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
    /// Notes a new proof of who the person is. `NotFound` when the session is gone.
    async fn prove_session(&mut self, token_digest: &[u8; 32], proof: Proof) -> StoreResult<()>;
    /// Ends a session. Ending one that is gone is no error.
    async fn delete_session(&mut self, token_digest: &[u8; 32]) -> StoreResult<()>;
    /// Ends every session of a person.
    async fn delete_sessions_of_person(&mut self, person: &PersonId) -> StoreResult<()>;
}
