//! Results in pieces: server-sent events from `POST /capability/execute` (§5.11).

use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use futures_util::stream;
use procura_adapters::{Backend, BackendError, Call, Reply, async_trait};
use procura_service::admin::AdminRequest;
use serde_json::{Value, json};

use crate::support::http::Answer;
use crate::support::signers::TestAgent;
use crate::support::{BANK, Bank, Setup, extended, offered};

/// Streams these pieces, and then ends or stays silent.
struct Pieces {
    pieces: Mutex<Vec<Result<Value, BackendError>>>,
    ends: bool,
}

#[async_trait]
impl Backend for Pieces {
    async fn call(&self, _: Call<'_>) -> Result<Reply, BackendError> {
        let pieces = stream::iter(self.pieces.lock().unwrap().clone());
        Ok(Reply::Stream(if self.ends {
            pieces.boxed()
        } else {
            pieces.chain(stream::pending()).boxed()
        }))
    }
}

async fn bank(pieces: Vec<Result<Value, BackendError>>, ends: bool) -> (Bank, TestAgent) {
    bank_with(BANK, pieces, ends).await
}

async fn bank_with(
    config: &str,
    pieces: Vec<Result<Value, BackendError>>,
    ends: bool,
) -> (Bank, TestAgent) {
    let backend = Pieces {
        pieces: Mutex::new(pieces),
        ends,
    };
    let offers = vec![offered("watch", Arc::new(backend))];
    let bank = Setup {
        config: config.to_owned(),
        offered: offers,
        ..Setup::default()
    }
    .start()
    .await;
    let (_, agent) = bank.approved_agent(json!(["watch"])).await;
    (bank, agent)
}

/// The events of an answer: their kinds and data.
fn events(answer: &Answer) -> Vec<(String, Value)> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let blocks = answer.text.split("\n\n").filter(|block| !block.is_empty());
    let field = |block: &str, name: &str| {
        let mut lines = block.lines().filter_map(|line| line.strip_prefix(name));
        lines.next().unwrap_or_default().trim().to_owned()
    };
    let event = |block| {
        let data = field(block, "data:");
        (field(block, "event:"), serde_json::from_str(&data).unwrap())
    };
    blocks.map(event).collect()
}

fn data(value: Value) -> (String, Value) {
    ("data".to_owned(), value)
}

// AA-5.11-17, AA-5.11-18, AA-5.11-20, AA-2.15-07
#[tokio::test]
async fn the_pieces_come_in_order_and_the_end_is_announced() {
    let pieces = vec![
        Ok(json!({ "balance": 1 })),
        Ok(json!("two\nlines")),
        Ok(json!(null)),
    ];
    let (bank, agent) = bank(pieces, true).await;
    let answer = bank.execute(&agent, "watch", json!({})).await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let expected = [
        data(json!({ "balance": 1 })),
        data(json!("two\nlines")),
        data(json!(null)),
        ("done".to_owned(), json!({})),
    ];
    assert_eq!(events(&answer), expected);
    assert_eq!(
        bank.records_of("capability.finished").await[0]["outcome"],
        "ok"
    );
}

// AA-5.11-19
#[tokio::test]
async fn a_stream_that_fails_ends_with_an_error_that_tells_nothing() {
    let failure = BackendError::Failed("the vault at 10.0.0.7 is shut".to_owned());
    let (bank, agent) = bank(vec![Ok(json!(1)), Err(failure), Ok(json!(2))], true).await;
    let answer = bank.execute(&agent, "watch", json!({})).await;
    let events = events(&answer);
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(events[1].0, "error");
    assert_eq!(events[1].1["error"], "internal_error");
    assert!(events[1].1["message"].is_string());
    assert!(!answer.text.contains("vault"), "{}", answer.text);
    assert_eq!(
        bank.records_of("capability.finished").await[0]["outcome"],
        "internal_error"
    );
}

// AA-5.11-27, AA-4.5-14
#[tokio::test]
async fn a_stream_is_cut_when_its_agent_is_revoked() {
    let (bank, agent) = bank(vec![Ok(json!(1))], false).await;
    let id = agent.id.clone();
    let open = bank.execute(&agent, "watch", json!({}));
    let revoke = async {
        // The stream has begun once its call is in the log.
        while bank.records_of("capability.started").await.is_empty() {
            tokio::task::yield_now().await;
        }
        bank.administer(AdminRequest::RevokeAgent { agent_id: id })
            .await;
    };
    let (answer, ()) = tokio::join!(open, revoke);
    let events = events(&answer);
    assert_eq!(events[0], data(json!(1)));
    let (kind, last) = events.last().unwrap();
    assert_eq!(
        (kind.as_str(), &last["error"]),
        ("error", &json!("agent_revoked"))
    );
}

#[tokio::test]
async fn a_stream_ends_with_an_event_when_the_server_stops() {
    let (bank, agent) = bank(vec![Ok(json!(1))], false).await;
    let open = bank.execute(&agent, "watch", json!({}));
    let stop = async {
        while bank.records_of("capability.started").await.is_empty() {
            tokio::task::yield_now().await;
        }
        bank.ctx.stopping().leave();
        bank.ctx.stopping().end_streams();
    };
    let (answer, ()) = tokio::join!(open, stop);
    let events = events(&answer);
    assert_eq!(events[0], data(json!(1)));
    let (kind, last) = events.last().unwrap();
    assert_eq!(
        (kind.as_str(), &last["error"]),
        ("error", &json!("server_stopping"))
    );
    let finished = &bank.records_of("capability.finished").await[0];
    assert_eq!(finished["outcome"], "server_stopping");
}

// AA-5.11-26
#[tokio::test]
async fn a_stream_ends_when_it_has_run_for_as_long_as_streams_may() {
    let config = extended("[streams]\nmax_duration = \"1s\"");
    let (bank, agent) = bank_with(&config, vec![Ok(json!(1))], false).await;
    let answer = bank.execute(&agent, "watch", json!({})).await;
    let events = events(&answer);
    assert_eq!(events[0], data(json!(1)));
    let (kind, last) = events.last().unwrap();
    assert_eq!(
        (kind.as_str(), &last["error"]),
        ("error", &json!("stream_too_long"))
    );
}

// AA-5.11-25
#[tokio::test]
async fn whoever_may_not_call_gets_no_stream() {
    let (bank, agent) = bank(vec![Ok(json!(1))], true).await;
    let here = bank.execute_url();
    let answer = bank
        .execute_by(&agent.token_for(&bank, &here, &[]), "watch", json!({}))
        .await;
    assert_eq!(answer.refusal(), (403, "capability_not_granted"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let token = agent.token(&bank, &here);
    assert_eq!(
        bank.execute_by(&token, "watch", json!({})).await.status,
        200
    );
    let again = bank.execute_by(&token, "watch", json!({})).await;
    assert_eq!(again.refusal(), (401, "invalid_jwt"));
}
