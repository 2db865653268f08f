use std::sync::Arc;

use async_trait::async_trait;
use procura_people::person::PersonId;
use procura_people::vault::{SealedSecret, VaultEntry};

use super::MemoryTransaction;
use super::dependent::Dependent;
use super::state::length;
use crate::people::VaultStore;
use crate::{StoreError, StoreResult};

#[async_trait]
impl VaultStore for MemoryTransaction {
    async fn put_vault_entry(&mut self, entry: &VaultEntry) -> StoreResult<()> {
        let key = key(&entry.person_id, &entry.service);
        Arc::make_mut(&mut self.change()?.vault).insert(key.clone(), entry.clone());
        self.check_later(Dependent::VaultEntry(key));
        Ok(())
    }

    async fn find_vault_entry(
        &mut self,
        person: &PersonId,
        service: &str,
    ) -> StoreResult<Option<VaultEntry>> {
        Ok(self.state.vault.get(&key(person, service)).cloned())
    }

    async fn list_vault_entries_by_person(
        &mut self,
        person: &PersonId,
    ) -> StoreResult<Vec<VaultEntry>> {
        let entries = self.state.vault.values();
        let theirs = entries.filter(|entry| entry.person_id == *person);
        Ok(theirs.cloned().collect())
    }

    async fn list_vault_entries_under_other_keys(
        &mut self,
        key_id: &str,
        limit: u32,
    ) -> StoreResult<Vec<VaultEntry>> {
        let entries = self.state.vault.values();
        let others = entries.filter(|entry| entry.secret.key_id != key_id);
        Ok(others.take(length(limit)).cloned().collect())
    }

    async fn rewrap_vault_entry(
        &mut self,
        entry: &VaultEntry,
        secret: &SealedSecret,
    ) -> StoreResult<()> {
        let entries = Arc::make_mut(&mut self.change()?.vault);
        let known = entries.get_mut(&key(&entry.person_id, &entry.service));
        let known = known.filter(|known| known.secret == entry.secret);
        known.ok_or(StoreError::Conflict("vault entry"))?.secret = secret.clone();
        Ok(())
    }

    async fn delete_vault_entry(&mut self, person: &PersonId, service: &str) -> StoreResult<()> {
        let removed = Arc::make_mut(&mut self.change()?.vault).remove(&key(person, service));
        removed.map(drop).ok_or(StoreError::NotFound("vault entry"))
    }
}

fn key(person: &PersonId, service: &str) -> (PersonId, String) {
    (person.clone(), service.to_owned())
}
