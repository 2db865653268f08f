//! `procura mcp`: the same tools for an AI agent, over the Model Context Protocol on standard input and output.

use procura_client::Client;

use crate::error::CommandError;
use crate::mcp::{Access, Server};
use crate::outcome::Outcome;

/// Serve the tools of an agent over MCP on standard input and output
///
/// For programs that run AI agents: name this command as an MCP server in their configuration. It ends
/// when its input does.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Let the agent contact this service without asking the person first; repeat for several
    #[arg(long, value_name = "URL")]
    allow: Vec<String>,
    /// Let the agent contact any service without asking the person first
    #[arg(long, conflicts_with = "allow")]
    allow_any: bool,
    /// Offer each capability that is granted as a tool of its own, too
    #[arg(long)]
    capability_tools: bool,
}

pub(crate) async fn run(arguments: Arguments, client: &Client) -> Result<Outcome, CommandError> {
    let access = if arguments.allow_any {
        Access::Anywhere
    } else {
        Access::to(&arguments.allow)?
    };
    let server = Server::new(client.clone(), access, arguments.capability_tools);
    server.serve_stdio().await?;
    Ok(Outcome::printed())
}
