//! `POST /agent/introspect` (§5.12).

use std::time::Duration;

use serde_json::{Value, json};

use super::list::ELSEWHERE;
use crate::support::flows::{ALICE, wish};
use crate::support::http::members;
use crate::support::signers::{TestHost, new_key, sign, tampered};
use crate::support::{Bank, extended};

// AA-5.12-01, AA-5.12-02, AA-5.12-04, AA-5.12-05, AA-5.12-06
#[tokio::test]
async fn a_good_token_is_active_and_says_who_signed_it() {
    let bank = Bank::start().await;
    let limits = json!({ "amount": { "max": 5 } });
    let transfer = json!({ "name": "transfer_domestic", "constraints": limits });
    let (_, agent) = bank
        .approved_agent(json!(["list_accounts", transfer]))
        .await;
    let answer = bank.introspect(&agent.token(&bank, &bank.issuer)).await;
    assert_eq!(answer.body["agent_id"], agent.id);
    insta::assert_snapshot!(bank.shown(&answer), @r#"
    200 {
      "active": true,
      "agent_capability_grants": [
        {
          "capability": "list_accounts",
          "status": "active"
        },
        {
          "capability": "transfer_domestic",
          "status": "active"
        }
      ],
      "agent_id": "agt_ID",
      "expires_at": "2026-02-25T11:00:00Z",
      "host_id": "hst_ID",
      "mode": "delegated",
      "user_id": "usr_ID"
    }
    "#);
}

// AA-5.12-06, AA-3.3-08
#[tokio::test]
async fn only_active_grants_are_listed_and_only_their_name_and_status() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, asked) = bank
        .register(&host, &wish(json!(["list_accounts", "check_balance"])))
        .await;
    bank.approve_some(&asked, ALICE, &["list_accounts"]).await;
    bank.request(&agent, json!(["watch_balance"])).await;
    let answer = bank.introspect(&agent.token(&bank, &bank.issuer)).await;
    assert_eq!(answer.grants(), [("list_accounts", "active")]);
    assert_eq!(
        members(answer.grant("list_accounts")),
        ["capability", "status"]
    );
}

// AA-5.12-07
#[tokio::test]
async fn the_tokens_own_list_narrows_what_is_listed() {
    let bank = Bank::start().await;
    let (_, agent) = bank
        .approved_agent(json!(["list_accounts", "check_balance"]))
        .await;
    let cases: [(&[&str], Value); 3] = [
        (
            &["check_balance", "echo"],
            json!([{ "capability": "check_balance", "status": "active" }]),
        ),
        (&["echo"], json!([])),
        (&[], json!([])),
    ];
    for (list, expected) in cases {
        let token = agent.token_for(&bank, &bank.issuer, list);
        let answer = bank.introspect(&token).await;
        assert_eq!(answer.body["active"], true);
        assert_eq!(answer.body["agent_capability_grants"], expected, "{list:?}");
    }
}

// AA-5.12-05
#[tokio::test]
async fn nobody_is_named_for_an_autonomous_agent() {
    let bank = Bank::start().await;
    let agent = bank.autonomous_agent_of(&TestHost::new()).await;
    let answer = bank.introspect(&agent.token(&bank, &bank.issuer)).await;
    assert_eq!(answer.body["mode"], "autonomous");
    assert!(answer.body.get("user_id").is_none());
}

async fn assert_inactive(bank: &Bank, token: &str, why: &str) {
    let answer = bank.introspect(token).await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (200, r#"{"active":false}"#),
        "{why}"
    );
}

// AA-5.12-02, AA-5.12-03
#[tokio::test]
async fn whatever_is_wrong_with_a_token_the_answer_is_the_same() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    let other_host = TestHost::new();
    let (_, stranger) = bank.approved_agent(json!(["echo"])).await;
    let issuer = &bank.issuer;
    let now = bank.now().as_seconds();
    let with =
        |name: &str, value: Value| agent.token_with(&bank, issuer, |claims| claims[name] = value);
    let good = agent.token(&bank, issuer);
    let cases = [
        ("empty", String::new()),
        ("no token", "abc".into()),
        ("too long", format!("{good}{}", "A".repeat(9_000))),
        ("tampered", tampered(&good)),
        (
            "another key",
            sign("agent+jwt", &agent.claims(&bank, issuer), &new_key()),
        ),
        ("a host token", host.token(&bank)),
        (
            "wrong typ",
            sign("JWT", &agent.claims(&bank, issuer), &agent.key),
        ),
        ("expired", with("exp", json!(now - 31))),
        ("from the future", with("iat", json!(now + 31))),
        (
            "wrong audience",
            with("aud", json!("https://elsewhere.example")),
        ),
        (
            "another host's iss",
            with("iss", json!(other_host.thumbprint())),
        ),
        ("another agent's sub", with("sub", json!(stranger.id))),
        (
            "unknown agent",
            with(
                "sub",
                json!(agent.id.replace(|c: char| c.is_ascii_digit(), "0")),
            ),
        ),
        ("no jti", with("jti", json!(null))),
    ];
    for (why, token) in cases {
        assert_inactive(&bank, &token, why).await;
    }
    assert_eq!(bank.introspect(&good).await.body["active"], true);
}

// AA-5.12-02, AA-5.12-03
#[tokio::test]
async fn an_agent_that_may_not_act_is_inactive() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let claimed = bank.autonomous_agent_of(&host).await;
    let expired = bank.approved_agent_of(&host, json!([])).await;
    bank.clock.advance(Duration::from_hours(2));
    let revoked = bank.approved_agent_of(&host, json!([])).await;
    bank.revoke(&host, &revoked).await;
    let (rejected, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    bank.deny(&asked, ALICE, "no").await;
    let (pending, _) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    for agent in [claimed, expired, revoked, rejected, pending] {
        let status = bank.status(&host, &agent).await;
        let token = agent.token(&bank, &bank.issuer);
        assert_inactive(&bank, &token, status.text_of("status")).await;
    }
}

// AA-5.12-03, AA-4.6-01
#[tokio::test]
async fn a_token_is_used_up_by_being_asked_about() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!(["echo"])).await;
    let token = agent.token(&bank, &bank.execute_url());
    assert_eq!(bank.introspect(&token).await.body["active"], true);
    assert_inactive(&bank, &token, "asked before").await;
    let late = bank.execute_by(&token, "echo", json!({})).await;
    assert_eq!(late.refusal(), (401, "invalid_jwt"));

    let token = agent.token(&bank, &bank.execute_url());
    assert_eq!(bank.execute_by(&token, "echo", json!({})).await.status, 200);
    assert_inactive(&bank, &token, "used before").await;
}

#[tokio::test]
async fn a_token_may_name_the_issuer_this_place_or_that_of_a_capability_it_covers() {
    let bank = Bank::start_with(&extended(ELSEWHERE)).await;
    let (_, agent) = bank.approved_agent(json!(["echo", "pay_tax"])).await;
    let elsewhere = "https://tax.example/agent/execute";
    for audience in [
        bank.issuer.clone(),
        bank.execute_url(),
        elsewhere.to_owned(),
    ] {
        let answer = bank.introspect(&agent.token(&bank, &audience)).await;
        assert_eq!(answer.body["active"], true, "{audience}");
    }
    let answer = bank
        .introspect(&agent.token_for(&bank, elsewhere, &["pay_tax"]))
        .await;
    assert_eq!(answer.grants(), [("pay_tax", "active")]);
    let uncovered = agent.token_for(&bank, elsewhere, &["echo"]);
    assert_inactive(&bank, &uncovered, "another place than its own list allows").await;
}

#[tokio::test]
async fn being_asked_about_keeps_an_agents_session_alive() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    for _ in 0..3 {
        bank.clock.advance(Duration::from_mins(50));
        let answer = bank.introspect(&agent.token(&bank, &bank.issuer)).await;
        assert_eq!(answer.body["active"], true);
        let later = bank.now().plus(Duration::from_hours(1)).to_string();
        assert_eq!(answer.body["expires_at"], later);
    }
    assert_eq!(bank.status(&host, &agent).await.body["status"], "active");
}

// AA-5.12-01, AA-5.13-05
#[tokio::test]
async fn the_token_has_to_be_a_text() {
    let bank = Bank::start().await;
    for body in [
        json!({}),
        json!({ "token": null }),
        json!({ "token": 7 }),
        json!({ "token": ["x"] }),
        json!([]),
        json!("x"),
    ] {
        let answer = bank.post("/agent/introspect", None, &body).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{body}");
    }
}

/// A bank at which one service may introspect, and that service's secret.
async fn guarded_bank() -> (Bank, &'static str) {
    let secret = "a secret of the payments service!";
    let secret = secret.replace(' ', "-");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("payments-secret");
    std::fs::write(&file, format!("{secret}\n")).unwrap();
    let section = format!(
        "[[introspection.caller]]\nname = \"payments\"\nsecret_file = \"{}\"\n",
        file.display()
    );
    let bank = Bank::start_with(&extended(&section)).await;
    (bank, String::leak(secret))
}

// AA-5.12-08
#[tokio::test]
async fn where_services_have_secrets_only_they_are_answered() {
    let (bank, secret) = guarded_bank().await;
    let (_, agent) = bank.approved_agent(json!(["list_accounts"])).await;
    let token = agent.token(&bank, &bank.issuer);
    let body = json!({ "token": token });
    for wrong in [None, Some("wrong"), Some(token.as_str())] {
        let answer = bank.post("/agent/introspect", wrong, &body).await;
        assert_eq!(answer.refusal(), (401, "authentication_required"));
        assert!(!answer.text.contains("agt_"), "{}", answer.text);
    }
    // Whoever was turned away has not used the token up.
    let answer = bank.post("/agent/introspect", Some(secret), &body).await;
    assert_eq!(answer.body["active"], true);
}

#[tokio::test]
async fn a_service_may_ask_whether_a_call_is_permitted() {
    let bank = Bank::start().await;
    let limits = json!({ "account_id": "acc_123" });
    let scoped = json!({ "name": "check_balance", "constraints": limits });
    let (_, agent) = bank.approved_agent(json!([scoped])).await;
    let ask = async |capability: &str, arguments: Value| {
        let token = agent.token(&bank, &bank.issuer);
        let body = json!({ "token": token, "capability": capability, "arguments": arguments });
        bank.post("/agent/introspect", None, &body).await.body["verdict"].clone()
    };
    let permitted = ask("check_balance", json!({ "account_id": "acc_123" })).await;
    assert_eq!(permitted, json!({ "permitted": true }));
    let cases = [
        (
            "check_balance",
            json!({ "account_id": "acc_9" }),
            "constraint_violated",
        ),
        (
            "check_balance",
            json!({ "account_id": "acc_123", "x": 1 }),
            "invalid_request",
        ),
        ("list_accounts", json!({}), "capability_not_granted"),
        ("fly", json!({}), "capability_not_found"),
    ];
    for (capability, arguments, code) in cases {
        let verdict = ask(capability, arguments).await;
        assert_eq!(verdict["permitted"], false, "{verdict}");
        assert_eq!(verdict["error"]["error"], code, "{verdict}");
    }
    let answer = bank.introspect(&agent.token(&bank, &bank.issuer)).await;
    assert_eq!(answer.body.get("verdict"), None);
}
