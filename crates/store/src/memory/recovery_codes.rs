use std::sync::Arc;

use async_trait::async_trait;
use procura_people::person::PersonId;

use super::MemoryTransaction;
use super::dependent::Dependent;
use crate::StoreResult;
use crate::people::RecoveryCodeStore;

#[async_trait]
impl RecoveryCodeStore for MemoryTransaction {
    async fn replace_recovery_codes(
        &mut self,
        person: &PersonId,
        digests: &[[u8; 32]],
    ) -> StoreResult<()> {
        let codes = Arc::make_mut(&mut self.change()?.recovery_codes);
        codes.retain(|(owner, _)| owner != person);
        codes.extend(digests.iter().map(|digest| (person.clone(), *digest)));
        self.check_later(Dependent::RecoveryCodes(person.clone()));
        Ok(())
    }

    async fn use_recovery_code(
        &mut self,
        person: &PersonId,
        digest: &[u8; 32],
    ) -> StoreResult<bool> {
        let codes = Arc::make_mut(&mut self.change()?.recovery_codes);
        Ok(codes.remove(&(person.clone(), *digest)))
    }

    async fn count_recovery_codes(&mut self, person: &PersonId) -> StoreResult<u32> {
        let codes = self.state.recovery_codes.iter();
        let theirs = codes.filter(|(owner, _)| owner == person).count();
        Ok(u32::try_from(theirs).unwrap_or(u32::MAX))
    }
}
