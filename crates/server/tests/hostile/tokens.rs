//! `tokens.json`: each token at the endpoint it is for; an agent's at introspection as well.

use http::HeaderValue;
use serde::Deserialize;
use serde_json::json;

use crate::memory;
use crate::reader::Corpus;
use crate::server::{Target, hold};

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(flatten)]
    call: Call,
    token: String,
    verdict: String,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Call {
    Agent,
    Host { operation: Operation },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Register,
    Status,
}

// AA-4.5-01, AA-4.5-02, AA-4.5-07, AA-4.5-08, AA-4.5.1-02, AA-5.13-06
#[tokio::test]
async fn no_hostile_token_is_accepted() {
    let _turn = memory::turn().await;
    let file = include_str!("../../../../vectors/agent-auth/hostile/tokens.json");
    let target = Target::start().await;
    for case in Corpus::<Case>::read(file).unwrap().into_all() {
        // What no header can hold is for introspection alone, which takes tokens in a body.
        if HeaderValue::from_str(&format!("Bearer {}", case.token)).is_ok() {
            let answer = memory::bounded(&case.name, target.call(&case)).await;
            hold(&answer, &case.verdict, &case.name);
        }
        if matches!(case.call, Call::Agent) && case.verdict != "accepted" {
            let asking = target.bank.introspect(&case.token);
            let answer = memory::bounded(&case.name, asking).await;
            assert_eq!(answer.body, json!({ "active": false }), "{}", case.name);
        }
    }
}

impl Target {
    async fn call(&self, case: &Case) -> crate::support::http::Answer {
        let token = Some(case.token.as_str());
        let (path, body) = match case.call {
            Call::Agent => ("/capability/execute", json!({ "capability": "echo" })),
            Call::Host {
                operation: Operation::Register,
            } => ("/agent/register", json!({ "name": "Agent" })),
            Call::Host {
                operation: Operation::Status,
            } => {
                let path = format!("/agent/status?agent_id={}", self.agent.id);
                return self.bank.get(&path, token).await;
            }
        };
        self.bank.post(path, token, &body).await
    }
}
