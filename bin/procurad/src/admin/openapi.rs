//! `procurad admin openapi check`: what would become of each operation, for one description or many.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use procura_server::gateway;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::output;
use crate::report::{aligned, visible};

/// Checks descriptions. Several are checked by a process each, so that one tells nothing of another's memory.
pub(super) async fn check(sources: Vec<String>, as_json: bool) -> anyhow::Result<ExitCode> {
    let sources = files(sources)?;
    let mut results = Vec::new();
    match sources.as_slice() {
        [source] => results.push(check_here(source).await),
        sources => {
            for source in sources {
                results.push(check_apart(source).await?);
            }
        }
    }
    if as_json {
        let all: Value = results.clone().into();
        let one = results.first().filter(|_| results.len() == 1);
        output::line(&one.unwrap_or(&all).to_string())?;
    } else {
        output::line(&visible(&table(&results)))?;
    }
    let unreadable = results.iter().any(|result| !result["error"].is_null());
    Ok(if unreadable {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The sources, with folders replaced by the descriptions in them.
fn files(sources: Vec<String>) -> anyhow::Result<Vec<String>> {
    let mut files = Vec::new();
    for source in sources {
        if !Path::new(&source).is_dir() {
            files.push(source);
            continue;
        }
        let entries =
            std::fs::read_dir(&source).with_context(|| format!("cannot read {source}"))?;
        let mut inside = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let is_description = path
                .extension()
                .is_some_and(|kind| ["json", "yaml", "yml"].iter().any(|one| kind == *one));
            if path.is_file() && is_description {
                inside.push(path.display().to_string());
            }
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}

async fn check_here(source: &str) -> Value {
    let begun = Instant::now();
    let checked = gateway::check(source).await;
    let seconds = begun.elapsed().as_secs_f64();
    let (report, catalogue) = match checked {
        Ok(checked) => checked,
        Err(error) => return json!({ "source": source, "error": error }),
    };
    let memory = memory();
    let quarantined = report.quarantined.iter();
    let quarantined =
        quarantined.map(|one| json!({ "operation": one.operation, "reason": one.reason }));
    let noted = report.offered.iter().filter(|row| !row.notes.is_empty());
    let noted = noted.map(|row| json!({ "operation": row.operation, "notes": row.notes }));
    json!({
        "source": source,
        "title": report.title,
        "operations": report.offered.len() + report.quarantined.len(),
        "offered": catalogue.iter().count(),
        "quarantined": quarantined.collect::<Vec<_>>(),
        "checked_in_part": noted.collect::<Vec<_>>(),
        "seconds": seconds,
        "memory_mib": memory.map(|(now, _)| now),
        "peak_memory_mib": memory.map(|(_, peak)| peak),
    })
}

async fn check_apart(source: &str) -> anyhow::Result<Value> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let mut command = Command::new(program);
    command.args(["admin", "openapi", "check", "--json", source]);
    let done = command.output().await.context("cannot start a check")?;
    let result = serde_json::from_slice(&done.stdout);
    Ok(result.unwrap_or_else(|_| {
        let words = String::from_utf8_lossy(&done.stderr);
        json!({ "source": source, "error": format!("the check ended with {}: {words}", done.status) })
    }))
}

/// What this process holds, and the most it held, in MiB. Only Linux tells.
fn memory() -> Option<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib / 1024)
    };
    Some((mib("VmRSS:")?, mib("VmHWM:")?))
}

fn table(results: &[Value]) -> String {
    let header = [
        "DESCRIPTION",
        "OPERATIONS",
        "OFFERED",
        "QUARANTINED",
        "IN PART",
        "SECONDS",
        "MIB",
        "PEAK",
    ];
    let mut rows = vec![header.map(str::to_owned)];
    for result in results.iter().filter(|result| result["error"].is_null()) {
        let count = |name: &str| result[name].as_array().map_or(0, Vec::len).to_string();
        let cell = |name: &str| match &result[name] {
            Value::Null => "-".to_owned(),
            value => value.to_string(),
        };
        let source = result["source"].as_str().unwrap_or("");
        rows.push([
            source.rsplit('/').next().unwrap_or(source).to_owned(),
            cell("operations"),
            cell("offered"),
            count("quarantined"),
            count("checked_in_part"),
            format!("{:.2}", result["seconds"].as_f64().unwrap_or(0.0)),
            cell("memory_mib"),
            cell("peak_memory_mib"),
        ]);
    }
    let mut lines = aligned(&rows);
    lines.push(summary(results));
    for result in results {
        let source = result["source"].as_str().unwrap_or("");
        if let Some(error) = result["error"].as_str() {
            lines.push(format!("{source} cannot be read: {error}"));
        }
        for one in result["quarantined"].as_array().into_iter().flatten() {
            let part = |name: &str| one[name].as_str().unwrap_or("").to_owned();
            lines.push(format!(
                "{source}: {}: {}",
                part("operation"),
                part("reason")
            ));
        }
    }
    lines.join("\n")
}

fn summary(results: &[Value]) -> String {
    let sum = |name: &str| -> u64 {
        results
            .iter()
            .filter_map(|result| result[name].as_u64())
            .sum()
    };
    let (operations, offered) = (sum("operations"), sum("offered"));
    let share = offered
        .saturating_mul(10_000)
        .checked_div(operations)
        .unwrap_or(10_000);
    format!(
        "{offered} of {operations} operations are offered, {}.{:02} %",
        share / 100,
        share % 100
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_description_is_told_by_operation_and_a_broken_one_by_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let good = "openapi: 3.1.0\ninfo: {title: T}\npaths:\n  /a: {get: {}}\n  /b: {get: {parameters: 1}}\n";
        std::fs::write(folder.path().join("good.yaml"), good).unwrap();
        std::fs::write(folder.path().join("bad.json"), "{").unwrap();
        std::fs::write(folder.path().join("notes.txt"), "").unwrap();
        let found = files(vec![folder.path().display().to_string()]).unwrap();
        assert_eq!(found.len(), 2);
        let mut results = Vec::new();
        for source in &found {
            results.push(check_here(source).await);
        }
        let text = table(&results);
        assert!(
            text.contains("1 of 2 operations are offered, 50.00 %"),
            "{text}"
        );
        assert!(text.contains("GET /b: parameters is not a list"), "{text}");
        assert!(text.contains("bad.json cannot be read"), "{text}");
    }
}
