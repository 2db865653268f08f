//! `procura sign`: a token for a request that somebody else makes.

use http::Method;
use procura_client::Client;
use url::Url;

use super::agent_or_only;
use crate::error::CommandError;
use crate::outcome::Outcome;

/// Sign a token for one request and print it
///
/// Whoever has it can act as the agent for a minute, once.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The agent
    agent: Option<String>,
    /// The only recipient: the URL the token is meant for. The service's issuer unless given
    #[arg(long, value_name = "URL")]
    aud: Option<String>,
    /// A capability the token is good for; may be given several times. All that the agent holds unless given
    #[arg(long = "capability", short = 'c', value_name = "NAME")]
    capabilities: Vec<String>,
    /// Bind it to one request to this URL, for services that demand DPoP, and print both headers to send
    #[arg(long, value_name = "URL")]
    dpop: Option<Url>,
    /// The method of that request
    #[arg(long, value_name = "METHOD", requires = "dpop", default_value = "POST")]
    method: Method,
}

pub(crate) fn run(arguments: Arguments, client: &Client) -> Result<Outcome, CommandError> {
    let agent = agent_or_only(client, arguments.agent)?;
    let names = Some(arguments.capabilities).filter(|names| !names.is_empty());
    if let Some(url) = arguments.dpop {
        let aud = arguments.aud.as_deref();
        let signed =
            client.sign_bound_jwt(&agent, aud, names.as_deref(), &arguments.method, &url)?;
        let text = format!(
            "Authorization: DPoP {}\nDPoP: {}",
            signed.token, signed.proof
        );
        return Ok(Outcome::done(&signed, text));
    }
    let signed = client.sign_jwt(&agent, arguments.aud.as_deref(), names.as_deref())?;
    let text = signed.token.clone();
    Ok(Outcome::done(&signed, text))
}
