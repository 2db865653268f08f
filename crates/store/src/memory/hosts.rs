use std::sync::Arc;

use async_trait::async_trait;
use procura_agent_auth::host::{Host, HostStatus, PreviousKey};
use procura_agent_auth::id::{HostId, UserId};
use procura_agent_auth::jwks::JwksUrl;
use procura_keys::clock::Timestamp;
use procura_keys::key::PublicKey;
use procura_keys::thumbprint::Thumbprint;

use super::MemoryTransaction;
use super::state::{length, rows_after};
use crate::agent_auth::{HostChange, HostStore, KeyAdoption};
use crate::{Page, StoreError, StoreResult};

#[async_trait]
impl HostStore for MemoryTransaction {
    async fn insert_host(&mut self, host: &Host) -> StoreResult<()> {
        let hosts = Arc::make_mut(&mut self.change()?.hosts);
        let taken = |other: &Host| {
            other.id == host.id
                || other.public_key == host.public_key
                || (host.jwks.is_some() && url_of(other) == url_of(host))
        };
        if hosts.values().any(taken) {
            return Err(StoreError::Conflict("host"));
        }
        hosts.insert(host.id.clone(), host.clone());
        Ok(())
    }

    async fn load_host(&mut self, id: &HostId) -> StoreResult<Host> {
        let host = self.state.hosts.get(id).cloned();
        host.ok_or(StoreError::NotFound("host"))
    }

    async fn find_host_by_thumbprint(
        &mut self,
        thumbprint: &Thumbprint,
    ) -> StoreResult<Option<Host>> {
        let mut hosts = self.state.hosts.values();
        Ok(hosts.find(|host| host.thumbprint() == *thumbprint).cloned())
    }

    async fn find_host_by_jwks_url(&mut self, url: &JwksUrl) -> StoreResult<Option<Host>> {
        let mut hosts = self.state.hosts.values();
        Ok(hosts.find(|host| url_of(host) == Some(url)).cloned())
    }

    async fn list_hosts(&mut self, page: Page<HostId>) -> StoreResult<Vec<Host>> {
        let hosts = rows_after(&self.state.hosts, page.after.as_ref());
        Ok(hosts.take(length(page.limit)).cloned().collect())
    }

    async fn list_hosts_by_user(&mut self, user: &UserId) -> StoreResult<Vec<Host>> {
        let hosts = self.state.hosts.values();
        let theirs = hosts.filter(|host| host.user_id.as_ref() == Some(user));
        Ok(theirs.cloned().collect())
    }

    async fn apply_host(&mut self, change: &HostChange) -> StoreResult<()> {
        let hosts = Arc::make_mut(&mut self.change()?.hosts);
        let host = hosts
            .get_mut(&change.id)
            .filter(|host| host.status == change.from)
            .filter(|host| may_link(host, change.link.as_ref()))
            .ok_or(StoreError::Conflict("host"))?;
        if change.to == HostStatus::Active && change.from != HostStatus::Active {
            host.activated_at = Some(change.at);
        }
        host.status = change.to;
        if change.link.is_some() {
            host.user_id.clone_from(&change.link);
        }
        host.updated_at = change.at;
        Ok(())
    }

    async fn unlink_host(&mut self, id: &HostId, from: &UserId, at: Timestamp) -> StoreResult<()> {
        let hosts = Arc::make_mut(&mut self.change()?.hosts);
        let host = hosts
            .get_mut(id)
            .filter(|host| host.user_id.as_ref() == Some(from))
            .ok_or(StoreError::Conflict("host"))?;
        host.user_id = None;
        host.updated_at = at;
        Ok(())
    }

    async fn rotate_host_key(
        &mut self,
        id: &HostId,
        from: &Thumbprint,
        to: &PublicKey,
        at: Timestamp,
    ) -> StoreResult<()> {
        let hosts = Arc::make_mut(&mut self.change()?.hosts);
        let taken = |other: &Host| other.id != *id && other.public_key == *to;
        if hosts.values().any(taken) {
            return Err(StoreError::Conflict("host"));
        }
        let host = hosts
            .get_mut(id)
            .filter(|host| host.thumbprint() == *from)
            .ok_or(StoreError::Conflict("host"))?;
        host.public_key = to.clone();
        host.updated_at = at;
        Ok(())
    }

    async fn adopt_host_key(&mut self, adoption: &KeyAdoption) -> StoreResult<()> {
        let hosts = Arc::make_mut(&mut self.change()?.hosts);
        let taken = |other: &Host| other.id != adoption.id && other.public_key == adoption.to;
        if hosts.values().any(taken) {
            return Err(StoreError::Conflict("host"));
        }
        let host = hosts
            .get_mut(&adoption.id)
            .filter(|host| host.thumbprint() == adoption.from)
            .ok_or(StoreError::Conflict("host"))?;
        let jwks = host.jwks.as_mut().ok_or(StoreError::Conflict("host"))?;
        jwks.previous = Some(PreviousKey {
            thumbprint: adoption.from.clone(),
            until: adoption.keep_until,
        });
        host.public_key = adoption.to.clone();
        host.updated_at = adoption.at;
        Ok(())
    }

    async fn touch_host(
        &mut self,
        id: &HostId,
        at: Timestamp,
        name: Option<&str>,
    ) -> StoreResult<()> {
        if let Some(host) = Arc::make_mut(&mut self.change()?.hosts).get_mut(id) {
            host.last_used_at = host.last_used_at.max(Some(at));
            if let Some(name) = name {
                host.name = Some(name.to_owned());
            }
        }
        Ok(())
    }
}

fn url_of(host: &Host) -> Option<&JwksUrl> {
    host.jwks.as_ref().map(|jwks| &jwks.url)
}

fn may_link(host: &Host, link: Option<&UserId>) -> bool {
    match (&host.user_id, link) {
        (Some(owner), Some(person)) => owner == person,
        _ => true,
    }
}
