//! `POST /agent/revoke` (§5.7).

use procura_people::presence::Method;
use procura_service::admin::AdminRequest;
use procura_service::agent_auth::consent::ConsentError;
use serde_json::json;

use crate::support::Bank;
use crate::support::flows::{ALICE, wish};
use crate::support::signers::TestHost;

// AA-5.7-01, AA-2.6-01, AA-2.3-04, AA-4.5-14, AA-10.2-02
#[tokio::test]
async fn once_the_answer_is_there_the_agents_next_call_is_refused() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let before = agent.token(&bank, &bank.execute_url());
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
    let answer = bank.revoke(&host, &agent).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body,
        json!({ "agent_id": agent.id, "status": "revoked" })
    );
    // A token signed before is no better than one signed after.
    let late = bank.execute_by(&before, "echo", json!({})).await;
    assert_eq!(late.refusal(), (403, "agent_revoked"));
    let asked = bank.request(&agent, json!(["echo"])).await;
    assert_eq!(asked.refusal(), (403, "agent_revoked"));
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.body["status"], "revoked");
    assert!(status.grants().is_empty());
}

// AA-2.3-04
#[tokio::test]
async fn revoking_again_changes_nothing() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    for _ in 0..2 {
        let answer = bank.revoke(&host, &agent).await;
        assert_eq!(
            (answer.status, &answer.body["status"]),
            (200, &json!("revoked"))
        );
    }
    assert_eq!(bank.records_of("agent.revoked").await.len(), 1);
}

// AA-2.3-01, AA-7.1-03
#[tokio::test]
async fn a_registration_can_be_withdrawn_while_it_waits() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    assert_eq!(bank.revoke(&host, &agent).await.status, 200);
    let alice = bank.person(ALICE, Method::Passkey).await;
    let late = bank.try_approve(&asked, &alice).await;
    assert!(matches!(late, Err(ConsentError::Refused(_))), "{late:?}");
    assert_eq!(bank.status(&host, &agent).await.body["status"], "revoked");
}

// AA-2.3-01, AA-2.10-05
#[tokio::test]
async fn what_ended_otherwise_stays_as_it_ended() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let claimed = bank.autonomous_agent_of(&host).await;
    bank.approved_agent_of(&host, json!([])).await;
    let (rejected, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    bank.deny(&asked, ALICE, "no").await;
    for (agent, status) in [(claimed, "claimed"), (rejected, "rejected")] {
        let answer = bank.revoke(&host, &agent).await;
        assert_eq!(answer.refusal(), (403, format!("agent_{status}").as_str()));
        assert_eq!(bank.status(&host, &agent).await.body["status"], status);
    }
}

// AA-5.7-02, AA-5.13-09
#[tokio::test]
async fn another_hosts_agent_cannot_be_revoked() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let (other, _) = bank.approved_agent(json!([])).await;
    let pending = TestHost::new();
    bank.register(&pending, &wish(json!([]))).await;
    for host in [other, pending] {
        let answer = bank.revoke(&host, &agent).await;
        assert_eq!(answer.refusal(), (403, "unauthorized"));
    }
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
}

// AA-5.7-02, AA-5.13-13
#[tokio::test]
async fn an_agent_nobody_registered_cannot_be_revoked() {
    let bank = Bank::start().await;
    let (host, mut agent) = bank.approved_agent(json!([])).await;
    let unknown = agent.id.replace(|c: char| c.is_ascii_digit(), "0");
    for id in [unknown, "agt_1".into(), String::new(), "\u{0}".into()] {
        agent.id = id;
        let answer = bank.revoke(&host, &agent).await;
        assert_eq!(answer.refusal(), (404, "agent_not_found"));
    }
}

// AA-2.6-01
#[tokio::test]
async fn an_agents_own_token_does_not_revoke_it() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let token = agent.token(&bank, &bank.issuer);
    let answer = bank
        .post(
            "/agent/revoke",
            Some(&token),
            &json!({ "agent_id": agent.id }),
        )
        .await;
    assert_eq!(answer.refusal(), (401, "invalid_jwt"));
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
}

// AA-4.5-14
#[tokio::test]
async fn an_administrators_revocation_holds_from_the_next_call_on() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
    bank.administer(AdminRequest::RevokeAgent {
        agent_id: agent.id.clone(),
    })
    .await;
    let late = bank.execute(&agent, "echo", json!({})).await;
    assert_eq!(late.refusal(), (403, "agent_revoked"));
    assert_eq!(bank.status(&host, &agent).await.body["status"], "revoked");
}

#[tokio::test]
async fn one_agents_end_leaves_the_others_of_its_host_alone() {
    let bank = Bank::start().await;
    let (host, one) = bank.approved_agent(json!(["echo"])).await;
    let other = bank.approved_agent_of(&host, json!(["echo"])).await;
    bank.revoke(&host, &one).await;
    assert_eq!(bank.execute(&other, "echo", json!({})).await.status, 200);
}
