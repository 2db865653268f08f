//! Grants that an approver bounds: until a time, for a number of uses, within limits of their own.

use std::sync::Arc;
use std::time::Duration;

use procura_people::consent::{Chosen, ConsentAnswer, Limit, Range};
use procura_people::presence::Method;
use procura_store::Store;
use procura_store_sqlite::SqliteStore;
use serde_json::{Value, json};

use crate::support::flows::{ALICE, wish};
use crate::support::http::{Answer, members};
use crate::support::signers::{TestAgent, TestHost};
use crate::support::{Bank, Setup, with_issuer};

/// Alice's yes to everything in an answer's approval, within bounds.
async fn approve(bank: &Bank, asked: &Answer, bound: impl Fn(&mut Chosen)) {
    let alice = bank.person(ALICE, Method::Passkey).await;
    let (id, view) = bank.read(&alice, asked).await.unwrap();
    let chosen = view.items.iter().map(|item| {
        let mut chosen = Chosen::as_asked(item.id.clone());
        bound(&mut chosen);
        chosen
    });
    let items = chosen.collect();
    let yes = ConsentAnswer::Approve { items };
    bank.decide(&alice, &id, &view, &yes).await.unwrap();
}

/// An agent that may look at a balance this many times.
async fn counted(bank: &Bank, uses: u32) -> (TestHost, TestAgent) {
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["check_balance"]))).await;
    approve(bank, &asked, |chosen| chosen.uses = uses.try_into().ok()).await;
    (host, agent)
}

async fn balance(bank: &Bank, agent: &TestAgent) -> Answer {
    bank.execute(agent, "check_balance", json!({ "account_id": "acc_123" }))
        .await
}

// AA-5.13-12
#[tokio::test]
async fn a_grant_for_two_calls_permits_two_and_says_so() {
    let bank = Bank::start().await;
    let (host, agent) = counted(&bank, 2).await;
    let grant = async || {
        bank.status(&host, &agent)
            .await
            .grant("check_balance")
            .clone()
    };
    assert_eq!(grant().await["uses_allowed"], 2);
    for left in [1, 0] {
        assert_eq!(balance(&bank, &agent).await.status, 200);
        assert_eq!(grant().await["uses_left"], left);
    }
    let refused = balance(&bank, &agent).await;
    assert_eq!(refused.refusal(), (403, "limit_exceeded"));
    insta::assert_snapshot!(bank.shown(&refused), @r#"
    403 {
      "capability": "check_balance",
      "error": "limit_exceeded",
      "message": "The grant of check_balance was good for 2 calls, and none is left. Ask for it again with POST /agent/request-capability.",
      "uses_allowed": 2,
      "uses_left": 0
    }
    "#);
    let recorded = bank.records_of("capability.started").await;
    let left: Vec<_> = recorded
        .iter()
        .map(|one| &one["detail"]["uses_left"])
        .collect();
    assert_eq!(left, [&json!(1), &json!(0)]);
    let refused = &bank.records_of("capability.refused").await[0];
    assert_eq!(refused["outcome"], "limit_exceeded");
}

/// A call that is refused for another reason takes no use, and a used-up grant can be asked for again.
// AA-5.13-12
#[tokio::test]
async fn only_permitted_calls_count_and_more_can_be_asked_for() {
    let bank = Bank::start().await;
    let (host, agent) = counted(&bank, 1).await;
    for wrong in [json!({}), json!({ "account_id": 1 })] {
        let refused = bank.execute(&agent, "check_balance", wrong).await;
        assert_eq!(refused.refusal(), (400, "invalid_request"));
    }
    let held = bank.request(&agent, json!(["check_balance"])).await;
    assert_eq!(held.refusal(), (409, "already_granted"));
    assert_eq!(balance(&bank, &agent).await.status, 200);
    let again = bank.request(&agent, json!(["check_balance"])).await;
    assert_eq!(again.grants(), [("check_balance", "pending")]);
    bank.approve_all(&again, ALICE).await;
    for _ in 0..3 {
        assert_eq!(balance(&bank, &agent).await.status, 200);
    }
    let all = bank.status(&host, &agent).await;
    assert_eq!(all.grants().len(), 2, "{all:?}");
}

#[tokio::test]
async fn each_call_of_a_batch_counts() {
    let bank = Bank::start().await;
    let (_, agent) = counted(&bank, 2).await;
    let call = json!({ "capability": "check_balance", "arguments": { "account_id": "acc_123" } });
    let body = json!({ "requests": [call, call, call] });
    let token = agent.token(&bank, &bank.execute_url());
    let answer = bank
        .post("/capability/batch-execute", Some(&token), &body)
        .await;
    let responses = answer.body["responses"].as_array().unwrap();
    let failed: Vec<_> = responses
        .iter()
        .filter(|one| one["status"] == "failed")
        .collect();
    assert_eq!(failed.len(), 1, "{answer:?}");
    assert_eq!(failed[0]["error"]["code"], "limit_exceeded");
}

/// The service that asks carries the call out, so its question is the use.
#[tokio::test]
async fn a_verdict_of_introspection_counts() {
    let bank = Bank::start().await;
    let (_, agent) = counted(&bank, 1).await;
    let ask = async || {
        let body = json!({
            "token": agent.token(&bank, &bank.issuer),
            "capability": "check_balance",
            "arguments": { "account_id": "acc_123" },
        });
        bank.post("/agent/introspect", None, &body).await.body["verdict"].clone()
    };
    assert_eq!(ask().await, json!({ "permitted": true }));
    assert_eq!(ask().await["error"]["error"], "limit_exceeded");
    assert_eq!(
        balance(&bank, &agent).await.refusal(),
        (403, "limit_exceeded")
    );
}

/// Whatever the store, and whoever is first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_calls_at_once_exactly_as_many_pass_as_there_are_uses() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("procura.db");
    let sqlite: Arc<dyn Store> = Arc::new(SqliteStore::open(&file).await.unwrap());
    for store in [None, Some(sqlite)] {
        let setup = Setup {
            store,
            ..Setup::default()
        };
        let bank = Arc::new(setup.start().await);
        let (host, agent) = counted(&bank, 3).await;
        let agent = Arc::new(agent);
        let calls: Vec<_> = (0..24)
            .map(|_| {
                let (bank, agent) = (Arc::clone(&bank), Arc::clone(&agent));
                tokio::spawn(async move { balance(&bank, &agent).await })
            })
            .collect();
        let mut passed = 0;
        for call in calls {
            let answer = call.await.unwrap();
            if answer.status == 200 {
                passed += 1;
            } else {
                assert_eq!(answer.refusal(), (403, "limit_exceeded"));
            }
        }
        assert_eq!(passed, 3);
        let status = bank.status(&host, &agent).await;
        assert_eq!(status.grant("check_balance")["uses_left"], 0);
    }
}

#[tokio::test]
async fn uses_stay_taken_over_a_restart() {
    let config = with_issuer("http://127.0.0.1:1");
    let bank = Bank::start_with(&config).await;
    let (_, agent) = counted(&bank, 2).await;
    assert_eq!(balance(&bank, &agent).await.status, 200);
    let bank = bank.restarted().await;
    assert_eq!(balance(&bank, &agent).await.status, 200);
    let bank = bank.restarted().await;
    assert_eq!(
        balance(&bank, &agent).await.refusal(),
        (403, "limit_exceeded")
    );
}

// AA-3.3-07, AA-3.3-08
#[tokio::test]
async fn a_grant_ends_when_its_approver_said() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["check_balance"]))).await;
    let end = bank.now().plus(Duration::from_mins(1));
    approve(&bank, &asked, |chosen| chosen.expires_at = Some(end)).await;
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.grant("check_balance")["expires_at"], end.to_string());
    assert_eq!(balance(&bank, &agent).await.status, 200);
    bank.clock.advance(Duration::from_mins(1));
    let late = balance(&bank, &agent).await;
    assert_eq!(late.refusal(), (403, "capability_not_granted"));
    let status = bank.status(&host, &agent).await;
    assert_eq!(
        (&status.body["status"], status.grants().len()),
        (&json!("active"), 0)
    );
}

// AA-2.13-06
#[tokio::test]
async fn an_approver_tightens_limits_and_the_log_keeps_the_terms() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, asked) = bank
        .register(&host, &wish(json!(["transfer_domestic"])))
        .await;
    let alice = bank.person(ALICE, Method::Passkey).await;
    let (_, view) = bank.read(&alice, &asked).await.unwrap();
    let range = |max: i64| Range::Numbers {
        min: None,
        max: Some(max.into()),
    };
    let limit = |max| Limit {
        field: "amount".to_owned(),
        range: range(max),
    };
    assert_eq!(view.items[0].adjustable, [limit(10_000)]);
    approve(&bank, &asked, |chosen| {
        chosen.limits = vec![limit(50)];
        chosen.uses = 9.try_into().ok();
    })
    .await;
    let pay = async |amount: u32| {
        let arguments = json!({
            "amount": amount, "currency": "USD", "destination_account": "acc_456",
        });
        bank.execute(&agent, "transfer_domestic", arguments).await
    };
    assert_eq!(pay(50).await.status, 200);
    assert_eq!(pay(51).await.refusal(), (403, "constraint_violated"));
    let terms = &bank.records_of("approval.granted").await[0]["detail"]["terms"];
    let expected = json!([{
        "capability": "transfer_domestic",
        "constraints": { "amount": { "max": 50 } },
        "expires_at": null,
        "uses": 9,
    }]);
    assert_eq!(*terms, expected);
}

// AA-3.3-01, AA-3.3-03, AA-10.1-01
#[tokio::test]
async fn a_grant_object_has_the_members_its_state_calls_for() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, asked) = bank
        .register(&host, &wish(json!(["check_balance", "list_accounts"])))
        .await;
    let shown = async |name: &str| {
        let grant = bank.status(&host, &agent).await.grant(name).clone();
        members(&grant)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(shown("list_accounts").await, ["capability", "status"]);
    bank.approve_some(&asked, ALICE, &["list_accounts"]).await;
    let active = [
        "capability",
        "description",
        "granted_by",
        "output",
        "status",
    ];
    assert_eq!(shown("list_accounts").await, active);
    let denied = ["capability", "reason", "status"];
    assert_eq!(shown("check_balance").await, denied);
    let records: Vec<Value> = bank.records_of("approval.granted").await;
    assert_eq!(records[0]["detail"]["terms"], json!([]));
}
