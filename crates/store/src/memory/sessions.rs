use std::sync::Arc;

use async_trait::async_trait;
use procura_people::person::PersonId;
use procura_people::presence::Proof;
use procura_people::session::Session;

use super::MemoryTransaction;
use super::dependent::Dependent;
use crate::people::SessionStore;
use crate::{StoreError, StoreResult};

#[async_trait]
impl SessionStore for MemoryTransaction {
    async fn insert_session(&mut self, session: &Session) -> StoreResult<()> {
        let sessions = Arc::make_mut(&mut self.change()?.sessions);
        if sessions.contains_key(&session.token_digest) {
            return Err(StoreError::Conflict("session"));
        }
        sessions.insert(session.token_digest, session.clone());
        self.check_later(Dependent::Session(session.token_digest));
        Ok(())
    }

    async fn find_session(&mut self, token_digest: &[u8; 32]) -> StoreResult<Option<Session>> {
        Ok(self.state.sessions.get(token_digest).cloned())
    }

    async fn list_sessions_by_person(&mut self, person: &PersonId) -> StoreResult<Vec<Session>> {
        let sessions = self.state.sessions.values();
        let theirs = sessions.filter(|session| session.person_id == *person);
        let mut theirs: Vec<_> = theirs.cloned().collect();
        theirs.sort_by_key(|session| (session.created_at, session.token_digest));
        Ok(theirs)
    }

    async fn prove_session(&mut self, token_digest: &[u8; 32], proof: Proof) -> StoreResult<()> {
        let session = Arc::make_mut(&mut self.change()?.sessions)
            .get_mut(token_digest)
            .ok_or(StoreError::NotFound("session"))?;
        session.proof = proof;
        Ok(())
    }

    async fn delete_session(&mut self, token_digest: &[u8; 32]) -> StoreResult<()> {
        Arc::make_mut(&mut self.change()?.sessions).remove(token_digest);
        Ok(())
    }

    async fn delete_sessions_of_person(&mut self, person: &PersonId) -> StoreResult<()> {
        let sessions = Arc::make_mut(&mut self.change()?.sessions);
        sessions.retain(|_, session| session.person_id != *person);
        Ok(())
    }
}
