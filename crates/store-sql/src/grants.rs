use async_trait::async_trait;
use procura_agent_auth::capability::{CapabilityName, Form};
use procura_agent_auth::constraint::Constraints;
use procura_agent_auth::grant::{Actor, Grant, GrantState, GrantStatus, Uses};
use procura_agent_auth::id::{AgentId, ApprovalId, GrantId};
use procura_keys::clock::Timestamp;
use procura_store::agent_auth::{GrantStore, GrantUpdate};
use procura_store::{Page, StoreError, StoreResult};

use crate::column::{self, corrupt, millis, records, time};
use crate::dialect;
use crate::error::{failed, failed_on};
use crate::transaction::SqlTransaction;

#[async_trait]
impl GrantStore for SqlTransaction {
    async fn insert_grant(&mut self, grant: &Grant) -> StoreResult<()> {
        let (approval_id, decided_by) = facts(&grant.state);
        sqlx::query!(
            "INSERT INTO aap_grants (id, agent_id, capability, constraints, status, approval_id,
                decided_by, reason, expires_at, uses_allowed, uses_left, form, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            grant.id.as_str(),
            grant.agent_id.as_str(),
            grant.capability.as_str(),
            limits(grant.constraints.as_ref()),
            grant.state.status().as_str(),
            approval_id,
            decided_by,
            grant.reason,
            millis(grant.expires_at),
            grant.uses.map(|uses| i64::from(uses.allowed())),
            grant.uses.map(|uses| i64::from(uses.left())),
            digest_of(grant.form.as_ref()),
            grant.created_at.as_millis(),
            grant.updated_at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(GRANT))?;
        Ok(())
    }

    async fn find_grant(&mut self, id: &GrantId) -> StoreResult<Option<Grant>> {
        let row = sqlx::query_as!(
            GrantRow,
            "SELECT id, agent_id, capability, constraints, status, approval_id, decided_by,
                reason, expires_at, uses_allowed, uses_left, form, created_at, updated_at
            FROM aap_grants WHERE id = $1",
            id.as_str(),
        );
        let row = row.fetch_optional(self.connection()).await;
        row.map_err(failed)?.map(Grant::try_from).transpose()
    }

    async fn list_grants_by_agent(&mut self, agent: &AgentId) -> StoreResult<Vec<Grant>> {
        let rows = sqlx::query_as!(
            GrantRow,
            "SELECT id, agent_id, capability, constraints, status, approval_id, decided_by,
                reason, expires_at, uses_allowed, uses_left, form, created_at, updated_at
            FROM aap_grants WHERE agent_id = $1 ORDER BY sequence",
            agent.as_str(),
        );
        records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    async fn list_grants_by_approval(&mut self, approval: &ApprovalId) -> StoreResult<Vec<Grant>> {
        let rows = sqlx::query_as!(
            GrantRow,
            "SELECT id, agent_id, capability, constraints, status, approval_id, decided_by,
                reason, expires_at, uses_allowed, uses_left, form, created_at, updated_at
            FROM aap_grants WHERE approval_id = $1 ORDER BY sequence",
            approval.as_str(),
        );
        records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    async fn apply_grant(&mut self, change: &GrantUpdate) -> StoreResult<()> {
        let (approval_id, decided_by) = facts(&change.to);
        let done = sqlx::query!(
            "UPDATE aap_grants
            SET status = $3, approval_id = $4, decided_by = $5, constraints = $6, reason = $7,
                expires_at = $8, uses_allowed = $9, uses_left = $10, form = $11,
                updated_at = $12
            WHERE id = $1 AND status = $2",
            change.id.as_str(),
            change.from.as_str(),
            change.to.status().as_str(),
            approval_id,
            decided_by,
            limits(change.constraints.as_ref()),
            change.reason,
            millis(change.expires_at),
            change.uses.map(|uses| i64::from(uses.allowed())),
            change.uses.map(|uses| i64::from(uses.left())),
            digest_of(change.form.as_ref()),
            change.at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed_on(GRANT))?;
        (done.rows_affected() == 1)
            .then_some(())
            .ok_or(StoreError::Conflict(GRANT))
    }

    async fn take_use(&mut self, id: &GrantId, now: Timestamp) -> StoreResult<u32> {
        let left = sqlx::query_scalar!(
            "UPDATE aap_grants SET uses_left = uses_left - 1
            WHERE id = $1 AND status = 'active' AND uses_left > 0
                AND (expires_at IS NULL OR expires_at > $2)
            RETURNING uses_left AS \"uses_left!\"",
            id.as_str(),
            now.as_millis(),
        );
        let left = left.fetch_optional(self.connection()).await;
        let left = left.map_err(failed)?.ok_or(StoreError::Conflict(GRANT))?;
        u32::try_from(left).map_err(|error| corrupt(GRANT, &error))
    }

    async fn list_outdated_grants(
        &mut self,
        capability: &CapabilityName,
        form: Form,
        page: Page<GrantId>,
    ) -> StoreResult<Vec<Grant>> {
        let rows = sqlx::query_as!(
            GrantRow,
            "SELECT id, agent_id, capability, constraints, status, approval_id, decided_by,
                reason, expires_at, uses_allowed, uses_left, form, created_at, updated_at
            FROM aap_grants
            WHERE capability = $1 AND status = 'active' AND id > $2
                AND (form IS NULL OR form <> $3)
            ORDER BY id LIMIT $4",
            capability.as_str(),
            page.after.as_ref().map_or("", GrantId::as_str),
            form.0.as_slice(),
            i64::from(page.limit),
        );
        records(rows.fetch_all(self.connection()).await.map_err(failed)?)
    }

    async fn move_grants(
        &mut self,
        from: &ApprovalId,
        to: &ApprovalId,
        at: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query!(
            "UPDATE aap_grants SET approval_id = $2, updated_at = $3 WHERE approval_id = $1",
            from.as_str(),
            to.as_str(),
            at.as_millis(),
        )
        .execute(self.connection())
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn revoke_grants_of_agents(
        &mut self,
        agents: &[AgentId],
        at: Timestamp,
    ) -> StoreResult<()> {
        let agents = serde_json::json!(agents).to_string();
        let done =
            dialect::revoke_grants_of_agents(self.connection(), &agents, at.as_millis()).await;
        done.map_err(failed)
    }
}

/// The columns that only some states fill: the request waited for, and who decided.
fn facts(state: &GrantState) -> (Option<&str>, Option<String>) {
    match state {
        GrantState::Pending { approval_id } => (Some(approval_id.as_str()), None),
        GrantState::Active { granted_by: by }
        | GrantState::Denied { denied_by: by }
        | GrantState::Withdrawn { withdrawn_by: by } => (None, Some(by.to_record())),
        GrantState::Revoked => (None, None),
    }
}

fn limits(constraints: Option<&Constraints>) -> Option<String> {
    constraints.map(|constraints| constraints.to_value().to_string())
}

fn digest_of(form: Option<&Form>) -> Option<&[u8]> {
    form.map(|form| form.0.as_slice())
}

pub(crate) struct GrantRow {
    pub(crate) id: String,
    pub(crate) agent_id: String,
    pub(crate) capability: String,
    pub(crate) constraints: Option<String>,
    pub(crate) status: String,
    pub(crate) approval_id: Option<String>,
    pub(crate) decided_by: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) uses_allowed: Option<i64>,
    pub(crate) uses_left: Option<i64>,
    pub(crate) form: Option<Vec<u8>>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl TryFrom<GrantRow> for Grant {
    type Error = StoreError;

    fn try_from(row: GrantRow) -> StoreResult<Self> {
        Ok(Self {
            state: state(&row)?,
            uses: uses(row.uses_allowed, row.uses_left)?,
            form: row
                .form
                .map(|bytes| column::digest(GRANT, bytes).map(Form))
                .transpose()?,
            constraints: parse_limits(row.constraints.as_deref())?,
            id: column::text(GRANT, row.id)?,
            agent_id: column::text(GRANT, row.agent_id)?,
            capability: column::text(GRANT, row.capability)?,
            reason: row.reason,
            expires_at: time(row.expires_at),
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
        })
    }
}

fn state(row: &GrantRow) -> StoreResult<GrantState> {
    let status = column::name(GRANT, &GrantStatus::ALL, GrantStatus::as_str, &row.status)?;
    let decided_by = row.decided_by.as_deref().map(Actor::from_record);
    match (status, &row.approval_id, decided_by) {
        (GrantStatus::Pending, Some(id), None) => Ok(GrantState::Pending {
            approval_id: column::text(GRANT, id.clone())?,
        }),
        (GrantStatus::Active, None, Some(Some(granted_by))) => {
            Ok(GrantState::Active { granted_by })
        }
        (GrantStatus::Denied, None, Some(Some(denied_by))) => Ok(GrantState::Denied { denied_by }),
        (GrantStatus::Withdrawn, None, Some(Some(withdrawn_by))) => {
            Ok(GrantState::Withdrawn { withdrawn_by })
        }
        (GrantStatus::Revoked, None, None) => Ok(GrantState::Revoked),
        _ => Err(corrupt(
            GRANT,
            &format_args!("{} does not go with its other columns", row.status),
        )),
    }
}

fn uses(allowed: Option<i64>, left: Option<i64>) -> StoreResult<Option<Uses>> {
    let number = |column: i64| u32::try_from(column).ok();
    let uses = match (allowed, left) {
        (None, None) => return Ok(None),
        (Some(allowed), Some(left)) => number(allowed).zip(number(left)),
        _ => None,
    };
    let uses = uses.and_then(|(allowed, left)| Uses::from_parts(allowed, left));
    let wrong = || {
        corrupt(
            GRANT,
            &format_args!("{left:?} of {allowed:?} uses cannot be left"),
        )
    };
    uses.map(Some).ok_or_else(wrong)
}

fn parse_limits(column: Option<&str>) -> StoreResult<Option<Constraints>> {
    let Some(text) = column else {
        return Ok(None);
    };
    Constraints::parse_stored(&column::json(GRANT, text)?).map_err(|error| corrupt(GRANT, &error))
}

const GRANT: &str = "grant";
