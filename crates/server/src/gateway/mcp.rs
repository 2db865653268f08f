//! Tools of MCP servers as capabilities.

use std::sync::Arc;

use procura_adapters::BackendError;
use procura_adapters::mcp::rule::Rule;
use procura_adapters::mcp::{Derived, McpServer, Selection, Tool, derive};
use procura_agent_auth::capability::Form;
use procura_service::catalogue::{Catalogue, Offered};
use procura_service::schema;
use serde_json::Value;

use super::{Found, Kind, Quarantined, Report, Row};

/// A server and what of it is offered.
#[derive(Debug)]
pub struct ToolServer {
    /// The server.
    pub server: Arc<McpServer>,
    /// What names begin with.
    pub prefix: String,
    /// Patterns for what is offered; all, if empty.
    pub include: Vec<String>,
    /// Patterns for what is not.
    pub exclude: Vec<String>,
    /// Rules, the last of which decide.
    pub rules: Vec<Rule>,
}

/// What became of a server's tools, before their names meet those of others.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    rows: Vec<(Row, Arc<Offered>)>,
    quarantined: Vec<Quarantined>,
    left_out: usize,
}

impl Judged {
    /// Nothing is known of the tools, for this reason. Told like a tool that cannot be offered, since it holds up
    /// nobody else.
    pub(crate) fn none(reason: String) -> Self {
        let operation = "all tools".to_owned();
        Self {
            quarantined: vec![Quarantined { operation, reason }],
            ..Self::default()
        }
    }
}

impl ToolServer {
    /// Asks the server for its tools.
    pub(crate) async fn ask(&self) -> Result<Vec<Value>, BackendError> {
        self.server.tools().await
    }

    /// Says of each tool whether it can be offered.
    pub(crate) fn judge(&self, tools: &[Value]) -> Judged {
        let derivation = derive(tools, &self.selection());
        let mut judged = Judged {
            rows: Vec::with_capacity(derivation.derived.len()),
            quarantined: derivation.quarantined,
            left_out: derivation.left_out,
        };
        for derived in derivation.derived {
            let operation = derived.tool.clone();
            let form = Form(derived.form);
            match self.found(derived).judge() {
                Ok((row, mut offered)) => {
                    offered.form = Some(form);
                    judged.rows.push((row, Arc::new(offered)));
                }
                Err(reason) => judged.quarantined.push(Quarantined { operation, reason }),
            }
        }
        judged.rows.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        judged
    }

    /// Adds what it offers to the catalogue. A name that is there already stays whose it is.
    pub(crate) fn offer(&self, judged: &Judged, catalogue: &mut Catalogue) -> Report {
        let mut report = Report {
            kind: Kind::Mcp,
            source: self.server.name().to_owned(),
            title: "MCP server".to_owned(),
            offered: Vec::with_capacity(judged.rows.len()),
            quarantined: judged.quarantined.clone(),
            left_out: judged.left_out,
        };
        for (row, offered) in &judged.rows {
            match catalogue.add(Arc::clone(offered)) {
                Ok(()) => report.offered.push(row.clone()),
                Err(taken) => report.quarantined.push(Quarantined {
                    operation: row.operation.clone(),
                    reason: taken.to_string(),
                }),
            }
        }
        report
    }

    fn selection(&self) -> Selection<'_> {
        Selection {
            server: self.server.name(),
            prefix: &self.prefix,
            include: &self.include,
            exclude: &self.exclude,
            rules: &self.rules,
            usable_pattern: &schema::is_usable_pattern,
        }
    }

    fn found(&self, derived: Derived) -> Found {
        let backend = Arc::new(Tool {
            server: Arc::clone(&self.server),
            name: derived.tool.clone(),
        });
        Found {
            row: Row {
                operation: derived.tool,
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
            backend,
        }
    }
}
