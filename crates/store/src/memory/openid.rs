use std::sync::Arc;

use async_trait::async_trait;
use procura_keys::clock::Timestamp;
use procura_people::openid::{Flow, Identity, Upstream};
use procura_people::person::PersonId;

use super::MemoryTransaction;
use super::dependent::Dependent;
use crate::people::OpenIdStore;
use crate::{StoreError, StoreResult};

#[async_trait]
impl OpenIdStore for MemoryTransaction {
    async fn insert_flow(&mut self, flow: &Flow) -> StoreResult<()> {
        let flows = Arc::make_mut(&mut self.change()?.flows);
        if flows.contains_key(&flow.secret_digest) {
            return Err(StoreError::Conflict("sign-in"));
        }
        flows.insert(flow.secret_digest, flow.clone());
        Ok(())
    }

    async fn take_flow(&mut self, secret_digest: &[u8; 32]) -> StoreResult<Option<Flow>> {
        Ok(Arc::make_mut(&mut self.change()?.flows).remove(secret_digest))
    }

    async fn delete_expired_flows(&mut self, now: Timestamp) -> StoreResult<()> {
        let flows = Arc::make_mut(&mut self.change()?.flows);
        flows.retain(|_, flow| now < flow.expires_at);
        Ok(())
    }

    async fn insert_identity(&mut self, identity: &Identity) -> StoreResult<()> {
        let identities = Arc::make_mut(&mut self.change()?.identities);
        let key = key(&identity.upstream);
        let has_another = |other: &Identity| {
            other.person_id == identity.person_id
                && other.upstream.issuer == identity.upstream.issuer
        };
        if identities.contains_key(&key) || identities.values().any(has_another) {
            return Err(StoreError::Conflict("identity"));
        }
        identities.insert(key.clone(), identity.clone());
        self.check_later(Dependent::Identity(key));
        Ok(())
    }

    async fn find_identity(&mut self, upstream: &Upstream) -> StoreResult<Option<Identity>> {
        Ok(self.state.identities.get(&key(upstream)).cloned())
    }

    async fn list_identities_by_person(&mut self, person: &PersonId) -> StoreResult<Vec<Identity>> {
        let identities = self.state.identities.values();
        let theirs = identities.filter(|identity| identity.person_id == *person);
        Ok(theirs.cloned().collect())
    }

    async fn delete_identity(&mut self, person: &PersonId, issuer: &str) -> StoreResult<()> {
        let identities = Arc::make_mut(&mut self.change()?.identities);
        let before = identities.len();
        identities.retain(|_, identity| {
            identity.person_id != *person || identity.upstream.issuer != issuer
        });
        (identities.len() < before)
            .then_some(())
            .ok_or(StoreError::NotFound("identity"))
    }
}

fn key(upstream: &Upstream) -> (String, String) {
    (upstream.issuer.clone(), upstream.subject.clone())
}
