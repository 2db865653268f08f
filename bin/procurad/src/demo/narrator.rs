//! Tells the story on standard output: a heading and a sentence for each step, and every exchange in between.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use http::header::AUTHORIZATION;
use procura_client::{FetchError, Request, Response, Transport};
use procura_keys::digest::from_base64url;
use serde_json::Value;

use super::pretty::{pretty, wrapped};
use crate::output;

/// Prints, and remembers the last request for whoever wants to send it again.
#[derive(Default)]
pub(crate) struct Narrator {
    step: Mutex<u32>,
    last: Mutex<Option<Request>>,
}

impl Narrator {
    /// Opens the next step.
    pub(crate) fn step(&self, title: &str, sentence: &str) -> anyhow::Result<()> {
        let mut step = self.step.lock().unwrap_or_else(PoisonError::into_inner);
        *step += 1;
        output::line(&format!(
            "\n{step}. {title}\n{}\n",
            wrapped(sentence, MARGIN)
        ))?;
        Ok(())
    }

    /// The request that was sent last.
    pub(crate) fn last_request(&self) -> Option<Request> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Says something about what was just seen.
pub(crate) fn say(sentence: &str) -> anyhow::Result<()> {
    output::line(&wrapped(sentence, MARGIN))?;
    Ok(())
}

/// Shows an exchange: method and path, what the token says, the body, and the answer.
pub(crate) fn show(request: &Request, response: &Response) -> std::io::Result<()> {
    let query = request
        .url
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let mut lines = vec![format!(
        "→ {} {}{query}",
        request.method,
        request.url.path()
    )];
    if let Some((typ, claims)) = token_of(request) {
        let label = format!("  {typ}: ");
        let used = MARGIN + label.chars().count();
        lines.push(label + &pretty(&claims, MARGIN + 2, used));
    }
    let body = request
        .body
        .as_ref()
        .and_then(|body| serde_json::from_slice(body).ok());
    lines.extend(body.map(|body: Value| indented(&body)));
    lines.push(format!("← {}", response.status));
    lines.extend(
        serde_json::from_slice(&response.body)
            .ok()
            .map(|body| indented(&shortened(body))),
    );
    let margin = " ".repeat(MARGIN);
    output::line(
        &lines
            .iter()
            .map(|line| format!("{margin}{line}"))
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

fn indented(body: &Value) -> String {
    format!("  {}", pretty(body, MARGIN + 2, MARGIN + 2))
}

/// A transport that lets the narrator look on.
pub(crate) struct Observed {
    wire: Arc<dyn Transport>,
    narrator: Arc<Narrator>,
}

impl Observed {
    pub(crate) fn new(wire: Arc<dyn Transport>, narrator: Arc<Narrator>) -> Self {
        Self { wire, narrator }
    }
}

#[async_trait]
impl Transport for Observed {
    async fn send(&self, request: Request) -> Result<Response, FetchError> {
        let response = self.wire.send(request.clone()).await?;
        // A story nobody can hear is no reason to stop it.
        let _ = show(&request, &response);
        *self
            .narrator
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(request);
        Ok(response)
    }
}

/// What the token of a request says: never the token itself.
fn token_of(request: &Request) -> Option<(String, Value)> {
    let header = request.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let mut parts = header.strip_prefix("Bearer ")?.split('.');
    let mut part = || serde_json::from_slice::<Value>(&from_base64url(parts.next()?)?).ok();
    let (header, claims) = (part()?, part()?);
    Some((header["typ"].as_str()?.to_owned(), claims))
}

/// Schemas fill pages and are seen where a capability is described; in grants they are cut.
fn shortened(mut value: Value) -> Value {
    if let Some(grants) = value
        .get_mut("agent_capability_grants")
        .and_then(Value::as_array_mut)
    {
        for grant in grants.iter_mut().filter_map(Value::as_object_mut) {
            for schema in ["input", "output"] {
                if grant.contains_key(schema) {
                    grant.insert(schema.to_owned(), "…".into());
                }
            }
        }
    }
    value
}

/// How far everything but headings is indented.
const MARGIN: usize = 3;
