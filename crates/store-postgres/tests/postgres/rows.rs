//! Rows that cannot be: refused when they are written, and not believed when they are read.

use procura_store::agent_auth::AgentFilter;
use procura_store::contract::samples::{agent, approval, at, host, page, person, session};
use procura_store::{Store, StoreError, Transaction};

use crate::filled::fill;
use crate::support::Database;

/// What each statement breaks is forbidden by the schema.
const FORBIDDEN: [&str; 23] = [
    "UPDATE aap_hosts SET status = 'asleep'",
    "UPDATE aap_hosts SET public_key = '\\x00'",
    "UPDATE aap_hosts SET previous_until = 1",
    "UPDATE aap_hosts SET previous_until = 1, previous_thumbprint = thumbprint",
    "UPDATE aap_agents SET jwks_kid = 'k'",
    "UPDATE aap_agents SET activated_at = NULL",
    "UPDATE aap_agents SET mode = 'remote'",
    "UPDATE aap_agents SET status = 'asleep'",
    "UPDATE aap_grants SET status = 'active' WHERE approval_id IS NOT NULL",
    "UPDATE aap_grants SET decided_by = NULL WHERE status = 'active'",
    "UPDATE aap_grants SET approval_id = NULL WHERE status = 'pending'",
    "UPDATE aap_grants SET uses_left = 1",
    "UPDATE aap_grants SET uses_allowed = 1, uses_left = 2",
    "UPDATE aap_agents SET pending_until = 1",
    "UPDATE aap_approvals SET status = 'approved'",
    "UPDATE aap_approvals SET decided_at = 1",
    "UPDATE aap_approvals SET code_digest = '\\x00'",
    "UPDATE aap_approvals SET code_digest = NULL",
    "UPDATE aap_approvals SET user_id = 'usr_1'",
    "UPDATE aap_approvals SET method = 'ciba'",
    "UPDATE aap_approvals SET purpose = 'fun'",
    "UPDATE aap_approvals SET approver = 'nobody'",
    "UPDATE sessions SET proof_method = 'promise'",
];

/// The schema cannot see that these are wrong.
const WRONG: [&str; 11] = [
    "UPDATE aap_hosts SET thumbprint = 'another'",
    "UPDATE aap_hosts SET public_key = decode(repeat('00', 32), 'hex')",
    "UPDATE aap_hosts SET jwks_url = 'http://keys.example/'",
    "UPDATE aap_agents SET jwks_url = '/keys', jwks_kid = 'k'",
    "UPDATE aap_hosts SET default_capabilities = '{}'",
    "UPDATE aap_agents SET thumbprint = 'another'",
    "UPDATE aap_agents SET id = 'agt_1'",
    "UPDATE aap_grants SET decided_by = 'somebody' WHERE status = 'active'",
    "UPDATE aap_grants SET constraints = '{\"amount\":null}'",
    "UPDATE persons SET email = 'nowhere'",
    "UPDATE audit_log SET hash = 'short'",
];

/// Drops all checks, and leaves triggers and references out.
const PAST_THE_SCHEMA: &str = "
    DO $$
    DECLARE
        a RECORD;
    BEGIN
        FOR a IN SELECT conrelid::REGCLASS AS relation, conname FROM pg_constraint
            WHERE contype = 'c' AND connamespace = 'public'::REGNAMESPACE
        LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', a.relation, a.conname);
        END LOOP;
    END
    $$;
    SET session_replication_role = replica;";

#[tokio::test]
async fn impossible_rows_are_not_written() {
    let database = Database::new().await;
    fill(&database.open().await).await;
    for statement in FORBIDDEN {
        let error = database.execute(statement).await.unwrap_err().to_string();
        assert!(
            error.contains("violates check constraint"),
            "{statement}: {error}"
        );
    }
}

#[tokio::test]
async fn impossible_rows_are_not_believed() {
    for statement in FORBIDDEN.iter().chain(&WRONG) {
        let database = Database::new().await;
        let store = database.open().await;
        fill(&store).await;
        database
            .execute(&format!("{PAST_THE_SCHEMA} {statement}"))
            .await
            .unwrap();
        let mut tx = store.read().await.unwrap();
        let read = read_everything(tx.as_mut()).await;
        assert!(
            matches!(read, Err(StoreError::Corrupt(..))),
            "{statement}: {read:?}"
        );
    }
}

async fn read_everything(tx: &mut dyn Transaction) -> Result<(), StoreError> {
    let one = agent(1, &host(1));
    tx.list_hosts(page(None, 9)).await?;
    tx.list_agents(&AgentFilter::default(), page(None, 9))
        .await?;
    tx.list_grants_by_agent(&one.id).await?;
    tx.find_approval(&approval(1, &one).id).await?;
    tx.list_open_approvals(at(0), page(None, 9)).await?;
    tx.list_persons(page(None, 9)).await?;
    tx.find_session(&session(1, &person(1)).token_digest)
        .await?;
    tx.list_audit(0, 9).await?;
    Ok(())
}
