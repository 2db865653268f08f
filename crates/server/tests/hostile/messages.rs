//! `bodies.json`: each body with a token that is good for where it goes.

use serde::Deserialize;

use crate::memory;
use crate::reader::{Corpus, Pieces};
use crate::server::{Target, hold};

#[derive(Deserialize)]
struct Case {
    name: String,
    path: String,
    content_types: Option<Vec<String>>,
    body: Pieces,
    status: u16,
    verdict: String,
}

// AA-5.13-01, AA-5.13-05
#[tokio::test]
async fn no_hostile_body_is_accepted() {
    let _turn = memory::turn().await;
    let file = include_str!("../../../../vectors/agent-auth/hostile/bodies.json");
    let target = Target::start().await;
    for case in Corpus::<Case>::read(file).unwrap().into_all() {
        let json = || vec!["application/json".to_owned()];
        let types = case.content_types.unwrap_or_else(json);
        let mut headers: Vec<_> = types
            .into_iter()
            .map(|value| ("content-type", value))
            .collect();
        if let Some(token) = target.token_for(&case.path) {
            headers.push(("authorization", format!("Bearer {token}")));
        }
        let body = Some(case.body.bytes());
        let sending = target.bank.raw("POST", &case.path, &headers, body);
        let answer = memory::bounded(&case.name, sending).await;
        assert_eq!(answer.status, case.status, "{}: {answer:?}", case.name);
        hold(&answer, &case.verdict, &case.name);
    }
}

impl Target {
    /// A token that is good for this operation.
    fn token_for(&self, path: &str) -> Option<String> {
        let Self { bank, host, agent } = self;
        match path {
            "/agent/introspect" => None,
            "/agent/register" => Some(host.registration_token(bank, &host.new_agent())),
            "/agent/request-capability" => Some(agent.token(bank, &bank.issuer)),
            "/capability/execute" | "/capability/batch-execute" => {
                Some(agent.token(bank, &bank.execute_url()))
            }
            _ => Some(host.token(bank)),
        }
    }
}
