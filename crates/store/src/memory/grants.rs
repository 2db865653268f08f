use std::sync::Arc;

use async_trait::async_trait;
use procura_agent_auth::capability::{CapabilityName, Form};
use procura_agent_auth::grant::{Grant, GrantState, GrantStatus, Uses};
use procura_agent_auth::id::{AgentId, ApprovalId, GrantId};
use procura_keys::clock::Timestamp;

use super::MemoryTransaction;
use super::dependent::Dependent;
use crate::agent_auth::{GrantStore, GrantUpdate};
use crate::{Page, StoreError, StoreResult};

#[async_trait]
impl GrantStore for MemoryTransaction {
    async fn insert_grant(&mut self, grant: &Grant) -> StoreResult<()> {
        let grants = Arc::make_mut(&mut self.change()?.grants);
        if grants.iter().any(|other| other.id == grant.id) || is_pending_twice(grants, grant) {
            return Err(StoreError::Conflict("grant"));
        }
        grants.push(grant.clone());
        self.check_later(Dependent::Grant(grant.id.clone()));
        Ok(())
    }

    async fn find_grant(&mut self, id: &GrantId) -> StoreResult<Option<Grant>> {
        Ok(self
            .state
            .grants
            .iter()
            .find(|grant| grant.id == *id)
            .cloned())
    }

    async fn list_grants_by_agent(&mut self, agent: &AgentId) -> StoreResult<Vec<Grant>> {
        let grants = self.state.grants.iter();
        Ok(grants
            .filter(|grant| grant.agent_id == *agent)
            .cloned()
            .collect())
    }

    async fn list_grants_by_approval(&mut self, approval: &ApprovalId) -> StoreResult<Vec<Grant>> {
        let grants = self.state.grants.iter();
        Ok(grants
            .filter(|grant| waits_for(grant, approval))
            .cloned()
            .collect())
    }

    async fn apply_grant(&mut self, change: &GrantUpdate) -> StoreResult<()> {
        let grants = Arc::make_mut(&mut self.change()?.grants);
        let place = grants
            .iter()
            .position(|grant| grant.id == change.id && grant.state.status() == change.from)
            .ok_or(StoreError::Conflict("grant"))?;
        let updated = updated(&grants[place], change);
        if is_pending_twice(grants, &updated) {
            return Err(StoreError::Conflict("grant"));
        }
        grants[place] = updated;
        self.check_later(Dependent::Grant(change.id.clone()));
        Ok(())
    }

    async fn take_use(&mut self, id: &GrantId, now: Timestamp) -> StoreResult<u32> {
        let grant = Arc::make_mut(&mut self.change()?.grants)
            .iter_mut()
            .find(|grant| grant.id == *id && grant.is_usable(now))
            .ok_or(StoreError::Conflict("grant"))?;
        let uses = grant.uses.and_then(Uses::taken);
        grant.uses = Some(uses.ok_or(StoreError::Conflict("grant"))?);
        Ok(grant.uses.map_or(0, Uses::left))
    }

    async fn list_outdated_grants(
        &mut self,
        capability: &CapabilityName,
        form: Form,
        page: Page<GrantId>,
    ) -> StoreResult<Vec<Grant>> {
        let outdated = |grant: &&Grant| {
            grant.capability == *capability
                && grant.state.status() == GrantStatus::Active
                && grant.form != Some(form)
                && page.after.as_ref().is_none_or(|after| grant.id > *after)
        };
        let mut found: Vec<_> = self.state.grants.iter().filter(outdated).cloned().collect();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    async fn move_grants(
        &mut self,
        from: &ApprovalId,
        to: &ApprovalId,
        at: Timestamp,
    ) -> StoreResult<()> {
        let mut moved = Vec::new();
        for grant in Arc::make_mut(&mut self.change()?.grants) {
            if waits_for(grant, from) {
                grant.state = GrantState::Pending {
                    approval_id: to.clone(),
                };
                grant.updated_at = at;
                moved.push(Dependent::Grant(grant.id.clone()));
            }
        }
        for grant in moved {
            self.check_later(grant);
        }
        Ok(())
    }

    async fn revoke_grants_of_agents(
        &mut self,
        agents: &[AgentId],
        at: Timestamp,
    ) -> StoreResult<()> {
        for grant in Arc::make_mut(&mut self.change()?.grants) {
            let counts = matches!(
                grant.state,
                GrantState::Pending { .. } | GrantState::Active { .. }
            );
            if counts && agents.contains(&grant.agent_id) {
                grant.state = GrantState::Revoked;
                grant.updated_at = at;
            }
        }
        Ok(())
    }
}

fn updated(grant: &Grant, change: &GrantUpdate) -> Grant {
    Grant {
        state: change.to.clone(),
        constraints: change.constraints.clone(),
        reason: change.reason.clone(),
        expires_at: change.expires_at,
        uses: change.uses,
        form: change.form,
        updated_at: change.at,
        ..grant.clone()
    }
}

/// Whether `grant` waits for a decision that another grant of the same agent and capability waits
/// for.
fn is_pending_twice(grants: &[Grant], grant: &Grant) -> bool {
    let pending = |grant: &Grant| grant.state.status() == GrantStatus::Pending;
    pending(grant)
        && grants.iter().any(|other| {
            pending(other)
                && other.id != grant.id
                && other.agent_id == grant.agent_id
                && other.capability == grant.capability
        })
}

fn waits_for(grant: &Grant, approval: &ApprovalId) -> bool {
    matches!(&grant.state, GrantState::Pending { approval_id } if approval_id == approval)
}
