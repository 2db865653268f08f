//! `procura mcp`: the same tools for an AI agent, over the Model Context Protocol.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Subcommand;
use procura_client::{Client, SystemEntropy};
use serde_json::json;
use tokio::net::TcpListener;

use crate::error::CommandError;
use crate::mcp::{Access, Gate, PATH, Server, serve_http};
use crate::outcome::Outcome;
use crate::printer::Printer;

/// Serve the tools of an agent over MCP on standard input and output, or over HTTP
///
/// For programs that run AI agents: name this command as an MCP server in their configuration. It ends
/// when its input does.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    /// Let the agent contact this service without asking the person first; repeat for several
    #[arg(long, value_name = "URL")]
    allow: Vec<String>,
    /// Let the agent contact any service without asking the person first
    #[arg(long, conflicts_with = "allow")]
    allow_any: bool,
    /// Offer each capability that is granted as a tool of its own, too
    #[arg(long)]
    capability_tools: bool,
    #[command(flatten)]
    http: Http,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the token that clients of --http send
    Token {
        /// Make another one first; the one before is good for nothing once the server is started again
        #[arg(long)]
        new: bool,
    },
}

/// Serving over HTTP instead.
#[derive(Debug, clap::Args)]
struct Http {
    /// Serve over HTTP at this address instead, until Ctrl-C; port 0 takes a free one
    #[arg(id = "http", long = "http", value_name = "ADDR:PORT")]
    address: Option<SocketAddr>,
    /// Take the token that clients send from this file instead of the profile
    #[arg(long, value_name = "FILE", requires = "http")]
    token_file: Option<PathBuf>,
    /// A name that clients reach this machine by, besides localhost; repeat for several
    #[arg(long, value_name = "NAME", requires = "http")]
    allow_host: Vec<String>,
    /// An origin whose pages may call from a browser; repeat for several
    #[arg(long, value_name = "ORIGIN", requires = "http")]
    allow_origin: Vec<String>,
}

pub(crate) async fn run(
    arguments: Arguments,
    client: &Client,
    printer: &Printer,
) -> Result<Outcome, CommandError> {
    if let Some(Action::Token { new }) = arguments.action {
        return token(client, new);
    }
    let access = if arguments.allow_any {
        Access::Anywhere
    } else {
        Access::to(&arguments.allow)?
    };
    let server = Server::new(client.clone(), access, arguments.capability_tools);
    match arguments.http.address {
        None => server.serve_stdio().await?,
        Some(address) => over_http(server, client, address, arguments.http, printer).await?,
    }
    Ok(Outcome::printed())
}

fn token(client: &Client, new: bool) -> Result<Outcome, CommandError> {
    let profile = client.profile();
    let token = if new {
        profile.renew_access_token(&SystemEntropy)?
    } else {
        profile.access_token(&SystemEntropy)?
    };
    Ok(Outcome::done(
        &json!({ "token": token.as_str() }),
        token.as_str(),
    ))
}

async fn over_http(
    server: Server,
    client: &Client,
    address: SocketAddr,
    http: Http,
    printer: &Printer,
) -> Result<(), CommandError> {
    if !address.ip().is_loopback() && http.allow_host.is_empty() {
        return Err(CommandError::Usage(
            "other machines call this one by a name; say which with --allow-host NAME".to_owned(),
        ));
    }
    let mut gate = match &http.token_file {
        None => Gate::new(&client.profile().access_token(&SystemEntropy)?)?,
        Some(file) => {
            let read = std::fs::read_to_string(file).map(zeroize::Zeroizing::new);
            let text = read.map_err(|error| CommandError::Token(file.clone(), error))?;
            Gate::new(text.trim_end())?
        }
    };
    gate.hosts = http.allow_host;
    gate.origins = http.allow_origin;
    let listening = TcpListener::bind(address).await;
    let listener = listening.map_err(|error| CommandError::Listen(address, error))?;
    let address = listener
        .local_addr()
        .map_err(|error| CommandError::Listen(address, error))?;
    if !address.ip().is_loopback() {
        printer.insist(
            "warning: the token and everything else travel in clear from here; put TLS in front",
        );
    }
    printer.line("url", &format!("http://{address}{PATH}"));
    serve_http(server, listener, gate, interrupted()).await;
    Ok(())
}

/// Until Ctrl-C, or SIGTERM where there is one.
async fn interrupted() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a way to hear of it, the process is ended from outside.
    let _ = interrupt.await;
}
