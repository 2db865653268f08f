use async_trait::async_trait;
use procura_agent_auth::approval::{Approval, ApprovalState, Channel, Purpose};
use procura_agent_auth::grant::Actor;
use procura_agent_auth::id::{AgentId, ApprovalId, UserId};
use procura_agent_auth::method::Method;
use procura_agent_auth::request::ApproverKind;
use procura_keys::clock::Timestamp;
use procura_store::agent_auth::ApprovalStore;
use procura_store::{Page, StoreError, StoreResult};

use crate::column::{self, corrupt, records, time};
use crate::dialect;
use crate::error::{failed, failed_on};
use crate::transaction::SqlTransaction;

#[async_trait]
impl ApprovalStore for SqlTransaction {
    async fn insert_approval(&mut self, approval: &Approval) -> StoreResult<()> {
        let (decided_by, decided_at) = decision(&approval.state);
        sqlx::query!(
            "INSERT INTO aap_approvals (id, agent_id, host_id, purpose, approver, method,
                code_digest, user_id, reason, binding_message, login_hint, notification_digest,
                status, decided_by, decided_at, created_at, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
            approval.id.as_str(),
            approval.agent_id.as_str(),
            approval.host_id.as_str(),
            approval.purpose.as_str(),
            approval.approver.as_str(),
            approval.channel.method(),
            approval.channel.code_digest().map(<[u8; 32]>::as_slice),
            approval.channel.user_id().map(|user| user.0.as_str()),
            approval.reason,
            approval.binding_message,
            approval.login_hint,
            approval.notification.as_ref().map(<[u8; 32]>::as_slice),
            approval.state.as_str(),
            decided_by,
            decided_at,
            approval.created_at.as_millis(),
            approval.expires_at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(APPROVAL))?;
        Ok(())
    }

    async fn find_approval(&mut self, id: &ApprovalId) -> StoreResult<Option<Approval>> {
        let row = sqlx::query_as!(
            ApprovalRow,
            "SELECT * FROM aap_approvals WHERE id = $1",
            id.as_str(),
        );
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Approval::try_from).transpose()
    }

    async fn find_approval_by_code(&mut self, digest: &[u8; 32]) -> StoreResult<Option<Approval>> {
        let row = sqlx::query_as!(
            ApprovalRow,
            "SELECT * FROM aap_approvals WHERE code_digest = $1",
            digest.as_slice(),
        );
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Approval::try_from).transpose()
    }

    async fn find_approval_by_notification(
        &mut self,
        digest: &[u8; 32],
    ) -> StoreResult<Option<Approval>> {
        let row = sqlx::query_as!(
            ApprovalRow,
            "SELECT * FROM aap_approvals WHERE notification_digest = $1",
            digest.as_slice(),
        );
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Approval::try_from).transpose()
    }

    async fn list_inbox(&mut self, user: &UserId, now: Timestamp) -> StoreResult<Vec<Approval>> {
        let rows = sqlx::query_as!(
            ApprovalRow,
            "WITH answerable AS MATERIALIZED (
                SELECT * FROM aap_approvals
                WHERE user_id = $1 AND status = 'open' AND expires_at > $2
            )
            SELECT id AS \"id!\", agent_id AS \"agent_id!\", host_id AS \"host_id!\",
                purpose AS \"purpose!\", approver AS \"approver!\",
                method AS \"method!\", code_digest, user_id, reason, binding_message, login_hint,
                notification_digest, status AS \"status!\", decided_by, decided_at, created_at AS \"created_at!\",
                expires_at AS \"expires_at!\"
            FROM answerable ORDER BY id DESC",
            user.0,
            now.as_millis(),
        );
        records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    async fn list_open_approvals_by_agent(
        &mut self,
        agent: &AgentId,
    ) -> StoreResult<Vec<Approval>> {
        let rows = sqlx::query_as!(
            ApprovalRow,
            "SELECT * FROM aap_approvals WHERE agent_id = $1 AND status = 'open' ORDER BY id",
            agent.as_str(),
        );
        records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    /// Goes through the requests that are not over yet, which are few, instead of through all by
    /// age: those that ran out unanswered stay open for ever.
    async fn list_open_approvals(
        &mut self,
        now: Timestamp,
        page: Page<ApprovalId>,
    ) -> StoreResult<Vec<Approval>> {
        let after = page.after.as_ref().map_or("", ApprovalId::as_str);
        let rows = sqlx::query_as!(
            ApprovalRow,
            "WITH answerable AS MATERIALIZED (
                SELECT * FROM aap_approvals WHERE status = 'open' AND expires_at > $1
            )
            SELECT id AS \"id!\", agent_id AS \"agent_id!\", host_id AS \"host_id!\",
                purpose AS \"purpose!\", approver AS \"approver!\",
                method AS \"method!\", code_digest, user_id, reason, binding_message, login_hint,
                notification_digest, status AS \"status!\", decided_by, decided_at, created_at AS \"created_at!\",
                expires_at AS \"expires_at!\"
            FROM answerable WHERE id > $2 ORDER BY id LIMIT $3",
            now.as_millis(),
            after,
            i64::from(page.limit),
        );
        records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    async fn close_approval(&mut self, id: &ApprovalId, to: &ApprovalState) -> StoreResult<()> {
        let (decided_by, decided_at) = decision(to);
        let done = sqlx::query!(
            "UPDATE aap_approvals SET status = $2, decided_by = $3, decided_at = $4
            WHERE id = $1 AND status = 'open'",
            id.as_str(),
            to.as_str(),
            decided_by,
            decided_at,
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(APPROVAL))?;
        (done.rows_affected() == 1)
            .then_some(())
            .ok_or(StoreError::Conflict(APPROVAL))
    }

    async fn cancel_approvals_of_agents(&mut self, agents: &[AgentId]) -> StoreResult<()> {
        let agents = serde_json::json!(agents).to_string();
        let done = dialect::cancel_approvals_of_agents(self.connection(), &agents).await;
        done.map_err(failed)
    }
}

/// The columns that only an answer fills: by whom, and when.
fn decision(state: &ApprovalState) -> (Option<String>, Option<i64>) {
    match state {
        ApprovalState::Approved { by, at } | ApprovalState::Denied { by, at } => {
            (Some(by.to_record()), Some(at.as_millis()))
        }
        ApprovalState::Open | ApprovalState::Cancelled => (None, None),
    }
}

struct ApprovalRow {
    id: String,
    agent_id: String,
    host_id: String,
    purpose: String,
    approver: String,
    method: String,
    code_digest: Option<Vec<u8>>,
    user_id: Option<String>,
    reason: Option<String>,
    binding_message: Option<String>,
    login_hint: Option<String>,
    notification_digest: Option<Vec<u8>>,
    status: String,
    decided_by: Option<String>,
    decided_at: Option<i64>,
    created_at: i64,
    expires_at: i64,
}

impl TryFrom<ApprovalRow> for Approval {
    type Error = StoreError;

    fn try_from(row: ApprovalRow) -> StoreResult<Self> {
        let approvers = [ApproverKind::Person, ApproverKind::Administrator];
        Ok(Self {
            state: state(&row)?,
            id: column::text(APPROVAL, row.id)?,
            agent_id: column::text(APPROVAL, row.agent_id)?,
            host_id: column::text(APPROVAL, row.host_id)?,
            purpose: column::name(APPROVAL, &Purpose::ALL, Purpose::as_str, &row.purpose)?,
            approver: column::name(APPROVAL, &approvers, ApproverKind::as_str, &row.approver)?,
            channel: channel(&row.method, row.code_digest, row.user_id)?,
            reason: row.reason,
            binding_message: row.binding_message,
            login_hint: row.login_hint,
            notification: row
                .notification_digest
                .map(|bytes| column::digest(APPROVAL, bytes))
                .transpose()?,
            created_at: Timestamp::from_millis(row.created_at),
            expires_at: Timestamp::from_millis(row.expires_at),
        })
    }
}

fn state(row: &ApprovalRow) -> StoreResult<ApprovalState> {
    let by = row.decided_by.as_deref().map(Actor::from_record);
    match (row.status.as_str(), by, time(row.decided_at)) {
        ("open", None, None) => Ok(ApprovalState::Open),
        ("approved", Some(Some(by)), Some(at)) => Ok(ApprovalState::Approved { by, at }),
        ("denied", Some(Some(by)), Some(at)) => Ok(ApprovalState::Denied { by, at }),
        ("cancelled", None, None) => Ok(ApprovalState::Cancelled),
        _ => Err(corrupt(
            APPROVAL,
            &format_args!("{} does not go with its other columns", row.status),
        )),
    }
}

fn channel(
    method: &str,
    code_digest: Option<Vec<u8>>,
    user_id: Option<String>,
) -> StoreResult<Channel> {
    let known = Method::ALL
        .into_iter()
        .find(|known| known.as_str() == method);
    match (known, code_digest, user_id) {
        (Some(Method::DeviceAuthorization), Some(digest), None) => Ok(Channel::Code {
            digest: column::digest(APPROVAL, digest)?,
        }),
        (Some(Method::Ciba), None, Some(user_id)) => Ok(Channel::Inbox {
            user_id: UserId(user_id),
        }),
        (None, None, None) => Ok(Channel::Custom {
            method: method.to_owned(),
        }),
        _ => Err(corrupt(
            APPROVAL,
            &format_args!("{method} does not go with its other columns"),
        )),
    }
}

const APPROVAL: &str = "approval request";
