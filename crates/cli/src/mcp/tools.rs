//! The tools themselves: each reads its arguments, makes one call of the client, and shapes the answer.

use std::time::Duration;

use procura_agent_auth::agent::Mode;
use procura_client::{CapabilityAsk, ClientError, Connect, Connected, Executed, SignedJwt};
use rmcp::ErrorData;
use rmcp::model::{CallToolResponse, CallToolResult};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::answer;
use super::approval::{open, settle, wait};
use super::arguments::{
    ConnectAgent, Describe, Discover, Execute, ListCapabilities, Nothing, OneAgent,
    RequestCapability, Search, SignJwt, Status, read,
};
use super::asking::{Said, Session};
use super::capability_tools;
use super::failure;
use crate::error::CommandError;

/// Runs a tool. Only a name nobody knows is an error of the protocol; everything else the model has to see.
pub(super) async fn call(
    session: &Session<'_>,
    name: &str,
    arguments: Map<String, Value>,
) -> Result<CallToolResponse, ErrorData> {
    let done = match name {
        "list_providers" => list_providers(session, arguments),
        "search_providers" => search_providers(session, arguments).await,
        "discover_provider" => discover_provider(session, arguments).await,
        "list_agents" => list_agents(session, arguments),
        "list_capabilities" => list_capabilities(session, arguments).await,
        "describe_capability" => describe_capability(session, arguments).await,
        "connect_agent" => connect_agent(session, arguments).await,
        "request_capability" => request_capability(session, arguments).await,
        "agent_status" => agent_status(session, arguments).await,
        "execute_capability" => execute_capability(session, arguments).await,
        "sign_jwt" => sign_jwt(session, arguments),
        "reactivate_agent" => reactivate_agent(session, arguments).await,
        "disconnect_agent" => disconnect_agent(session, arguments).await,
        other => {
            let Some((agent, capability)) = capability_tool(session, other)? else {
                let message = format!("there is no tool named {other:?}");
                return Err(ErrorData::invalid_params(message, None));
            };
            execute(session, &agent, &capability, Some(arguments)).await
        }
    };
    Ok(match done {
        Ok(result) => result.into(),
        Err(Stop::Failed(error)) => failure::result(&error).into(),
        Err(Stop::Answered(response)) => *response,
    })
}

/// Why a tool ends before its own result.
enum Stop {
    Failed(CommandError),
    Answered(Box<CallToolResponse>),
}

type Done = Result<CallToolResult, Stop>;

fn list_providers(session: &Session<'_>, arguments: Map<String, Value>) -> Done {
    let Nothing {} = read(arguments)?;
    let known = session.server.client.providers()?;
    let listed: Vec<_> = known.iter().map(answer::provider).collect();
    Ok(done(json!({ "providers": listed })))
}

async fn search_providers(session: &Session<'_>, arguments: Map<String, Value>) -> Done {
    let Search { intent } = read(arguments)?;
    let found = session
        .server
        .client
        .search_providers(&intent, None)
        .await?;
    let listed: Vec<_> = found.providers.iter().map(answer::provider).collect();
    let mut value = json!({ "providers": listed });
    if !found.refused.is_empty() {
        value["refused"] = json!(found.refused);
        value["warning"] = json!(
            "The directory lists services that do not confirm it. They were refused; tell the person."
        );
    }
    Ok(done(value))
}

fn list_agents(session: &Session<'_>, arguments: Map<String, Value>) -> Done {
    let Nothing {} = read(arguments)?;
    let connections = session.server.client.profile().connections();
    let connections = connections.map_err(ClientError::from)?;
    let listed: Vec<_> = connections.iter().map(answer::connection).collect();
    Ok(done(json!({ "agents": listed })))
}

async fn discover_provider(session: &Session<'_>, arguments: Map<String, Value>) -> Done {
    let url = read::<Discover>(arguments)?.url()?;
    permit(session, &url).await?;
    let provider = session.server.client.discover(&url).await?;
    Ok(done(answer::provider(&provider)))
}

async fn list_capabilities(session: &Session<'_>, arguments: Map<String, Value>) -> Done {
    let ListCapabilities {
        provider,
        query,
        agent_id,
        cursor,
    } = read(arguments)?;
    let provider = provider_meant(session, provider, agent_id.as_deref())?;
    permit(session, &provider).await?;
    let page = session.server.client.capability_page(
        &provider,
        query.as_deref(),
        agent_id.as_deref(),
        cursor.as_deref(),
    );
    Ok(done(json!(page.await?)))
}

async fn describe_capability(session: &Session<'_>, arguments: Map<String, Value>) -> Done {
    let Describe {
        provider,
        name,
        agent_id,
    } = read(arguments)?;
    let provider = provider_meant(session, provider, agent_id.as_deref())?;
    permit(session, &provider).await?;
    let client = &session.server.client;
    let described = client
        .describe(&provider, &name, agent_id.as_deref())
        .await?;
    Ok(done(json!(described)))
}

async fn connect_agent(session: &Session<'_>, arguments: Map<String, Value>) -> Done {
    let asked: ConnectAgent = read(arguments)?;
    if let Some(pending) = session
        .resumed()
        .and_then(|it| open(&session.server.client, it))
    {
        return settle(session, &pending).await.map_err(Stop::answered);
    }
    permit(session, &asked.provider).await?;
    let hints = asked.hints();
    let name = asked.name.or_else(|| session.client_name());
    let request = Connect {
        capabilities: asked.capabilities,
        mode: asked.mode.unwrap_or(Mode::Delegated),
        hints,
        ..Connect::new(name.unwrap_or_else(|| "AI agent".to_owned()))
    };
    let connected = session
        .server
        .client
        .connect(&asked.provider, request)
        .await?;
    decided(session, connected).await
}

async fn request_capability(session: &Session<'_>, arguments: Map<String, Value>) -> Done {
    let asked: RequestCapability = read(arguments)?;
    let client = &session.server.client;
    if let Some(pending) = session.resumed().and_then(|it| open(client, it)) {
        return settle(session, &pending).await.map_err(Stop::answered);
    }
    if asked.capabilities.is_empty() {
        let message = "capabilities has to name what to ask for".to_owned();
        return Err(Stop::Failed(CommandError::Usage(message)));
    }
    let ask = CapabilityAsk {
        hints: asked.hints(),
        capabilities: asked.capabilities,
    };
    let connected = client.request_capability(&asked.agent_id, ask).await?;
    decided(session, connected).await
}

async fn reactivate_agent(session: &Session<'_>, arguments: Map<String, Value>) -> Done {
    let OneAgent { agent_id } = read(arguments)?;
    let client = &session.server.client;
    if let Some(pending) = session.resumed().and_then(|it| open(client, it)) {
        return settle(session, &pending).await.map_err(Stop::answered);
    }
    let connected = client.reactivate(&agent_id).await?;
    decided(session, connected).await
}

async fn agent_status(session: &Session<'_>, arguments: Map<String, Value>) -> Done {
    let Status {
        agent_id,
        wait_seconds,
    } = read(arguments)?;
    let client = &session.server.client;
    let standing = client.status(&agent_id).await?;
    session.tools_changed().await;
    let Some(pending) = open(client, &agent_id) else {
        return Ok(done(answer::standing(&standing)));
    };
    if wait_seconds > 0 {
        let limit = Duration::from_secs(wait_seconds.min(MAX_WAIT));
        return Ok(wait(session, &pending, limit).await);
    }
    let mut value = answer::standing(&standing);
    let waits = answer::pending(&pending);
    value["approval"] = waits["approval"].clone();
    value["next"] = waits["next"].clone();
    Ok(done(value))
}

async fn disconnect_agent(session: &Session<'_>, arguments: Map<String, Value>) -> Done {
    let OneAgent { agent_id } = read(arguments)?;
    let ended = session.server.client.disconnect(&agent_id).await?;
    session.tools_changed().await;
    Ok(done(
        json!({ "agent_id": ended.agent_id, "status": "revoked" }),
    ))
}

fn sign_jwt(session: &Session<'_>, arguments: Map<String, Value>) -> Done {
    let SignJwt {
        agent_id,
        aud,
        capabilities,
    } = read(arguments)?;
    let client = &session.server.client;
    let signed = client.sign_jwt(&agent_id, aud.as_deref(), capabilities.as_deref());
    let SignedJwt { token, expires_in } = signed?;
    Ok(done(json!({ "token": token, "expires_in": expires_in })))
}

async fn execute_capability(session: &Session<'_>, arguments: Map<String, Value>) -> Done {
    let Execute {
        agent_id,
        capability,
        arguments,
    } = read(arguments)?;
    execute(session, &agent_id, &capability, arguments).await
}

/// Executes, and reports the chunks of a stream as they come.
async fn execute(
    session: &Session<'_>,
    agent: &str,
    capability: &str,
    arguments: Option<Map<String, Value>>,
) -> Done {
    let (heard, mut chunks) = mpsc::unbounded_channel();
    let mut listener = move |chunk: &Value| {
        // Nobody listens after the call is over.
        let _ = heard.send(chunk.to_string());
    };
    let client = &session.server.client;
    let execution = client.execute_streaming(agent, capability, arguments, &mut listener);
    tokio::pin!(execution);
    let mut count = 0;
    let executed = loop {
        tokio::select! {
            biased;
            Some(chunk) = chunks.recv() => {
                count += 1;
                session.progress(count, chunk).await;
            }
            executed = &mut execution => break executed?,
            // What was begun is dropped, which ends the connection, and the service stops, too.
            () = session.called_off() => {
                return Err(CommandError::Mcp("the call was called off".to_owned()).into());
            }
        }
    };
    Ok(done(match executed {
        Executed::Result(value) => json!({ "data": value }),
        stream @ Executed::Stream { .. } => json!({ "chunks": stream.into_value() }),
    }))
}

/// What an agent's own tool stands for, if there is one of this name.
fn capability_tool(
    session: &Session<'_>,
    name: &str,
) -> Result<Option<(String, String)>, ErrorData> {
    if !session.server.capability_tools {
        return Ok(None);
    }
    let connections = session.server.client.profile().connections();
    let connections =
        connections.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    let mut tools = capability_tools::of(&connections).into_iter();
    let found = tools.find(|it| it.tool.name == name);
    Ok(found.map(|it| (it.agent_id, it.capability)))
}

async fn decided(session: &Session<'_>, connected: Connected) -> Done {
    match connected {
        Connected::Active(standing) => {
            session.tools_changed().await;
            Ok(done(answer::standing(&standing)))
        }
        Connected::Pending(pending) => settle(session, &pending).await.map_err(Stop::answered),
    }
}

/// The provider that is meant: the one named, the agent's, or the only one there is.
fn provider_meant(
    session: &Session<'_>,
    provider: Option<String>,
    agent: Option<&str>,
) -> Result<String, Stop> {
    let client = &session.server.client;
    if let Some(provider) = provider {
        return Ok(provider);
    }
    if let Some(agent) = agent {
        return Ok(client.profile().connection(agent)?.issuer);
    }
    let known = client.providers()?;
    match known.as_slice() {
        [only] => Ok(only.issuer().to_owned()),
        several => {
            let names: Vec<_> = several.iter().map(procura_client::Provider::name).collect();
            let message = format!(
                "say which provider is meant; known are: {}",
                names.join(", ")
            );
            Err(Stop::Failed(CommandError::Usage(message)))
        }
    }
}

/// Lets the call go on if the provider may be contacted, after asking the person where that can be done.
async fn permit(session: &Session<'_>, provider: &str) -> Result<(), Stop> {
    let server = session.server;
    if server.access.permits(provider, &server.client) {
        return Ok(());
    }
    let question = format!("Let the agent contact {provider}? It has not been contacted before.");
    match session.confirm(question).await.map_err(Stop::answered)? {
        Said::Yes => Ok(()),
        Said::No => Err(Stop::answered(
            failure::refused(
                "not_permitted",
                "The person does not want this service to be contacted.",
                "Accept the decision. list_providers shows the services you may use.",
            )
            .into(),
        )),
        Said::CannotBeAsked => Err(Stop::answered(
            failure::refused(
                "not_permitted",
                "A person has to permit each new service, and cannot be asked here.",
                "Ask the person to run 'procura discover URL' in a terminal, or to start this server with \
                 --allow URL. list_providers shows the services you may use now.",
            )
            .into(),
        )),
    }
}

fn done(value: Value) -> CallToolResult {
    CallToolResult::structured(value)
}

impl Stop {
    fn answered(response: CallToolResponse) -> Self {
        Self::Answered(Box::new(response))
    }
}

impl<E: Into<CommandError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The longest wait within one call, in seconds: clients give up on calls that take much longer.
const MAX_WAIT: u64 = 300;
