//! Limits on grants, from the request to the call (§2.13, §5.11).

use serde_json::{Value, json};

use crate::support::Bank;
use crate::support::flows::{ALICE, wish};
use crate::support::http::Answer;
use crate::support::signers::{TestAgent, TestHost};

fn transfer(limits: Value) -> Value {
    json!([{ "name": "transfer_domestic", "constraints": limits }])
}

async fn send(bank: &Bank, agent: &TestAgent, amount: Value, currency: &str, to: &str) -> Answer {
    let arguments = json!({ "amount": amount, "currency": currency, "destination_account": to });
    bank.execute(agent, "transfer_domestic", arguments).await
}

// AA-5.11-28, AA-5.11-29, AA-2.13-18, AA-4.5-12
#[tokio::test]
async fn a_call_beyond_the_limits_names_every_limit_it_breaks() {
    let bank = Bank::start().await;
    let limits = json!({
        "amount": { "min": 1, "max": 1000 },
        "currency": { "in": ["USD", "EUR"] },
        "destination_account": "acc_456",
    });
    let (_, agent) = bank.approved_agent(transfer(limits)).await;
    let answer = send(&bank, &agent, json!(5000), "GBP", "acc_9").await;
    insta::assert_snapshot!(bank.shown(&answer), @r#"
    403 {
      "error": "constraint_violated",
      "message": "The arguments violate the limits of the grant.",
      "violations": [
        {
          "actual": 5000,
          "constraint": {
            "max": 1000
          },
          "field": "amount"
        },
        {
          "actual": "GBP",
          "constraint": {
            "in": [
              "EUR",
              "USD"
            ]
          },
          "field": "currency"
        },
        {
          "actual": "acc_9",
          "constraint": "acc_456",
          "field": "destination_account"
        }
      ]
    }
    "#);
    assert!(bank.records_of("capability.started").await.is_empty());
}

// AA-2.13-09, AA-2.13-10, AA-2.13-11, AA-2.13-12, AA-2.13-13
#[tokio::test]
async fn each_kind_of_limit_holds_at_its_edge() {
    let bank = Bank::start().await;
    let limits = json!({
        "amount": { "min": 1, "max": 1000 },
        "currency": { "in": ["USD", "EUR"] },
        "destination_account": { "not_in": ["acc_666"] },
    });
    let (_, agent) = bank.approved_agent(transfer(limits)).await;
    let cases = [
        (json!(1), "USD", "acc_1", 200),
        (json!(1000), "EUR", "acc_1", 200),
        (json!(1000.0), "USD", "acc_1", 200),
        (json!(0.999), "USD", "acc_1", 403),
        (json!(1000.01), "USD", "acc_1", 403),
        (json!("500"), "USD", "acc_1", 403),
        (json!(null), "USD", "acc_1", 403),
        (json!([500]), "USD", "acc_1", 403),
        (json!(500), "usd", "acc_1", 403),
        (json!(500), "USD", "acc_666", 403),
    ];
    for (amount, currency, to, status) in cases {
        let answer = send(&bank, &agent, amount.clone(), currency, to).await;
        assert_eq!(
            answer.status, status,
            "{amount} {currency} {to}: {answer:?}"
        );
    }
}

// AA-2.13-11, AA-2.13-12
#[tokio::test]
async fn a_limited_argument_has_to_be_there() {
    let bank = Bank::start().await;
    let wanted = json!([{ "name": "echo", "constraints": { "to": "acc_1", "n": { "max": 5 } } }]);
    let (_, agent) = bank.approved_agent(wanted).await;
    assert_eq!(
        bank.execute(&agent, "echo", json!({ "to": "acc_1", "n": 5 }))
            .await
            .status,
        200
    );
    for arguments in [
        json!({}),
        json!({ "to": "acc_1" }),
        json!({ "n": 5 }),
        json!({ "to": null, "n": 5 }),
    ] {
        let answer = bank.execute(&agent, "echo", arguments.clone()).await;
        assert_eq!(
            answer.refusal(),
            (403, "constraint_violated"),
            "{arguments}"
        );
    }
}

// AA-2.13-01
#[tokio::test]
async fn limits_are_on_top_level_arguments_whatever_their_name_looks_like() {
    let bank = Bank::start().await;
    let wanted = json!([{ "name": "echo", "constraints": { "address.country": "CH" } }]);
    let (_, agent) = bank.approved_agent(wanted).await;
    let nested = bank
        .execute(&agent, "echo", json!({ "address": { "country": "CH" } }))
        .await;
    assert_eq!(nested.refusal(), (403, "constraint_violated"));
    let flat = bank
        .execute(&agent, "echo", json!({ "address.country": "CH" }))
        .await;
    assert_eq!(flat.status, 200);
}

// AA-2.13-02
#[tokio::test]
async fn without_limits_everything_that_fits_the_schema_is_allowed() {
    let bank = Bank::start().await;
    let (host, agent) = bank
        .approved_agent(json!(["echo", { "name": "list_accounts", "constraints": {} }]))
        .await;
    let answer = bank
        .execute(&agent, "echo", json!({ "amount": 1e300, "x": [] }))
        .await;
    assert_eq!(answer.status, 200);
    // AA-3.3-03
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.grant("echo").get("constraints"), None);
    assert_eq!(status.grant("list_accounts").get("constraints"), None);
}

// AA-2.13-05, AA-2.13-06, AA-2.13-07, AA-5.3-16
#[tokio::test]
async fn the_servers_own_limits_narrow_what_was_asked_for() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    // The bank lets no grant go beyond 10,000.
    let cases = [
        (json!({}), json!({ "amount": { "max": 10_000 } })),
        (
            json!({ "amount": { "max": 50_000 } }),
            json!({ "amount": { "max": 10_000 } }),
        ),
        (
            json!({ "amount": { "max": 500, "min": 5 } }),
            json!({ "amount": { "max": 500, "min": 5 } }),
        ),
        (
            json!({ "amount": { "in": [1, 20_000] } }),
            json!({ "amount": { "in": [1], "max": 10_000 } }),
        ),
        (json!({ "amount": 77 }), json!({ "amount": 77 })),
        (
            json!({ "currency": "USD" }),
            json!({ "amount": { "max": 10_000 }, "currency": "USD" }),
        ),
    ];
    for (asked, effective) in cases {
        let (agent, answer) = bank.register(&host, &wish(transfer(asked.clone()))).await;
        bank.approve_all(&answer, ALICE).await;
        let status = bank.status(&host, &agent).await;
        assert_eq!(
            status.grant("transfer_domestic")["constraints"],
            effective,
            "{asked}"
        );
    }
}

// AA-2.13-06, AA-5.3-18
#[tokio::test]
async fn limits_that_leave_nothing_are_denied_with_a_reason() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!([])).await;
    let answer = bank
        .request(&agent, transfer(json!({ "amount": { "min": 10_001 } })))
        .await;
    assert_eq!(answer.grants(), [("transfer_domestic", "denied")]);
    assert!(answer.grant("transfer_domestic")["reason"].is_string());
    assert!(answer.body["approval"].is_null());
}

// AA-2.13-14, AA-2.13-16
#[tokio::test]
async fn operators_nobody_knows_are_listed_and_nothing_is_granted() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    let limits = json!({ "amount": { "max": 5, "regex": "x" }, "currency": { "const": "USD" } });
    let asked = bank.request(&agent, transfer(limits.clone())).await;
    let (_, registered) = bank
        .register(&TestHost::new(), &wish(transfer(limits)))
        .await;
    for answer in [asked, registered] {
        assert_eq!(answer.refusal(), (400, "unknown_constraint_operator"));
        assert_eq!(answer.body["unknown_operators"], json!(["const", "regex"]));
    }
    assert!(bank.status(&host, &agent).await.grants().is_empty());
}

// AA-2.13-10, AA-5.13-05
#[tokio::test]
async fn limits_of_another_form_are_refused() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!([])).await;
    let cases = [
        json!([]),
        json!("amount"),
        json!({ "amount": {} }),
        json!({ "amount": null }),
        json!({ "amount": [1, 2] }),
        json!({ "amount": { "max": "5" } }),
        json!({ "amount": { "max": null } }),
        json!({ "amount": { "in": 5 } }),
        json!({ "amount": { "in": [[1]] } }),
        json!({ "amount": { "not_in": [null] } }),
        json!({ "amount": { "in": [] } }),
        json!({ "amount": { "min": 5, "max": 4 } }),
        json!({ "amount": { "eq": 5, "max": 9 } }),
    ];
    for limits in cases {
        let answer = bank.request(&agent, transfer(limits.clone())).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{limits}");
    }
}

#[tokio::test]
async fn one_of_several_grants_is_enough() {
    let bank = Bank::start().await;
    let (_, agent) = bank
        .approved_agent(transfer(json!({ "amount": { "max": 10 } })))
        .await;
    let to_savings = json!({ "amount": { "max": 100 }, "destination_account": "acc_456" });
    let asked = bank.request(&agent, transfer(to_savings)).await;
    bank.approve_all(&asked, ALICE).await;
    assert_eq!(
        send(&bank, &agent, json!(10), "USD", "acc_1").await.status,
        200
    );
    assert_eq!(
        send(&bank, &agent, json!(100), "USD", "acc_456")
            .await
            .status,
        200
    );
    // The answer shows the grant that comes closest.
    let answer = send(&bank, &agent, json!(100), "USD", "acc_1").await;
    assert_eq!(answer.refusal(), (403, "constraint_violated"));
    assert_eq!(answer.body["violations"].as_array().map(Vec::len), Some(1));
}

// AA-2.13-04
#[tokio::test]
async fn the_approver_reads_the_limits_that_will_hold() {
    let bank = Bank::start().await;
    let limits = json!({ "amount": { "max": 50_000 }, "currency": "USD" });
    let (_, asked) = bank
        .register(&TestHost::new(), &wish(transfer(limits)))
        .await;
    let alice = bank
        .person(ALICE, procura_people::presence::Method::Passkey)
        .await;
    let (_, view) = bank.read(&alice, &asked).await.unwrap();
    let limits = view.items[0].limits.iter().map(ToString::to_string);
    let limits = limits.collect::<Vec<_>>().join("\n");
    assert!(
        limits.contains("10000") || limits.contains("10,000"),
        "{limits}"
    );
    assert!(
        limits.contains("USD") && !limits.contains("50000"),
        "{limits}"
    );
}

// AA-2.13-11
#[tokio::test]
async fn numbers_are_compared_exactly_however_large() {
    let bank = Bank::start().await;
    let wanted =
        json!([{ "name": "echo", "constraints": { "n": { "max": 9_007_199_254_740_992_u64 } } }]);
    let (_, agent) = bank.approved_agent(wanted).await;
    for (n, status) in [
        ("9007199254740992", 200),
        ("9007199254740993", 403),
        ("18446744073709551615", 403),
        ("1e300", 403),
        ("-1e300", 200),
    ] {
        let body = format!(r#"{{"capability":"echo","arguments":{{"n":{n}}}}}"#);
        let token = agent.token(&bank, &bank.execute_url());
        let answer = bank
            .post_bytes("/capability/execute", Some(&token), body.into_bytes())
            .await;
        assert_eq!(answer.status, status, "{n}");
    }
}
