//! `procura execute`: runs a capability.

mod batch;

use std::io::Read as _;
use std::path::PathBuf;

use procura_client::{Client, Executed};
use serde_json::{Map, Value};

use super::agent_or_only;
use crate::error::CommandError;
use crate::json::indented;
use crate::outcome::Outcome;
use crate::printer::Printer;

/// Run a capability and print its result
///
/// The chunks of a streaming capability are printed as they arrive, one JSON value on a line.
#[derive(Debug, clap::Args)]
#[command(override_usage = "procura execute [OPTIONS] [AGENT] CAPABILITY [ARGUMENTS]")]
pub(crate) struct Arguments {
    /// The agent, the capability, and its arguments as a JSON object, or - to read them from
    /// standard input
    #[arg(required_unless_present = "batch", num_args = 1..=3, value_name = "WORDS")]
    words: Vec<String>,
    /// One argument; a value that is JSON is taken as such, any other as text
    #[arg(long = "arg", value_name = "KEY=VALUE")]
    pairs: Vec<String>,
    /// Run several calls in one request, each judged by itself: from this file, or - for standard input, one JSON
    /// object with capability and arguments on each line
    #[arg(long, value_name = "FILE", conflicts_with = "pairs")]
    batch: Option<PathBuf>,
}

pub(crate) async fn run(
    arguments: Arguments,
    client: &Client,
    printer: &Printer,
) -> Result<Outcome, CommandError> {
    if let Some(file) = arguments.batch {
        return batch::run(&file, arguments.words, client).await;
    }
    let call = Call::read(arguments)?;
    let agent = agent_or_only(client, call.agent)?;
    let mut listener = |chunk: &Value| printer.piece(chunk);
    let done = client.execute_streaming(&agent, &call.capability, call.arguments, &mut listener);
    match done.await? {
        Executed::Result(value) => {
            let text = indented(&value);
            Ok(Outcome::done(&value, text))
        }
        Executed::Stream { last, .. } => {
            if let Some(last) = &last {
                printer.piece(last);
            }
            Ok(Outcome::printed())
        }
    }
}

/// What to run.
#[derive(Debug, PartialEq)]
struct Call {
    agent: Option<String>,
    capability: String,
    arguments: Option<Map<String, Value>>,
}

impl Call {
    /// Tells the words apart: arguments are an object and begin with a brace, and what is left is the capability,
    /// after the agent if there are two.
    fn read(arguments: Arguments) -> Result<Self, CommandError> {
        let Arguments {
            mut words, pairs, ..
        } = arguments;
        let is_arguments = |it: &mut String| it.starts_with('{') || it == "-";
        let text = words.pop_if(|it| is_arguments(it));
        let mut members = text.map(|it| object(&it)).transpose()?;
        for pair in pairs {
            let (key, value) = key_and_value(&pair)?;
            let members = members.get_or_insert_default();
            if members.insert(key.clone(), value).is_some() {
                return Err(CommandError::Usage(format!(
                    "the argument {key:?} is given twice"
                )));
            }
        }
        let capability = words.pop();
        let agent = words.pop();
        match capability {
            Some(capability) if words.is_empty() => Ok(Self {
                agent,
                capability,
                arguments: members,
            }),
            Some(extra) => Err(CommandError::Usage(format!(
                "the arguments have to be a JSON object such as '{{\"amount\": 5}}', or --arg KEY=VALUE, not {extra:?}"
            ))),
            None => Err(CommandError::Usage(
                "say which capability to run".to_owned(),
            )),
        }
    }
}

fn object(text: &str) -> Result<Map<String, Value>, CommandError> {
    let text = match text {
        "-" => standard_input()?,
        text => text.to_owned(),
    };
    serde_json::from_str(&text).map_err(|error| {
        CommandError::Usage(format!("the arguments are not a JSON object: {error}"))
    })
}

fn standard_input() -> Result<String, CommandError> {
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    let failed = |error| CommandError::Usage(format!("cannot read standard input: {error}"));
    read.map(|_| text).map_err(failed)
}

fn key_and_value(pair: &str) -> Result<(String, Value), CommandError> {
    let Some((key, value)) = pair.split_once('=') else {
        return Err(CommandError::Usage(format!(
            "--arg takes KEY=VALUE, not {pair:?}"
        )));
    };
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((key.to_owned(), value))
}

#[cfg(test)]
mod tests;
