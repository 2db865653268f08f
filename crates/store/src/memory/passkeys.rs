use std::sync::Arc;

use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_people::passkey::{CredentialId, Passkey, PasskeyId, PasskeyName};
use procura_people::person::PersonId;

use super::MemoryTransaction;
use super::dependent::Dependent;
use crate::people::PasskeyStore;
use crate::{StoreError, StoreResult};

#[async_trait]
impl PasskeyStore for MemoryTransaction {
    async fn insert_passkey(&mut self, passkey: &Passkey) -> StoreResult<()> {
        let passkeys = Arc::make_mut(&mut self.change()?.passkeys);
        let taken = |other: &Passkey| {
            other.id == passkey.id || other.credential_id == passkey.credential_id
        };
        if passkeys.values().any(taken) {
            return Err(StoreError::Conflict("passkey"));
        }
        passkeys.insert(passkey.id.clone(), passkey.clone());
        self.check_later(Dependent::Passkey(passkey.id.clone()));
        Ok(())
    }

    async fn find_passkey_by_credential(
        &mut self,
        credential_id: &CredentialId,
    ) -> StoreResult<Option<Passkey>> {
        let mut passkeys = self.state.passkeys.values();
        Ok(passkeys
            .find(|passkey| passkey.credential_id == *credential_id)
            .cloned())
    }

    async fn list_passkeys_by_person(&mut self, person: &PersonId) -> StoreResult<Vec<Passkey>> {
        let passkeys = self.state.passkeys.values();
        let theirs = passkeys.filter(|passkey| passkey.person_id == *person);
        Ok(theirs.cloned().collect())
    }

    async fn note_passkey_use(
        &mut self,
        id: &PasskeyId,
        sign_count: u32,
        at: Timestamp,
    ) -> StoreResult<()> {
        let passkey = Arc::make_mut(&mut self.change()?.passkeys).get_mut(id);
        let passkey = passkey.ok_or(StoreError::NotFound("passkey"))?;
        passkey.sign_count = sign_count;
        passkey.last_used_at = Some(at);
        Ok(())
    }

    async fn rename_passkey(
        &mut self,
        person: &PersonId,
        id: &PasskeyId,
        name: &PasskeyName,
    ) -> StoreResult<()> {
        let passkey = Arc::make_mut(&mut self.change()?.passkeys).get_mut(id);
        let theirs = passkey.filter(|passkey| passkey.person_id == *person);
        theirs.ok_or(StoreError::NotFound("passkey"))?.name = name.clone();
        Ok(())
    }

    async fn delete_passkey(&mut self, person: &PersonId, id: &PasskeyId) -> StoreResult<()> {
        let passkeys = Arc::make_mut(&mut self.change()?.passkeys);
        let theirs = passkeys
            .get(id)
            .filter(|passkey| passkey.person_id == *person);
        theirs.ok_or(StoreError::NotFound("passkey"))?;
        passkeys.remove(id);
        Ok(())
    }
}
