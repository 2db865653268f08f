//! Calls that finish later: `202` from `POST /capability/execute`, then `GET /capability/status/…` (§5.11).

use std::sync::{Arc, Mutex};

use procura_adapters::{Backend, BackendError, Call, Reply, async_trait};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::support::http::Answer;
use crate::support::signers::TestAgent;
use crate::support::{Bank, Setup, offered, with_issuer};

type Outcome = Result<Value, BackendError>;

/// Starts jobs that end when, and as, the test says.
#[derive(Default)]
struct Jobs {
    running: Mutex<Vec<oneshot::Sender<Outcome>>>,
}

#[async_trait]
impl Backend for Jobs {
    async fn call(&self, _: Call<'_>) -> Result<Reply, BackendError> {
        let (sender, ended) = oneshot::channel();
        self.running.lock().unwrap().push(sender);
        let gone = || Err(BackendError::Failed("nobody ended it".to_owned()));
        Ok(Reply::Job(Box::pin(async move {
            ended.await.unwrap_or_else(|_| gone())
        })))
    }
}

impl Jobs {
    fn end(&self, outcome: Outcome) {
        self.running
            .lock()
            .unwrap()
            .remove(0)
            .send(outcome)
            .unwrap();
    }
}

/// A bank with a capability that starts jobs, and an agent that has started one.
async fn started() -> (Bank, Arc<Jobs>, TestAgent, Answer) {
    let jobs = Arc::new(Jobs::default());
    let offers = vec![offered("work", Arc::clone(&jobs) as Arc<dyn Backend>)];
    let config = with_issuer("https://bank.example");
    let bank = Setup {
        config,
        offered: offers,
        ..Setup::default()
    }
    .start()
    .await;
    let (_, agent) = bank.approved_agent(json!(["work"])).await;
    let answer = bank.execute(&agent, "work", json!({})).await;
    (bank, jobs, agent, answer)
}

async fn ask(bank: &Bank, agent: &TestAgent, started: &Answer) -> Answer {
    ask_by(bank, &agent.token(bank, &bank.execute_url()), started).await
}

async fn ask_by(bank: &Bank, token: &str, started: &Answer) -> Answer {
    let path = started
        .text_of("status_url")
        .strip_prefix(&bank.issuer)
        .unwrap();
    bank.get(path, Some(token)).await
}

/// Asks until the job is over. Its end is written down by a task of its own.
async fn ended(bank: &Bank, agent: &TestAgent, started: &Answer) -> Answer {
    for _ in 0..1000 {
        let answer = ask(bank, agent, started).await;
        if answer.body["status"] != "pending" {
            return answer;
        }
    }
    panic!("the job does not end")
}

// AA-2.15-08, AA-2.15-10, AA-5.11-07, AA-5.11-13
#[tokio::test]
async fn a_call_that_takes_longer_says_where_to_ask() {
    let (bank, _jobs, agent, answer) = started().await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.members(), ["status", "status_url"]);
    assert_eq!(answer.body["status"], "pending");
    assert!(
        answer
            .text_of("status_url")
            .starts_with("https://bank.example/")
    );
    assert_eq!(answer.header("retry-after"), Some("1"));
    let asked = ask(&bank, &agent, &answer).await;
    assert_eq!((asked.status, &asked.body), (200, &answer.body));
}

// AA-2.15-09, AA-5.11-08, AA-5.11-13
#[tokio::test]
async fn a_completed_job_shows_its_result_as_often_as_it_is_asked_for() {
    let (bank, jobs, agent, answer) = started().await;
    jobs.end(Ok(json!({ "lines": 12 })));
    let expected = json!({ "status": "completed", "result": { "lines": 12 } });
    for _ in 0..2 {
        let ended = ended(&bank, &agent, &answer).await;
        assert_eq!((ended.status, &ended.body), (200, &expected));
    }
    let finished = &bank.records_of("capability.finished").await[0];
    assert_eq!(finished["outcome"], "ok");
}

// AA-2.15-09, AA-5.11-09
#[tokio::test]
async fn a_failed_job_shows_an_error_that_tells_nothing() {
    let (bank, jobs, agent, answer) = started().await;
    jobs.end(Err(BackendError::Failed(
        "the vault at 10.0.0.7 is shut".to_owned(),
    )));
    let ended = ended(&bank, &agent, &answer).await;
    assert_eq!(
        (ended.status, &ended.body["status"]),
        (200, &json!("failed"))
    );
    assert_eq!(ended.members(), ["error", "status"]);
    assert_eq!(ended.body["error"]["error"], "internal_error");
    assert!(ended.body["error"]["message"].is_string());
    assert!(!ended.text.contains("vault"), "{}", ended.text);
    let finished = &bank.records_of("capability.finished").await[0];
    assert_eq!(finished["outcome"], "internal_error");
}

// AA-5.11-12
#[tokio::test]
async fn only_the_agent_that_started_it_may_ask() {
    let (bank, _jobs, agent, answer) = started().await;
    let (host, stranger) = bank.approved_agent(json!(["work"])).await;
    let sibling = bank.approved_agent_of(&host, json!(["work"])).await;
    for other in [&stranger, &sibling] {
        assert_eq!(
            ask(&bank, other, &answer).await.refusal(),
            (403, "unauthorized")
        );
    }
    let nobody = bank.get("/capability/status/job_x", None).await;
    assert_eq!(nobody.refusal(), (401, "invalid_jwt"));
    let token = agent.token(&bank, &bank.issuer);
    let unknown = bank.get("/capability/status/job_x", Some(&token)).await;
    assert_eq!(unknown.refusal(), (404, "job_not_found"));
}

// AA-5.11-16
#[tokio::test]
async fn an_agent_that_was_revoked_meanwhile_is_not_told() {
    let (bank, jobs, agent, answer) = started().await;
    let id = agent.id.clone();
    bank.administer(procura_service::admin::AdminRequest::RevokeAgent { agent_id: id })
        .await;
    jobs.end(Ok(json!(1)));
    assert_eq!(
        ask(&bank, &agent, &answer).await.refusal(),
        (403, "agent_revoked")
    );
}

// AA-5.11-12, AA-4.6-01
#[tokio::test]
async fn each_question_takes_a_token_of_its_own_for_one_of_three_places() {
    let (bank, _jobs, agent, answer) = started().await;
    let url = answer.text_of("status_url").to_owned();
    for audience in [bank.execute_url(), bank.issuer.clone(), url] {
        let token = agent.token(&bank, &audience);
        assert_eq!(
            ask_by(&bank, &token, &answer).await.status,
            200,
            "{audience}"
        );
        let again = ask_by(&bank, &token, &answer).await;
        assert_eq!(again.refusal(), (401, "invalid_jwt"));
    }
    let other = agent.token(&bank, "https://bank.example/capability/status/job_other");
    assert_eq!(
        ask_by(&bank, &other, &answer).await.refusal(),
        (401, "invalid_jwt")
    );
}

#[tokio::test]
async fn a_job_that_ran_at_a_restart_is_interrupted_for_good() {
    let (bank, jobs, agent, answer) = started().await;
    let after = bank.restarted().await;
    let interrupted = ask(&after, &agent, &answer).await;
    assert_eq!(interrupted.status, 200);
    assert_eq!(interrupted.members(), ["error", "status"]);
    assert_eq!(interrupted.body["status"], "failed");
    assert_eq!(interrupted.body["error"]["error"], "job_interrupted");
    let finished = &after.records_of("capability.finished").await;
    assert_eq!(finished.len(), 1);
    assert_eq!(finished[0]["outcome"], "job_interrupted");
    assert_eq!(finished[0]["capability"], "work");
    assert_eq!(finished[0]["agent_id"], agent.id);

    // Whoever was told that nobody knows has drawn conclusions from it.
    jobs.end(Ok(json!(1)));
    while after.records_of("capability.finished").await.len() < 2 {
        tokio::task::yield_now().await;
    }
    let still = ask(&after, &agent, &answer).await;
    assert_eq!(still.body, interrupted.body);
}

#[tokio::test]
async fn what_a_job_came_to_is_known_after_a_restart() {
    let (bank, jobs, agent, answer) = started().await;
    jobs.end(Ok(json!({ "lines": 12 })));
    let before = ended(&bank, &agent, &answer).await;
    let after = bank.restarted().await;
    assert_eq!(ask(&after, &agent, &answer).await.body, before.body);
}

/// What operators are told holds for those who ask.
const MANUAL: &str = include_str!("../../../../docs/configuration.md");

// AA-5.11-15
#[tokio::test]
async fn the_manual_says_how_a_status_url_is_authenticated() {
    let about = MANUAL
        .split("\n\n")
        .find(|paragraph| paragraph.starts_with("A `status_url`") && paragraph.contains("`jti`"));
    let about = about.unwrap();
    assert!(about.contains("of the agent that started the job"));
    let (bank, _jobs, agent, answer) = started().await;
    let url = answer.text_of("status_url").to_owned();
    for audience in [url.as_str(), &bank.issuer] {
        assert!(about.contains("`aud`"));
        let token = agent.token(&bank, audience);
        assert_eq!(ask_by(&bank, &token, &answer).await.status, 200);
        let again = ask_by(&bank, &token, &answer).await;
        assert_eq!(again.refusal(), (401, "invalid_jwt"));
    }
}
