use std::sync::Arc;

use async_trait::async_trait;
use procura_agent_auth::approval::{Approval, ApprovalState};
use procura_agent_auth::id::{AgentId, ApprovalId, UserId};
use procura_keys::clock::Timestamp;

use super::MemoryTransaction;
use super::dependent::Dependent;
use super::state::{length, rows_after};
use crate::agent_auth::ApprovalStore;
use crate::{Page, StoreError, StoreResult};

#[async_trait]
impl ApprovalStore for MemoryTransaction {
    async fn insert_approval(&mut self, approval: &Approval) -> StoreResult<()> {
        let approvals = Arc::make_mut(&mut self.change()?.approvals);
        let code = approval.channel.code_digest();
        let taken = |other: &Approval| {
            other.id == approval.id
                || (code.is_some() && other.channel.code_digest() == code)
                || (approval.notification.is_some() && other.notification == approval.notification)
        };
        if approvals.values().any(taken) {
            return Err(StoreError::Conflict("approval request"));
        }
        approvals.insert(approval.id.clone(), approval.clone());
        self.check_later(Dependent::Approval(approval.id.clone()));
        Ok(())
    }

    async fn find_approval(&mut self, id: &ApprovalId) -> StoreResult<Option<Approval>> {
        Ok(self.state.approvals.get(id).cloned())
    }

    async fn find_approval_by_code(&mut self, digest: &[u8; 32]) -> StoreResult<Option<Approval>> {
        let mut approvals = self.state.approvals.values();
        Ok(approvals
            .find(|approval| approval.channel.code_digest() == Some(digest))
            .cloned())
    }

    async fn find_approval_by_notification(
        &mut self,
        digest: &[u8; 32],
    ) -> StoreResult<Option<Approval>> {
        let mut approvals = self.state.approvals.values();
        Ok(approvals
            .find(|approval| approval.notification.as_ref() == Some(digest))
            .cloned())
    }

    async fn list_inbox(&mut self, user: &UserId, now: Timestamp) -> StoreResult<Vec<Approval>> {
        let newest_first = self.state.approvals.values().rev();
        Ok(newest_first
            .filter(|approval| approval.channel.user_id() == Some(user))
            .filter(|approval| approval.require_open(now).is_ok())
            .cloned()
            .collect())
    }

    async fn list_open_approvals_by_agent(
        &mut self,
        agent: &AgentId,
    ) -> StoreResult<Vec<Approval>> {
        let approvals = self.state.approvals.values();
        Ok(approvals
            .filter(|approval| approval.agent_id == *agent && is_open(approval))
            .cloned()
            .collect())
    }

    async fn list_open_approvals(
        &mut self,
        now: Timestamp,
        page: Page<ApprovalId>,
    ) -> StoreResult<Vec<Approval>> {
        let approvals = rows_after(&self.state.approvals, page.after.as_ref());
        Ok(approvals
            .filter(|approval| approval.require_open(now).is_ok())
            .take(length(page.limit))
            .cloned()
            .collect())
    }

    async fn close_approval(&mut self, id: &ApprovalId, to: &ApprovalState) -> StoreResult<()> {
        let approval = Arc::make_mut(&mut self.change()?.approvals)
            .get_mut(id)
            .filter(|approval| is_open(approval))
            .ok_or(StoreError::Conflict("approval request"))?;
        approval.state = to.clone();
        Ok(())
    }

    async fn cancel_approvals_of_agents(&mut self, agents: &[AgentId]) -> StoreResult<()> {
        for approval in Arc::make_mut(&mut self.change()?.approvals).values_mut() {
            if is_open(approval) && agents.contains(&approval.agent_id) {
                approval.state = ApprovalState::Cancelled;
            }
        }
        Ok(())
    }
}

fn is_open(approval: &Approval) -> bool {
    approval.state == ApprovalState::Open
}
