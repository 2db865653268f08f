//! Tools of MCP servers as capabilities.

use std::sync::Arc;

use procura_adapters::mcp::rule::Rule;
use procura_adapters::mcp::{Derived, McpServer, Selection, Tool, derive};
use procura_service::catalogue::Catalogue;
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

impl ToolServer {
    /// Asks the server for its tools. One that cannot be asked is told like a tool that cannot be offered, so that
    /// it holds up nobody else.
    pub(crate) async fn ask(&self) -> Result<Vec<Value>, Quarantined> {
        self.server.tools().await.map_err(|error| Quarantined {
            operation: "all tools".to_owned(),
            reason: error.to_string(),
        })
    }

    /// Adds what it offers to the catalogue.
    pub(crate) fn offer(
        &self,
        tools: Result<Vec<Value>, Quarantined>,
        catalogue: &mut Catalogue,
    ) -> Report {
        let mut report = Report {
            kind: Kind::Mcp,
            source: self.server.name().to_owned(),
            title: "MCP server".to_owned(),
            offered: Vec::new(),
            quarantined: Vec::new(),
            left_out: 0,
        };
        let tools = match tools {
            Ok(tools) => tools,
            Err(problem) => {
                report.quarantined.push(problem);
                return report;
            }
        };
        let derivation = derive(&tools, &self.selection());
        report.quarantined = derivation.quarantined;
        report.left_out = derivation.left_out;
        for derived in derivation.derived {
            let operation = derived.tool.clone();
            match self.found(derived).offer(catalogue) {
                Ok(row) => report.offered.push(row),
                Err(reason) => report.quarantined.push(Quarantined { operation, reason }),
            }
        }
        report.offered.sort_by(|a, b| a.name.cmp(&b.name));
        report
    }

    fn selection(&self) -> Selection<'_> {
        Selection {
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
