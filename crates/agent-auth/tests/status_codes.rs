//! Holds `docs/http-status-codes.md` against the snapshot of the refusal table (§5.13).

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

use serde_json::Value;

#[test]
fn the_page_lists_exactly_the_refusals_there_are() -> io::Result<()> {
    let decided = decided(&read(SNAPSHOT)?);
    let listed = listed(&read(PAGE)?);
    let missing: Vec<_> = decided.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(&decided).collect();
    assert!(!decided.is_empty(), "{SNAPSHOT} lists no refusal");
    assert!(missing.is_empty(), "{PAGE} lacks {missing:?}");
    assert!(stale.is_empty(), "{PAGE} lists {stale:?}, which are gone");
    Ok(())
}

/// Status and code of each line of the snapshot, such as `404 {"error":"not_found",…}`.
fn decided(snapshot: &str) -> BTreeSet<(u16, String)> {
    let row = |line: &str| {
        let (status, body) = line.split_once(' ')?;
        let body: Value = serde_json::from_str(body).ok()?;
        Some((status.parse().ok()?, body["error"].as_str()?.to_owned()))
    };
    snapshot.lines().filter_map(row).collect()
}

/// Status and code of each row of the table under "Refusals".
fn listed(page: &str) -> BTreeSet<(u16, String)> {
    let row = |line: &str| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (status, code) = (cells.next()?, cells.next()?);
        Some((status.parse().ok()?, code.trim_matches('`').to_owned()))
    };
    let table = page
        .split("\n## ")
        .find(|part| part.starts_with("Refusals"));
    table.unwrap_or_default().lines().filter_map(row).collect()
}

fn read(path: &str) -> io::Result<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
}

const SNAPSHOT: &str = "src/snapshots/procura_agent_auth__refusal__tests__the_refusal_table.snap";
const PAGE: &str = "../../docs/http-status-codes.md";
