//! `GET /agent/status` (§5.5).

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::Bank;
use crate::support::flows::{ALICE, wish};
use crate::support::signers::{TestHost, jwk, new_key, tampered};

// AA-5.5-03, AA-5.5-05, AA-5.5-06, AA-5.5-07, AA-3.2-01, AA-3.2-05
#[tokio::test]
async fn a_host_learns_everything_about_its_agent() {
    let bank = Bank::start().await;
    let balance = json!({ "name": "check_balance", "constraints": { "account_id": "acc_1" } });
    let host = TestHost::new();
    let wanted = wish(json!([balance, "watch_balance"]));
    let (agent, asked) = bank.register(&host, &wanted).await;
    bank.approve_some(&asked, ALICE, &["check_balance"]).await;
    bank.request(&agent, json!(["list_accounts"])).await;
    bank.clock.advance(Duration::from_mins(10));
    bank.execute(&agent, "check_balance", json!({ "account_id": "acc_1" }))
        .await;
    insta::assert_snapshot!(bank.shown(&bank.status(&host, &agent).await), @r#"
    200 {
      "activated_at": "2026-02-25T10:00:00Z",
      "agent_capability_grants": [
        {
          "capability": "check_balance",
          "constraints": {
            "account_id": "acc_1"
          },
          "description": "Check the balance of one of your accounts",
          "granted_by": "usr_ID",
          "input": {
            "additionalProperties": false,
            "properties": {
              "account_id": {
                "description": "The account to check",
                "type": "string"
              }
            },
            "required": [
              "account_id"
            ],
            "type": "object"
          },
          "output": {
            "properties": {
              "account_id": {
                "type": "string"
              },
              "balance": {
                "type": "number"
              },
              "currency": {
                "type": "string"
              }
            },
            "type": "object"
          },
          "status": "active"
        },
        {
          "capability": "watch_balance",
          "reason": "Not among what was approved.",
          "status": "denied"
        },
        {
          "capability": "list_accounts",
          "status": "pending"
        }
      ],
      "agent_id": "agt_ID",
      "created_at": "2026-02-25T10:00:00Z",
      "expires_at": "2026-02-25T11:10:00Z",
      "host_id": "hst_ID",
      "last_used_at": "2026-02-25T10:10:00Z",
      "mode": "delegated",
      "name": "Helper",
      "status": "active",
      "user_id": "usr_ID"
    }
    "#);
}

// AA-5.5-06, AA-5.3-17, AA-4.5.1-07
#[tokio::test]
async fn a_pending_host_may_ask_whether_its_agent_was_approved() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, _) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.body["status"], "pending");
    let pending = json!({ "capability": "list_accounts", "status": "pending" });
    assert_eq!(status.body["agent_capability_grants"], json!([pending]));
    for absent in ["user_id", "activated_at", "last_used_at", "expires_at"] {
        assert!(status.body.get(absent).is_none(), "{absent}");
    }
}

// AA-5.5-01, AA-5.13-09
#[tokio::test]
async fn another_hosts_agent_is_none_of_its_business() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!([])).await;
    let (other, _) = bank.approved_agent(json!([])).await;
    let answer = bank.status(&other, &agent).await;
    assert_eq!(answer.refusal(), (403, "unauthorized"));
    assert!(!answer.text.contains("active"), "{}", answer.text);
}

// AA-9.4-01
#[tokio::test]
async fn pending_and_denied_requests_are_as_private_as_granted_ones() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (other, stranger) = bank.approved_agent(json!(["echo"])).await;
    for is_denied in [false, true] {
        let (agent, asked) = bank.register(&host, &wish(json!(["check_balance"]))).await;
        if is_denied {
            bank.deny(&asked, ALICE, "not that one").await;
        }
        let own = bank.status(&host, &agent).await;
        assert!(own.text.contains("check_balance"), "{own:?}");
        let asked_by_other = bank.status(&other, &agent).await;
        let agents_token = stranger.token(&bank, &bank.issuer);
        let path = format!("/agent/status?agent_id={}", agent.id);
        let asked_by_agent = bank.get(&path, Some(&agents_token)).await;
        let introspected = bank.introspect(&agent.token(&bank, &bank.issuer)).await;
        for answer in [asked_by_other, asked_by_agent, introspected] {
            for word in ["check_balance", "not that one", "denied"] {
                assert!(!answer.text.contains(word), "{answer:?}");
            }
        }
    }
}

// AA-5.5-02, AA-5.13-13
#[tokio::test]
async fn an_agent_nobody_registered_is_not_found() {
    let bank = Bank::start().await;
    let (host, mut agent) = bank.approved_agent(json!([])).await;
    let unknown = agent.id.replace(|c: char| c.is_ascii_digit(), "0");
    for id in [unknown.as_str(), "agt_1", "", "%00", &"x".repeat(4_000)] {
        agent.id = id.to_owned();
        let answer = bank.status(&host, &agent).await;
        assert_eq!(answer.refusal(), (404, "agent_not_found"), "{id}");
    }
}

// AA-5.5-01
#[tokio::test]
async fn the_query_has_to_name_one_agent() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    for query in [
        String::new(),
        "?agent=x".into(),
        format!("?agent_id={0}&agent_id={0}", agent.id),
    ] {
        let answer = bank
            .get(&format!("/agent/status{query}"), Some(&host.token(&bank)))
            .await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{query}");
    }
}

// AA-4.2-17
#[tokio::test]
async fn agent_key_claims_are_neither_needed_nor_in_the_way() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    let path = format!("/agent/status?agent_id={}", agent.id);
    let stranger = jwk(&new_key());
    for claim in [None, Some(jwk(&agent.key)), Some(stranger)] {
        let token = host.token_with(&bank, |claims| {
            if let Some(key) = &claim {
                claims["agent_public_key"] = key.clone();
            }
        });
        let answer = bank.get(&path, Some(&token)).await;
        assert_eq!(answer.status, 200, "{claim:?}: {answer:?}");
    }
}

// AA-5.5-05, AA-3.2-03
#[tokio::test]
async fn the_person_is_named_for_a_delegated_agent_only() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let worker = bank.autonomous_agent_of(&host).await;
    assert!(
        bank.status(&host, &worker)
            .await
            .body
            .get("user_id")
            .is_none()
    );
    let (linked, helper) = bank.approved_agent(json!([])).await;
    let later = bank.approved_agent_of(&linked, json!(["echo"])).await;
    let alice = bank.status(&linked, &helper).await.body["user_id"].clone();
    assert!(alice.as_str().unwrap().starts_with("usr_"));
    assert_eq!(bank.status(&linked, &later).await.body["user_id"], alice);
}

// AA-3.2-06, AA-3.2-07
#[tokio::test]
async fn each_moment_moves_with_what_it_is_about() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["echo"]))).await;
    bank.clock.advance(Duration::from_mins(1));
    bank.approve_all(&asked, ALICE).await;
    bank.clock.advance(Duration::from_mins(1));
    let unused = bank.status(&host, &agent).await.body;
    assert_eq!(unused["created_at"], "2026-02-25T10:00:00Z");
    assert_eq!(unused["activated_at"], "2026-02-25T10:01:00Z");
    assert_eq!(unused.get("last_used_at"), None);
    assert_eq!(unused["expires_at"], "2026-02-25T11:01:00Z");
    bank.execute(&agent, "echo", json!({})).await;
    bank.clock.advance(Duration::from_mins(1));
    // Its host's questions are not its own requests.
    for _ in 0..2 {
        let used = bank.status(&host, &agent).await.body;
        assert_eq!(used["created_at"], unused["created_at"]);
        assert_eq!(used["activated_at"], unused["activated_at"]);
        assert_eq!(used["last_used_at"], "2026-02-25T10:02:00Z");
        assert_eq!(used["expires_at"], "2026-02-25T11:02:00Z");
        bank.clock.advance(Duration::from_mins(1));
    }
}

// AA-3.1-06
#[tokio::test]
async fn a_hosts_moments_move_with_its_approval_and_with_each_of_its_tokens() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let moments = async || {
        let thumbprint = host.thumbprint().try_into().unwrap();
        let mut tx = bank.store.read().await.unwrap();
        let record = tx.find_host_by_thumbprint(&thumbprint).await.unwrap();
        let record = record.unwrap();
        let moments = [record.activated_at, record.last_used_at];
        let passed = moments.map(|at| at.map(|at| at.since(record.created_at).as_secs()));
        let changed = record.updated_at.since(record.created_at).as_secs();
        (passed, changed)
    };
    let (agent, asked) = bank.register(&host, &wish(json!(["echo"]))).await;
    assert_eq!(moments().await, ([None, Some(0)], 0));
    bank.clock.advance(Duration::from_mins(1));
    bank.approve_all(&asked, ALICE).await;
    assert_eq!(moments().await, ([Some(60), Some(0)], 60));
    bank.clock.advance(Duration::from_mins(1));
    bank.status(&host, &agent).await;
    assert_eq!(moments().await, ([Some(60), Some(120)], 60));
    bank.clock.advance(Duration::from_mins(1));
    // A token that is refused moves nothing.
    let refused = bank
        .get("/agent/status", Some(&tampered(&host.token(&bank))))
        .await;
    assert_eq!(refused.status, 401);
    assert_eq!(moments().await, ([Some(60), Some(120)], 60));
}

// AA-5.5-07, AA-3.3-04, AA-3.3.1-01
#[tokio::test]
async fn each_grant_says_who_granted_it() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["list_accounts"])).await;
    bank.request(&agent, json!(["echo"])).await;
    let asked = bank.request(&agent, json!(["check_balance"])).await;
    bank.administrator_approves(&asked).await;
    let status = bank.status(&host, &agent).await;
    let alice = &status.body["user_id"];
    assert_eq!(&status.grant("list_accounts")["granted_by"], alice);
    assert_eq!(status.grant("echo")["granted_by"], "policy");
    assert_eq!(status.grant("check_balance")["granted_by"], "administrator");
    // Whoever granted it, the agent acts for the same person.
    assert_ne!(*alice, Value::Null);
}
