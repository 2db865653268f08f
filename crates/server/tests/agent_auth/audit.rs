//! What every decision leaves in the audit log.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use procura_adapters::{Backend, BackendError, Call, Reply, async_trait};
use procura_service::admin::AdminRequest;
use procura_store::Store;
use procura_store::memory::MemoryStore;
use serde_json::{Value, json};

use crate::support::flows::{ALICE, wish};
use crate::support::signers::{TestHost, new_key, sign, tampered};
use crate::support::{BANK, Bank, Setup, changed, offered};

fn events(audit: &[(String, String)]) -> Vec<(&str, &str)> {
    audit
        .iter()
        .map(|(event, outcome)| (event.as_str(), outcome.as_str()))
        .collect()
}

#[tokio::test]
async fn an_agents_life_is_told_from_its_registration_to_its_end() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["echo"]))).await;
    bank.approve_all(&asked, ALICE).await;
    bank.execute(&agent, "echo", json!({})).await;
    bank.execute(&agent, "list_accounts", json!({})).await;
    let more = bank.request(&agent, json!(["list_accounts"])).await;
    bank.deny(&more, ALICE, "no").await;
    bank.request(&agent, json!(["fly"])).await;
    bank.status(&host, &agent).await;
    bank.revoke(&host, &agent).await;
    let expected = [
        ("host.registered", "pending"),
        ("agent.registered", "pending"),
        ("person.added", "ok"),
        ("host.linked", "ok"),
        ("approval.granted", "approved"),
        ("capability.started", "ok"),
        ("capability.finished", "ok"),
        ("capability.refused", "capability_not_granted"),
        ("capability.requested", "pending"),
        ("approval.denied", "denied"),
        ("request.refused", "invalid_capabilities"),
        ("agent.revoked", "ok"),
    ];
    assert_eq!(events(&bank.audit().await), expected);
}

#[tokio::test]
async fn a_record_says_who_did_what_to_whom_with_which_token() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let status = bank.status(&host, &agent).await.body;
    let token = agent.token_with(&bank, &bank.execute_url(), |claims| {
        claims["jti"] = json!("j-1");
    });
    bank.execute_by(&token, "echo", json!({ "a": 1 })).await;
    for event in ["capability.started", "capability.finished"] {
        let record = &bank.records_of(event).await[0];
        assert_eq!(record["actor"], format!("agent:{}", agent.id));
        assert_eq!(record["agent_id"], agent.id);
        assert_eq!(record["host_id"], status["host_id"]);
        assert_eq!(record["user_id"], status["user_id"]);
        assert_eq!(record["capability"], "echo");
        assert_eq!(record["jti"], "j-1");
        assert_eq!(record["at"], bank.now().as_millis());
    }
    let granted = &bank.records_of("approval.granted").await[0];
    assert_eq!(
        granted["actor"],
        format!("user:{}", status["user_id"].as_str().unwrap())
    );
    assert_eq!(granted["detail"]["granted"], json!(["echo"]));
    assert_eq!(granted["detail"]["proof"], "passkey");
}

// AA-2.10-03
#[tokio::test]
async fn linking_a_host_names_the_agents_it_claims() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let worker = bank.autonomous_agent_of(&host).await;
    let helper = bank.approved_agent_of(&host, json!([])).await;
    let linked = &bank.records_of("host.linked").await[0];
    assert_eq!(linked["detail"]["claimed_agents"], json!([worker.id]));
    assert_eq!(
        linked["user_id"],
        bank.status(&host, &helper).await.body["user_id"]
    );
}

#[tokio::test]
async fn a_lifetime_that_is_over_is_recorded_once() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    bank.clock.advance(Duration::from_hours(24 * 40));
    for _ in 0..3 {
        bank.execute(&agent, "echo", json!({})).await;
    }
    assert_eq!(bank.records_of("agent.lifetime_ended").await.len(), 1);
}

#[tokio::test]
async fn an_administrators_decisions_carry_the_administrators_name() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    bank.administrator_approves(&asked).await;
    bank.administer(AdminRequest::RevokeAgent {
        agent_id: agent.id.clone(),
    })
    .await;
    for event in ["approval.granted", "agent.revoked"] {
        assert_eq!(
            bank.records_of(event).await[0]["actor"],
            "administrator:root",
            "{event}"
        );
    }
}

#[tokio::test]
async fn whoever_is_refused_after_proving_their_key_is_recorded() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let (other, mut nobody) = bank.approved_agent(json!([])).await;
    nobody.id = "agt_1".to_owned();
    let before = bank.records().await.len();
    bank.status(&other, &agent).await;
    bank.revoke(&other, &agent).await;
    bank.status(&host, &nobody).await;
    bank.register(&host, &wish(json!(["fly"]))).await;
    bank.request(&agent, json!([])).await;
    bank.request(&agent, json!(["echo"])).await;
    bank.execute(&agent, "fly", json!({})).await;
    bank.execute(&agent, "\n", json!({})).await;
    let told: Vec<_> = bank.records().await.split_off(before);
    let brief = |record: &Value| {
        let of = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let operation = record["detail"]["operation"].as_str().unwrap_or("execute");
        format!("{} {operation} {}", of("event"), of("outcome"))
    };
    let expected = [
        "request.refused status unauthorized",
        "request.refused revoke unauthorized",
        "request.refused status agent_not_found",
        "request.refused register invalid_capabilities",
        "request.refused request_capability invalid_request",
        "request.refused request_capability already_granted",
        "capability.refused execute capability_not_found",
        "capability.refused execute invalid_request",
    ];
    assert_eq!(told.iter().map(brief).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_recorded_as_refused_too() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let before = bank.records().await.len();
    let here = agent.token(&bank, &bank.execute_url());
    let issuer = agent.token(&bank, &bank.issuer);
    let revoking = host.token(&bank);
    let registering = host.registration_token(&bank, &host.new_agent());
    let sent = [
        ("/capability/execute", here),
        ("/agent/request-capability", issuer),
        ("/agent/revoke", revoking),
        ("/agent/register", registering),
    ];
    for (path, token) in sent {
        let answer = bank.post_bytes(path, Some(&token), b"{".to_vec()).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{path}");
    }
    let told: Vec<_> = bank.audit().await.split_off(before);
    let refused = ("request.refused", "invalid_request");
    let expected = [
        ("capability.refused", "invalid_request"),
        refused,
        refused,
        refused,
    ];
    assert_eq!(events(&told), expected);
}

#[tokio::test]
async fn strangers_leave_no_trace() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let before = bank.records().await.len();
    let good = agent.token(&bank, &bank.execute_url());
    let forged = sign(
        "agent+jwt",
        &agent.claims(&bank, &bank.execute_url()),
        &new_key(),
    );
    for token in [tampered(&good), forged, host.token(&bank), "x".to_owned()] {
        assert_eq!(bank.execute_by(&token, "echo", json!({})).await.status, 401);
    }
    bank.get("/agent/status", None).await;
    assert_eq!(bank.records().await.len(), before);
}

async fn started_detail(policy: &str) -> Value {
    let bank = Bank::start_with(&changed(
        r#"arguments = "full""#,
        &format!("arguments = {policy:?}"),
    ))
    .await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    bank.execute(&agent, "echo", json!({ "pin": 1234 })).await;
    bank.records_of("capability.started").await[0]["detail"].clone()
}

#[tokio::test]
async fn arguments_are_kept_in_full_as_a_digest_or_not_at_all() {
    assert_eq!(
        started_detail("full").await["arguments"],
        json!({ "pin": 1234 })
    );
    let digest = started_detail("digest").await;
    assert_eq!(digest.get("arguments"), None);
    assert!(digest["arguments_sha256"].is_string());
    let omitted = started_detail("omit").await;
    assert_eq!(crate::support::http::members(&omitted), ["grant_id"]);
}

/// Looks at the log at the moment it is called.
struct Looking {
    store: Arc<dyn Store>,
    seen: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Backend for Looking {
    async fn call(&self, _: Call<'_>) -> Result<Reply, BackendError> {
        let mut tx = self.store.read().await.unwrap();
        let last = tx.list_last_audit(1).await.unwrap();
        let events = last.into_iter().map(|record| record.event);
        self.seen.lock().unwrap().extend(events);
        Ok(Reply::Value(json!(null)))
    }
}

#[tokio::test]
async fn the_start_of_a_call_is_in_the_log_before_its_backend_hears_of_it() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let seen = Arc::default();
    let looking = Looking {
        store: Arc::clone(&store),
        seen: Arc::clone(&seen),
    };
    let offers = vec![offered("look", Arc::new(looking))];
    let bank = Setup {
        store: Some(store),
        offered: offers,
        ..Setup::default()
    }
    .start()
    .await;
    let (_, agent) = bank.approved_agent(json!(["look"])).await;
    assert_eq!(
        bank.execute(&agent, "look", json!({})).await.body,
        json!({ "data": null })
    );
    assert_eq!(*seen.lock().unwrap(), ["capability.started"]);
    let audit = bank.audit().await;
    assert_eq!(events(&audit).last(), Some(&("capability.finished", "ok")));
}

struct Broken;

#[async_trait]
impl Backend for Broken {
    async fn call(&self, _: Call<'_>) -> Result<Reply, BackendError> {
        Err(BackendError::Failed("out of order".to_owned()))
    }
}

#[tokio::test]
async fn a_call_that_fails_is_recorded_as_failed() {
    let offers = vec![offered("broken", Arc::new(Broken))];
    let bank = Setup {
        offered: offers,
        ..Setup::default()
    }
    .start()
    .await;
    let (_, agent) = bank.approved_agent(json!(["broken"])).await;
    bank.execute(&agent, "broken", json!({})).await;
    let audit = bank.audit().await;
    let expected = [
        ("capability.started", "ok"),
        ("capability.finished", "internal_error"),
    ];
    assert_eq!(events(&audit)[audit.len() - 2..], expected);
}

#[tokio::test]
async fn the_log_holds_together() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    for n in 0..20 {
        bank.execute(&agent, "echo", json!({ "n": n })).await;
    }
    bank.revoke(&host, &agent).await;
    let records = bank.records().await;
    let verified = bank.administer(AdminRequest::AuditVerify).await;
    assert_eq!(verified["records"], records.len());
    assert_eq!(verified["broken"], Value::Null);
    assert_eq!(verified["head"], records.last().unwrap()["hash"]);
    for (earlier, later) in records.iter().zip(&records[1..]) {
        assert_eq!(later["previous"], earlier["hash"]);
    }
}

#[tokio::test]
async fn tokens_and_codes_are_nowhere_in_the_log() {
    let bank = Bank::start_with(BANK).await;
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["echo"]))).await;
    bank.approve_all(&asked, ALICE).await;
    let token = agent.token(&bank, &bank.execute_url());
    bank.execute_by(&token, "echo", json!({})).await;
    let log = Value::from(bank.records().await).to_string();
    let code = asked.user_code();
    for secret in [token.as_str(), &code, &code.replace('-', "")] {
        assert!(!log.contains(secret), "{secret}");
    }
}

// AA-9.5-01
#[tokio::test]
async fn reasons_are_nowhere_in_the_log() {
    let bank = Bank::start_with(BANK).await;
    let host = TestHost::new();
    let mut body = wish(json!(["check_balance"]));
    body["reason"] = json!("to pay for the divorce");
    body["binding_message"] = json!("as told on the telephone");
    let (_, asked) = bank.register(&host, &body).await;
    bank.deny(&asked, ALICE, "no such divorce").await;
    let (agent, asked) = bank.register(&host, &wish(json!(["echo"]))).await;
    bank.approve_all(&asked, ALICE).await;
    body["capabilities"] = json!(["list_accounts"]);
    let token = agent.token(&bank, &bank.issuer);
    assert_eq!(bank.request_by(&token, &body).await.status, 200);
    let log = Value::from(bank.records().await).to_string();
    for words in ["divorce", "telephone"] {
        assert!(!log.contains(words), "{words}");
    }
}
