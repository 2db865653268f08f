//! Capabilities that come from a description of the service behind: what became of each operation or tool.

mod check;
pub(crate) mod live;
pub(crate) mod mcp;
mod starter;

use std::collections::BTreeMap;
use std::sync::Arc;

use procura_adapters::Backend;
use procura_adapters::http::{HttpBackend, Upstream};
pub use procura_adapters::openapi::Quarantined;
use procura_adapters::openapi::rule::Rule;
use procura_adapters::openapi::{Derived, Selection, Source, derive, load};
use procura_agent_auth::capability::ApprovalStrength;
use procura_agent_auth::constraint::Constraints;
use procura_agent_auth::wire::capability::Capability;
use procura_fetch::FetchPolicy;
use procura_service::catalogue::{Catalogue, Offered};
use procura_service::schema;
use serde_json::Value;

pub use self::check::check;
pub use self::mcp::ToolServer;
pub use self::starter::{mcp_starter, starter};

/// A description, what of it is offered, and the service that carries it out.
pub struct Described {
    /// Where the description is.
    pub source: Source,
    /// What may be called to read it.
    pub reach: FetchPolicy,
    /// Who carries its operations out.
    pub upstream: Arc<Upstream>,
    /// Patterns for what is offered; all, if empty.
    pub include: Vec<String>,
    /// Patterns for what is not.
    pub exclude: Vec<String>,
    /// Rules, the last of which decide.
    pub rules: Vec<Rule>,
    /// Values of server variables.
    pub variables: BTreeMap<String, String>,
}

impl std::fmt::Debug for Described {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Described({})", self.source)
    }
}

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An OpenAPI description.
    Openapi,
    /// An MCP server.
    Mcp,
}

/// What became of a description.
#[derive(Debug)]
pub struct Report {
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub source: String,
    /// Its title.
    pub title: String,
    /// The operations that are offered, by name.
    pub offered: Vec<Row>,
    /// Those that cannot be.
    pub quarantined: Vec<Quarantined>,
    /// How many were left out on purpose.
    pub left_out: usize,
}

/// An operation that is offered.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Method and path, or the tool.
    pub operation: String,
    /// The capability.
    pub name: String,
    /// What approving it takes.
    pub approval: ApprovalStrength,
    /// Whether new hosts have it as a default.
    pub default: bool,
    /// What is not checked here.
    pub notes: Vec<String>,
}

impl Described {
    /// Reads the description and adds what it offers to the catalogue. Whatever is wrong with one operation costs
    /// that operation; an error means that nothing can be read.
    pub async fn offer(&self, catalogue: &mut Catalogue) -> Result<Report, String> {
        let documents = load(&self.source, self.reach.clone()).await;
        let documents = documents.map_err(|error| error.to_string())?;
        let selection = Selection {
            include: &self.include,
            exclude: &self.exclude,
            rules: &self.rules,
            variables: &self.variables,
            credential: self.upstream.credential(),
            usable_pattern: &schema::is_usable_pattern,
        };
        let mut offered = Vec::new();
        let derivation = derive(&documents, &selection, &mut |derived| {
            offered.push(self.found(derived).offer(catalogue)?);
            Ok(())
        });
        offered.sort_by(|a: &Row, b| a.name.cmp(&b.name));
        Ok(Report {
            kind: Kind::Openapi,
            source: self.source.to_string(),
            title: derivation.title,
            offered,
            quarantined: derivation.quarantined,
            left_out: derivation.left_out,
        })
    }

    fn found(&self, derived: Derived) -> Found {
        Found {
            row: Row {
                operation: derived.operation,
                name: derived.name,
                approval: derived.approval,
                default: derived.default,
                notes: derived.notes,
            },
            description: derived.description,
            input: derived.input,
            output: derived.output,
            constraints: derived.constraints,
            check_output: derived.check_output,
            backend: Arc::new(HttpBackend {
                upstream: Arc::clone(&self.upstream),
                plan: Box::new(derived.plan),
                timeout: None,
            }),
        }
    }
}

/// A capability as it was found, before anything of it was judged.
struct Found {
    row: Row,
    description: String,
    input: Value,
    output: Option<Value>,
    constraints: Option<Value>,
    check_output: bool,
    backend: Arc<dyn Backend>,
}

impl Found {
    /// Adds it to the catalogue, or says why it cannot be offered.
    fn offer(self, catalogue: &mut Catalogue) -> Result<Row, String> {
        let (row, offered) = self.judge()?;
        catalogue.add(offered).map_err(|taken| taken.to_string())?;
        Ok(row)
    }

    /// Puts it together, or says why it cannot be offered.
    fn judge(self) -> Result<(Row, Offered), String> {
        let row = self.row;
        if row.default && row.approval == ApprovalStrength::Presence {
            return Err("a rule makes it a default, and it needs presence".to_owned());
        }
        let shown = Capability {
            name: row.name.parse().map_err(|error| format!("{error}"))?,
            description: self.description,
            location: None,
            input: Some(self.input),
            output: self.output,
            grant_status: None,
        };
        let mut offered = Offered::new(shown, row.approval, self.backend)
            .map_err(|error| format!("input: {error}"))?;
        let imposed = self
            .constraints
            .as_ref()
            .map(Constraints::parse)
            .transpose();
        offered.imposed = imposed
            .map_err(|error| format!("constraints: {error}"))?
            .flatten();
        offered.is_default = row.default;
        if self.check_output {
            offered
                .check_output()
                .map_err(|error| format!("check_output: {error}"))?;
        }
        offered.pack();
        Ok((row, offered))
    }
}
