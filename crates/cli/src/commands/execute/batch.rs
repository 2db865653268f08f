//! `procura execute --batch`: several calls in one request.

use std::path::Path;

use procura_client::{BatchItem, Client, Refused};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{agent_or_only, standard_input};
use crate::error::{CommandError, refusal};
use crate::exit::Exit;
use crate::json::one_line;
use crate::outcome::Outcome;

/// A line of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    capability: String,
    #[serde(default)]
    arguments: Option<Map<String, Value>>,
}

/// Runs the calls in `file` as the agent in `words`, and prints how each went, in order, on a line of its own. One
/// that was refused makes the command fail after all have been printed.
pub(super) async fn run(
    file: &Path,
    words: Vec<String>,
    client: &Client,
) -> Result<Outcome, CommandError> {
    let mut words = words.into_iter();
    let agent = words.next();
    if let Some(extra) = words.next() {
        return Err(CommandError::Usage(format!(
            "--batch takes its calls from the file; {extra:?} is one word too many"
        )));
    }
    let text = if file == Path::new("-") {
        standard_input()?
    } else {
        let failed =
            |error| CommandError::Usage(format!("cannot read {}: {error}", file.display()));
        std::fs::read_to_string(file).map_err(failed)?
    };
    let items = items(&text)?;
    let agent = agent_or_only(client, agent)?;
    let outcomes = client.execute_batch(&agent, items).await?;
    let is_refused = outcomes.iter().any(Result::is_err);
    let values: Vec<_> = outcomes.into_iter().map(value).collect();
    let text: Vec<_> = values.iter().map(one_line).collect();
    let exit = if is_refused {
        Exit::Refused
    } else {
        Exit::Done
    };
    Ok(Outcome::done(&values, text.join("\n")).with_exit(exit))
}

fn items(text: &str) -> Result<Vec<BatchItem>, CommandError> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            let line: Line = serde_json::from_str(line).map_err(|error| {
                CommandError::Usage(format!("line {} is not a call: {error}", number + 1))
            })?;
            Ok(BatchItem {
                capability: line.capability,
                arguments: line.arguments,
            })
        })
        .collect()
}

fn value(outcome: Result<Value, Refused>) -> Value {
    match outcome {
        Ok(data) => json!({ "data": data }),
        Err(refused) => Value::Object(refusal(&refused)),
    }
}
