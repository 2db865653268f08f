//! `[[capability]]`: what the server offers and what carries it out.

use std::sync::Arc;
use std::time::Duration;

use procura_adapters::respond::{Manner, Respond};
use procura_adapters::template::unknown_placeholders;
use procura_agent_auth::capability::ApprovalStrength;
use procura_agent_auth::constraint::Constraints;
use procura_agent_auth::token::possession::Demand;
use procura_agent_auth::wire::capability::Capability;
use procura_service::catalogue::Offered;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::http::HttpSection;
use super::security::require_certificates;
use super::span::{CountPer, Span};
use super::{SharedBackend, Upstreams};

/// One capability.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CapabilitySection {
    pub(super) name: String,
    description: String,
    /// What approving it takes. No default: whoever offers something has to say.
    approval: ApprovalStrength,
    /// Whether every new host has it as a default.
    #[serde(default)]
    default: bool,
    /// Another place of execution.
    location: Option<String>,
    /// JSON Schema of the arguments.
    input: Option<Value>,
    /// JSON Schema of the result.
    output: Option<Value>,
    /// Limits on every grant.
    constraints: Option<Value>,
    /// Whether results have to fit `output`.
    #[serde(default)]
    check_output: bool,
    /// What agents have to show beside a token to use it.
    #[serde(default)]
    proof_of_possession: Demand,
    /// How often one agent may use it.
    pub(super) rate: Option<CountPer>,
    /// A declared answer.
    respond: Option<RespondSection>,
    /// A request to an upstream.
    http: Option<HttpSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RespondSection {
    value: Option<Value>,
    job: Option<Value>,
    stream: Option<Vec<Value>>,
    delay: Option<Span>,
}

impl CapabilitySection {
    /// `certificates` says whether the server learns the client certificates of connections.
    pub(super) fn judge(
        &self,
        certificates: bool,
        upstreams: &Upstreams,
    ) -> Result<Offered, String> {
        require_certificates(self.proof_of_possession, certificates)?;
        let name = self
            .name
            .parse()
            .map_err(|error| format!("name: {error}"))?;
        if self.description.trim().is_empty() {
            return Err("description: has to say what the capability does".to_owned());
        }
        if self.default && self.approval == ApprovalStrength::Presence {
            return Err(
                "default: a capability that needs presence cannot be granted without approval"
                    .to_owned(),
            );
        }
        let location = self.location.as_deref().map(judge_location).transpose()?;
        let shown = Capability {
            name,
            description: self.description.clone(),
            location,
            input: self.input.clone(),
            output: self.output.clone(),
            grant_status: None,
        };
        let backend = self.backend(upstreams)?;
        let mut offered = Offered::new(shown, self.approval, backend)
            .map_err(|error| format!("input: {error}"))?;
        let imposed = self
            .constraints
            .as_ref()
            .map(Constraints::parse)
            .transpose();
        offered.imposed = imposed
            .map_err(|error| format!("constraints: {error}"))?
            .flatten();
        offered.is_default = self.default;
        if self.check_output {
            offered
                .check_output()
                .map_err(|error| format!("check_output: {error}"))?;
        }
        offered.possession = self.proof_of_possession;
        Ok(offered)
    }

    fn backend(&self, upstreams: &Upstreams) -> Result<SharedBackend, String> {
        match (&self.respond, &self.http, &self.location) {
            (Some(respond), None, None) => respond
                .judge()
                .map_err(|problem| format!("respond: {problem}")),
            (None, Some(http), None) => http
                .judge(upstreams)
                .map_err(|problem| format!("http: {problem}")),
            (None, None, Some(_)) => Ok(Arc::new(Elsewhere)),
            (None, None, None) => {
                Err("has no backend; add [capability.http] or [capability.respond]".to_owned())
            }
            _ => Err("takes one of http, respond and location, and no two".to_owned()),
        }
    }
}

impl RespondSection {
    fn judge(&self) -> Result<SharedBackend, String> {
        let manner = match (&self.value, &self.job, &self.stream) {
            (Some(value), None, None) => Manner::Value(value.clone()),
            (None, Some(result), None) => Manner::Job(result.clone()),
            (None, None, Some(pieces)) => Manner::Stream(pieces.clone()),
            _ => return Err("needs exactly one of value, job and stream".to_owned()),
        };
        let templates = [
            self.value.clone(),
            self.job.clone(),
            self.stream.clone().map(Value::Array),
        ];
        let unknown: Vec<_> = templates
            .iter()
            .flatten()
            .flat_map(unknown_placeholders)
            .collect();
        if let Some(placeholder) = unknown.first() {
            return Err(format!(
                "${{{placeholder}}} means nothing; use ${{arguments}}, ${{arguments.NAME}}, ${{agent_id}}, \
                 ${{host_id}} or ${{user_id}}"
            ));
        }
        let delay = self.delay.map_or(Duration::ZERO, |Span(delay)| delay);
        Ok(Arc::new(Respond { manner, delay }))
    }
}

fn judge_location(location: &str) -> Result<String, String> {
    let https =
        Url::parse(location).is_ok_and(|url| url.scheme() == "https" && url.fragment().is_none());
    if https {
        Ok(location.to_owned())
    } else {
        Err(format!("location: {location:?} is not an https URL"))
    }
}

/// Stands in for a capability that another service carries out: agents go there, not here.
struct Elsewhere;

#[procura_adapters::async_trait]
impl procura_adapters::Backend for Elsewhere {
    async fn call(
        &self,
        call: procura_adapters::Call<'_>,
    ) -> Result<procura_adapters::Reply, procura_adapters::BackendError> {
        let why = format!("{} is executed at its own location", call.capability);
        Err(procura_adapters::BackendError::Failed(why))
    }
}
