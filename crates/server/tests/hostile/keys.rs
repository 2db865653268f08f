//! `keys.json` and `key-sets.json`: keys that are presented, and keys that are published.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::memory;
use crate::reader::{Corpus, Pieces};
use crate::server::{Target, hold, seeded};

#[derive(Deserialize)]
struct Key {
    name: String,
    jwk: Value,
    verdict: String,
}

// AA-4.1-01
#[tokio::test]
async fn no_hostile_key_is_taken_for_an_agent() {
    let _turn = memory::turn().await;
    let file = include_str!("../../../../vectors/agent-auth/hostile/keys.json");
    for case in Corpus::<Key>::read(file).unwrap().into_all() {
        let target = Target::start().await;
        let Target { bank, host, agent } = &target;
        let token = host.token_with(bank, |claims| {
            claims["agent_public_key"] = case.jwk.clone();
        });
        let body = json!({ "name": "Agent" });
        let registering = bank.post("/agent/register", Some(&token), &body);
        let answer = memory::bounded(&case.name, registering).await;
        hold(&answer, &case.verdict, &case.name);

        let body = json!({ "agent_id": agent.id, "public_key": case.jwk });
        let token = host.token(bank);
        let rotating = bank.post("/agent/rotate-key", Some(&token), &body);
        let answer = memory::bounded(&case.name, rotating).await;
        match case.verdict.as_str() {
            // Registered under this key a moment ago, so that it is in use.
            "accepted" => hold(&answer, "invalid_request", &case.name),
            verdict => hold(&answer, verdict, &case.name),
        }
    }
}

#[derive(Deserialize)]
struct KeySet {
    name: String,
    #[serde(rename = "set")]
    document: Pieces,
    verdict: String,
}

// AA-8.12-07, AA-8.12-08, AA-8.12-09
#[tokio::test]
async fn no_token_verifies_through_a_hostile_key_set() {
    let _turn = memory::turn().await;
    let file = include_str!("../../../../vectors/agent-auth/hostile/key-sets.json");
    let url = "https://keys.example/jwks.json";
    for case in Corpus::<KeySet>::read(file).unwrap().into_all() {
        let target = Target::start().await;
        target
            .bank
            .publisher
            .publish_bytes(url, case.document.bytes());
        let key = seeded(3);
        let registering = target.register_published(url, &key);
        let answer = memory::bounded(&case.name, registering).await;
        let verdict = match case.verdict.as_str() {
            "accepted" => "accepted",
            _ => "invalid_jwt",
        };
        hold(&answer, verdict, &case.name);
    }
}
