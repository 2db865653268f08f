//! `texts.json`: what people and clients call things.

use procura_service::agent_auth::consent;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::memory;
use crate::reader::{Corpus, Pieces};
use crate::server::{Target, assert_form};
use crate::support::http::Answer;

#[derive(Deserialize)]
struct Case {
    name: String,
    kind: String,
    text: Pieces,
    cleaned: Option<String>,
    verdict: String,
}

// AA-8.10-03
#[tokio::test]
async fn hostile_texts_name_nothing_and_hostile_names_are_kept_harmless() {
    let _turn = memory::turn().await;
    let file = include_str!("../../../../vectors/agent-auth/hostile/texts.json");
    let target = Target::start().await;
    for case in Corpus::<Case>::read(file).unwrap().into_all() {
        let text = String::from_utf8(case.text.bytes()).unwrap();
        if case.kind == "user_code" {
            // A good code finds nothing either, since nobody was given it.
            let finding = consent::find_by_code(&target.bank.ctx, &text);
            assert!(memory::bounded(&case.name, finding).await.is_err());
            continue;
        }
        let answer = memory::bounded(&case.name, target.use_text(&case.kind, &text)).await;
        if let Some(cleaned) = case.cleaned {
            assert_eq!(answer.status, 200, "{}: {answer:?}", case.name);
            assert_eq!(answer.body["name"], Value::from(cleaned), "{}", case.name);
        } else if case.verdict == "refused" {
            let is_refused = matches!(answer.status, 400 | 404);
            assert!(is_refused, "{}: {answer:?}", case.name);
            assert_form(&answer, &case.name);
        }
    }
}

impl Target {
    async fn use_text(&self, kind: &str, text: &str) -> Answer {
        let Self { bank, host, agent } = self;
        match kind {
            "name" => bank.register(host, &json!({ "name": text })).await.1,
            "capability_name" => bank.execute(agent, text, json!({})).await,
            "agent_id" => {
                let body = json!({ "agent_id": text });
                let token = host.token(bank);
                bank.post("/agent/reactivate", Some(&token), &body).await
            }
            other => panic!("{other} is no kind of text"),
        }
    }
}
