//! No statement goes through a whole table, so that a million agents cost no more than a few.

use std::fs;
use std::path::Path;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use crate::support::Files;

/// What may be gone through: what the statement itself brings or has picked by an index. The newest
/// records of the log are read from its end.
const SHORT: [&str; 9] = [
    "json_each",
    "uses",
    "answerable",
    "concerning",
    "of_person",
    "of_agents",
    "of_hosts",
    "picked",
    "counted",
];
/// What reads a table, or an index, of few rows as a whole.
const FEW_ROWS: [&str; 2] = ["FROM nodes ORDER BY", "DISTINCT node FROM jobs"];
const FROM_ITS_END: &str = "ORDER BY sequence DESC LIMIT";

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let files = Files::new();
    files.open().await.close().await;
    let mut connection = files.raw().await;
    let statements = statements();
    assert!(statements.len() > 40, "{}", statements.len());
    for statement in statements {
        for step in plan(&mut connection, &statement).await {
            assert!(is_quick(&statement, &step), "{statement}: {step}");
        }
    }
}

fn is_quick(statement: &str, step: &str) -> bool {
    let scanned = step
        .strip_prefix("SCAN ")
        .map(|rest| rest.split(' ').next().unwrap());
    match scanned {
        Some(table) => {
            let few_rows = FEW_ROWS.iter().any(|few| statement.contains(few));
            few_rows || SHORT.contains(&table) || statement.contains(FROM_ITS_END)
        }
        // Sorting what was found is as bad as finding too much.
        None => !step.contains("FOR ORDER BY") || sorts_few(statement),
    }
}

/// Open requests, or what a page of a person's activity is picked from.
fn sorts_few(statement: &str) -> bool {
    statement.contains("answerable") || statement.contains("concerning")
}

/// Every statement of this crate, as the compiler has seen it.
fn statements() -> Vec<String> {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let files = fs::read_dir(cache).unwrap();
    files
        .map(|file| {
            let text = fs::read(file.unwrap().path()).unwrap();
            let entry: Value = serde_json::from_slice(&text).unwrap();
            entry["query"].as_str().unwrap().to_owned()
        })
        .collect()
}

async fn plan(connection: &mut SqliteConnection, statement: &str) -> Vec<String> {
    let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let steps = sqlx::raw_sql(sql).fetch_all(connection).await.unwrap();
    steps.iter().map(|step| step.get("detail")).collect()
}
