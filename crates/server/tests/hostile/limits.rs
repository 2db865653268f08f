//! `constraints.json`: limits that are asked for, and calls against limits that were granted.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::memory;
use crate::reader::Corpus;
use crate::server::{Target, hold};
use crate::support::http::Answer;
use crate::support::signers::TestHost;

#[derive(Deserialize)]
struct Case {
    name: String,
    constraints: String,
    arguments: Option<String>,
    verdict: String,
}

// AA-2.13-05, AA-5.11-05
#[tokio::test]
async fn no_hostile_limit_is_granted_and_no_hostile_argument_passes_one() {
    let _turn = memory::turn().await;
    let file = include_str!("../../../../vectors/agent-auth/hostile/constraints.json");
    let target = Target::start().await;
    for case in Corpus::<Case>::read(file).unwrap().into_all() {
        let answering = async {
            match &case.arguments {
                None => target.propose(&case.constraints).await,
                Some(arguments) => target.call_under(&case.constraints, arguments).await,
            }
        };
        let answer = memory::bounded(&case.name, answering).await;
        hold(&answer, &case.verdict, &case.name);
    }
}

impl Target {
    /// Registers an agent that asks for `echo` under these limits.
    async fn propose(&self, limits: &str) -> Answer {
        let host = TestHost::new();
        let token = host.registration_token(&self.bank, &host.new_agent());
        let body =
            format!(r#"{{"name":"A","capabilities":[{{"name":"echo","constraints":{limits}}}]}}"#);
        self.bank
            .post_bytes("/agent/register", Some(&token), body.into_bytes())
            .await
    }

    /// Calls `echo` as an agent that has it under these limits.
    async fn call_under(&self, limits: &str, arguments: &str) -> Answer {
        let host = TestHost::new();
        let limits: Value = serde_json::from_str(limits).unwrap();
        let wanted = json!({ "name": "echo", "constraints": limits });
        let body = json!({ "name": "A", "mode": "autonomous", "capabilities": [wanted] });
        let (agent, answer) = self.bank.register(&host, &body).await;
        assert_eq!(answer.body["status"], "active", "{answer:?}");
        let token = agent.token(&self.bank, &self.bank.execute_url());
        let body = format!(r#"{{"capability":"echo","arguments":{arguments}}}"#);
        self.bank
            .post_bytes("/capability/execute", Some(&token), body.into_bytes())
            .await
    }
}
