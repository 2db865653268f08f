//! Requests in the form they are sent, signed before anything is timed.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::agents::{Agents, forged};
use crate::args::Args;
use crate::connection::{Connection, request};
use crate::mix::Kind;
use crate::server::Server;

pub(crate) struct Request {
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

/// The requests of one round. What they need to be there is made now: agents to be revoked, tokens to be replayed.
pub(crate) fn prepare(server: &Server, agents: &Agents, args: &Args) -> Result<Vec<Request>> {
    let kinds = args.mix.kinds(args.hostile, args.requests);
    // These take a request each, so they come before what grows old.
    let revoked = kinds.iter().filter(|kind| **kind == Kind::Revoke);
    let mut revoked = revoked
        .map(|_| agents.registered_one(server))
        .collect::<Result<Vec<_>>>()?;
    let mut used = Vec::new();
    if kinds.contains(&Kind::Replayed) {
        let mut connection = Connection::open(&server.address)?;
        for index in 0..agents.registered.len().min(50) {
            let token = agents.token(index, &execute_url(server))?;
            let answer = connection.send(execute(&token).as_bytes())?;
            ensure!(answer.status == 200, "a call failed: {}", answer.body());
            used.push(token);
        }
    }
    let mut requests = Vec::new();
    for (place, kind) in kinds.into_iter().enumerate() {
        let text = match kind {
            Kind::Revoke => match revoked.pop() {
                Some(agent) => {
                    let token = agents.host_token(&server.issuer, &agent)?;
                    let body = json!({ "agent_id": agent.id });
                    request("POST", "/agent/revoke", Some(&token), Some(&body))
                }
                None => continue,
            },
            Kind::Replayed => execute(&used[place % used.len()]),
            _ => text(kind, place % agents.registered.len(), server, agents)?,
        };
        requests.push(Request { kind, text });
    }
    Ok(requests)
}

fn text(kind: Kind, index: usize, server: &Server, agents: &Agents) -> Result<String> {
    let here = execute_url(server);
    Ok(match kind {
        Kind::Status => {
            let agent = &agents.registered[index];
            let token = agents.host_token(&server.issuer, agent)?;
            let path = format!("/agent/status?agent_id={}", agent.id);
            request("GET", &path, Some(&token), None)
        }
        Kind::Introspect => {
            let body = json!({ "token": agents.token(index, &server.issuer)? });
            request("POST", "/agent/introspect", None, Some(&body))
        }
        Kind::Register => {
            let agent = agents.unregistered()?;
            agents.registration(&server.issuer, &agent)?
        }
        Kind::Forged => execute(&forged(&agents.token(index, &here)?)?),
        Kind::Misdirected => execute(&agents.token(index, "https://elsewhere.example")?),
        Kind::Expired => execute(&agents.expired_token(index, &here)?),
        Kind::Execute | Kind::Replayed | Kind::Revoke => execute(&agents.token(index, &here)?),
    })
}

fn execute(token: &str) -> String {
    let body = json!({ "capability": "echo", "arguments": { "message": "hello", "count": 3 } });
    request("POST", "/capability/execute", Some(token), Some(&body))
}

fn execute_url(server: &Server) -> String {
    format!("{}/capability/execute", server.issuer)
}
