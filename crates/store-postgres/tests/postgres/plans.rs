//! No statement goes through a whole table, so that a million agents cost no more than a few.
//!
//! Those that statements join get that many rows, on which the planner decides as it would at work. The
//! others are empty, which is cheapest to go through, so it is told to avoid that where it can.

use std::fs;
use std::path::Path;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};

use crate::support::Database;

/// Settings, and what reads a table, or an index, of few rows as a whole.
const OTHERS: [&str; 7] = [
    "FROM nodes ORDER BY",
    "DISTINCT node FROM jobs",
    "SET lock_timeout",
    "RESET lock_timeout",
    "SET CONSTRAINTS",
    "store_owner",
    "pg_backend_pid",
];

/// The newest records of the log are read from its end.
const FROM_ITS_END: &str = "ORDER BY sequence DESC LIMIT";

const MANY_ROWS: &str = "
    SET session_replication_role = replica;
    INSERT INTO aap_agents
        SELECT 'agt_' || n, 'hst_' || n / 10, NULL, 'Agent', 'delegated',
            decode(repeat('00', 32), 'hex'), 'key_' || n, NULL, NULL, 'active', 1, NULL, NULL, 1, 1
        FROM generate_series(1, 100000) AS n;
    INSERT INTO aap_grants (id, agent_id, capability, status, decided_by, created_at, updated_at)
        SELECT 'grt_' || n, 'agt_' || n, 'echo', 'active', 'policy', 1, 1
        FROM generate_series(1, 100000) AS n;
    INSERT INTO aap_approvals
        SELECT 'apr_' || n, 'agt_' || n, 'hst_' || n / 10, 'capabilities', 'person',
            'device_authorization', sha256(n::TEXT::BYTEA), NULL, NULL, NULL, NULL, NULL,
            CASE n % 20 WHEN 0 THEN 'open' ELSE 'cancelled' END, NULL, NULL, n, n
        FROM generate_series(1, 100000) AS n;
    INSERT INTO aap_hosts
        SELECT 'hst_' || n, NULL, decode(repeat('00', 32), 'hex'), 'key_' || n, NULL, NULL, NULL,
            'usr_' || n, '[]', CASE n % 20 WHEN 0 THEN 'pending' ELSE 'active' END, NULL, NULL, 1, 1
        FROM generate_series(1, 100000) AS n;
    INSERT INTO sessions
        SELECT sha256(n::TEXT::BYTEA), 'usr_' || n, 'password', 1, 1, n
        FROM generate_series(1, 100000) AS n;
    INSERT INTO openid_flows
        SELECT sha256(n::TEXT::BYTEA), 'https://id.example', 'sign_in', NULL, NULL, n
        FROM generate_series(1, 100000) AS n;
    INSERT INTO identities
        SELECT 'https://id.example', 'sub_' || n, 'usr_' || n, 1 FROM generate_series(1, 100000) AS n;
    INSERT INTO vault_entries
        SELECT 'usr_' || n, 'shop', CASE n WHEN 1 THEN 'old' ELSE 'new' END, '', '', 1
        FROM generate_series(1, 100000) AS n;
    INSERT INTO notices
        SELECT 'ntc_' || n, 'pager', 'inbox.waiting', 'usr_' || n / 10, '[]',
            CASE n % 20 WHEN 0 THEN 'waiting' ELSE 'delivered' END, 1, n, n, NULL, n, n
        FROM generate_series(1, 100000) AS n;
    INSERT INTO mail_choices SELECT 'usr_' || n, 'off' FROM generate_series(1, 100000) AS n;
    INSERT INTO push_devices
        SELECT 'https://push.example/' || n, 'usr_' || n / 10, 'k', 'a', 'Phone', n FROM generate_series(1, 100000) AS n;
    INSERT INTO seen_tokens SELECT 'agt_' || n, 'j', n FROM generate_series(1, 100000) AS n;
    INSERT INTO jobs
        SELECT 'job_' || n, 'agt_1', 'work', 'j', 'node_' || n % 3,
            CASE n % 20 WHEN 0 THEN 'pending' ELSE 'interrupted' END, NULL, n,
            CASE n % 20 WHEN 0 THEN NULL ELSE n END
        FROM generate_series(1, 100000) AS n;
    INSERT INTO secrets
        SELECT 'secret_' || n, 1, decode(repeat('00', 32), 'hex'), 1 FROM generate_series(1, 100000) AS n;
    INSERT INTO audit_log
        SELECT n, n, 'capability.started', 'ok', 'policy',
            CASE n % 2 WHEN 0 THEN 'usr_' || n / 10 END, 'hst_' || n / 10,
            CASE n % 20 WHEN 1 THEN NULL ELSE 'agt_' || n / 10 END, NULL, NULL, '{}', 'salt', '', '', ''
        FROM generate_series(1, 100000) AS n;
    ANALYZE;";

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let database = Database::new().await;
    database.execute(MANY_ROWS).await.unwrap();
    let mut connection = database.raw().await;
    for setting in [
        "enable_seqscan = off",
        "plan_cache_mode = force_generic_plan",
    ] {
        let sql = AssertSqlSafe(format!("SET {setting}"));
        connection.execute(sql).await.unwrap();
    }
    let statements = statements();
    assert!(statements.len() > 40, "{}", statements.len());
    for (statement, parameters) in statements {
        let plan = plan(&mut connection, &statement, parameters).await;
        assert!(is_quick(&statement, &plan), "{statement}: {plan:#?}");
    }
}

/// A scan of an index is quick if it looks for something in it.
fn is_quick(statement: &str, plan: &[String]) -> bool {
    plan.iter().enumerate().all(|(at, step)| {
        // Sorting what was found is as bad as finding too much, except for the few open requests and
        // what a page of a person's activity is picked from.
        let few = statement.contains("answerable") || statement.contains("concerning");
        let sorts = step.contains("Sort ") && !few;
        let indexed = || plan.get(at + 1).is_some_and(|next| next.contains("Cond: "));
        let scans_index = step.contains(" using ") || step.contains("Bitmap Index Scan");
        !step.contains("Seq Scan")
            && !sorts
            && (!scans_index || indexed() || statement.contains(FROM_ITS_END))
    })
}

/// Every statement of this crate that has a plan, as the compiler has seen it, with the number of its
/// parameters.
fn statements() -> Vec<(String, usize)> {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let files = fs::read_dir(cache).unwrap();
    files
        .map(|file| {
            let text = fs::read(file.unwrap().path()).unwrap();
            let entry: Value = serde_json::from_slice(&text).unwrap();
            let parameters = entry["describe"]["parameters"]["Left"].as_array().unwrap();
            (
                entry["query"].as_str().unwrap().to_owned(),
                parameters.len(),
            )
        })
        .filter(|(statement, _)| !OTHERS.iter().any(|other| statement.contains(other)))
        .collect()
}

async fn plan(connection: &mut PgConnection, statement: &str, parameters: usize) -> Vec<String> {
    let prepare = AssertSqlSafe(format!("PREPARE statement AS {statement}"));
    connection.execute(prepare).await.unwrap();
    let arguments = vec!["NULL"; parameters].join(", ");
    let execute = if parameters == 0 {
        "EXPLAIN EXECUTE statement".to_owned()
    } else {
        format!("EXPLAIN EXECUTE statement ({arguments})")
    };
    let steps = sqlx::raw_sql(AssertSqlSafe(execute))
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    connection.execute("DEALLOCATE statement").await.unwrap();
    steps.iter().map(|step| step.get(0)).collect()
}
