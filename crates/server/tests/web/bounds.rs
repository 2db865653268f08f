//! The consent form's bounds, and the warnings above them.

use std::time::Duration;

use procura_people::presence::Method;
use serde_json::{Value, json};

use super::browser::{Browser, bank_by_name, page_of, row, value_of, words};
use crate::support::Bank;
use crate::support::extended;
use crate::support::flows::{ALICE, wish};
use crate::support::http::Answer;
use crate::support::signers::{TestAgent, TestHost};

async fn asked(bank: &Bank, body: &Value) -> (TestHost, TestAgent, Answer) {
    let host = TestHost::new();
    let (agent, answer) = bank.register(&host, body).await;
    (host, agent, answer)
}

/// Alice, who has just used her passkey, before the request in an answer.
async fn shown<'b>(bank: &'b Bank, answer: &Answer) -> (Browser<'b>, Answer) {
    let mut browser = Browser::signed_in(bank, ALICE, Method::Passkey).await;
    let page = browser.get(&page_of(&answer.user_code())).await;
    assert_eq!(page.status, 200);
    (browser, page)
}

/// The identifier of an item, as it stands in the names of its fields.
fn item(page: &Answer, capability: &str) -> String {
    let (_, rest) = row(page, capability).split_once("name=\"uses-").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

fn transfers() -> Value {
    let limits = json!({ "amount": { "max": 1000 }, "currency": { "in": ["USD", "EUR", "CHF"] } });
    let mut body = wish(json!([{ "name": "transfer_domestic", "constraints": limits }]));
    body["name"] = json!("Helper");
    body
}

// AA-2.13-06, AA-3.3-07, AA-5.13-12
#[tokio::test]
async fn a_person_bounds_what_they_approve_and_the_agent_is_held_to_it() {
    let bank = bank_by_name().await;
    let (host, agent, answer) = asked(&bank, &transfers()).await;
    let (mut browser, page) = shown(&bank, &answer).await;
    let id = item(&page, "transfer_domestic");
    let name = |field: &str| format!("{field}-{id}");
    let fields = [
        ("decision".to_owned(), "approve"),
        ("item".to_owned(), id.as_str()),
        (name("ends"), "day"),
        (name("uses"), "2"),
        (format!("most-{id}-0"), " 50 "),
        (name("among"), "1"),
        (format!("one-of-{id}-1"), "1"),
    ];
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let done = browser.decide(&page, &fields).await;
    assert_eq!(done.status, 200, "{}", words(&done));
    insta::assert_snapshot!(words(&done), @r"
    Approved
    The agent “Helper” may now:
    Send money to another account in the same country amount: at most 50 currency: only EUR 2 times until 10:00 UTC on 26 February 2026
    You can close this page and go back to the app.
    Go to the first page
    ");
    let grant = bank
        .status(&host, &agent)
        .await
        .grant("transfer_domestic")
        .clone();
    let expected = json!({ "amount": { "max": 50 }, "currency": { "in": ["EUR"] } });
    assert_eq!(grant["constraints"], expected);
    assert_eq!(grant["uses_allowed"], 2);
    assert!(grant["expires_at"].is_string());
    let pay = async |amount: u32, currency: &str| {
        let arguments = json!({
            "amount": amount, "currency": currency, "destination_account": "acc_456",
        });
        let answer = bank.execute(&agent, "transfer_domestic", arguments).await;
        (answer.status, answer.refusal().1.to_owned())
    };
    let violated = (403, "constraint_violated".to_owned());
    assert_eq!(pay(51, "EUR").await, violated);
    assert_eq!(pay(50, "USD").await, violated);
    for _ in 0..2 {
        assert_eq!(pay(50, "EUR").await.0, 200);
    }
    assert_eq!(pay(50, "EUR").await, (403, "limit_exceeded".to_owned()));
}

/// Each beside its field, and the request stays open.
#[tokio::test]
async fn what_cannot_be_a_bound_is_said_at_its_field_and_nothing_typed_is_lost() {
    let bank = bank_by_name().await;
    let (host, agent, answer) = asked(&bank, &transfers()).await;
    let (mut browser, page) = shown(&bank, &answer).await;
    let id = item(&page, "transfer_domestic");
    let fields = [
        ("decision".to_owned(), "approve"),
        ("item".to_owned(), id.as_str()),
        (format!("ends-{id}"), "on"),
        (format!("day-{id}"), "<b>soon"),
        (format!("uses-{id}"), "0"),
        (format!("least-{id}-0"), "7"),
        (format!("most-{id}-0"), "5000"),
        (format!("among-{id}"), "1"),
    ];
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let again = browser.decide(&page, &fields).await;
    assert_eq!(again.status, 422);
    let words = words(&again);
    for said in [
        "Nothing was approved yet: look at the marked fields.",
        "Give the day as year, month and day, such as 2030-12-31.",
        "Give a whole number from 1 to 1000000, or nothing.",
        "Only up to 1000 was asked for.",
        "Leave at least one.",
    ] {
        assert!(words.contains(said), "{said} is not in {words}");
    }
    for kept in [
        "value=\"&#60;b&#62;soon\"",
        "value=\"0\"",
        "value=\"7\"",
        "value=\"5000\"",
    ] {
        assert!(again.text.contains(kept), "{kept} is not in {}", again.text);
    }
    assert!(again.text.contains("<option value=\"on\" selected>"));
    assert!(again.text.contains("<details class=\"why bounds\" open>"));
    assert_eq!(again.text.matches("aria-invalid=\"true\"").count(), 3);
    assert_eq!(bank.status(&host, &agent).await.body["status"], "pending");
}

// AA-8.10-02, AA-8.10-04
#[tokio::test]
async fn a_name_like_somebody_elses_and_a_request_without_limits_are_pointed_out() {
    let config = extended("[approval]\nprotected_names = [\"PayPal\"]");
    let bank = Bank::start_with(&config).await;
    let mut body = wish(json!(["list_accounts"]));
    let plain = shown(&bank, &asked(&bank, &body).await.2).await.1;
    for unsaid in ["looks like", "different alphabets", "without any limit"] {
        assert!(!words(&plain).contains(unsaid), "{}", words(&plain));
    }
    body["host_name"] = json!("\u{420}aypal");
    body["name"] = json!("Bank helper");
    let odd = shown(&bank, &asked(&bank, &body).await.2).await.1;
    for said in [
        "The name looks like “PayPal”.",
        "mixes letters of different alphabets",
    ] {
        assert!(words(&odd).contains(said), "{}", words(&odd));
    }
    body["host_name"] = json!("Laptop");
    let own = shown(&bank, &asked(&bank, &body).await.2).await.1;
    assert!(
        words(&own).contains("The name looks like “bank”."),
        "{}",
        words(&own)
    );
}

#[tokio::test]
async fn denying_an_agent_that_wants_to_go_on_is_said_to_be_final() {
    let bank = Bank::start_with(&extended("[lifetime]\nsession_ttl = \"30m\"")).await;
    let (host, agent, answer) = asked(&bank, &wish(json!(["echo"]))).await;
    bank.administrator_approves(&answer).await;
    bank.clock.advance(std::time::Duration::from_hours(1));
    let token = host.token(&bank);
    let body = json!({ "agent_id": agent.id });
    let answer = bank.post("/agent/reactivate", Some(&token), &body).await;
    let (mut browser, page) = shown(&bank, &answer).await;
    let page_words = words(&page);
    assert!(page_words.contains("Let this agent go on?"), "{page_words}");
    assert!(
        page_words.contains("Denying ends this agent for good"),
        "{page_words}"
    );
    let done = browser.decide(&page, &[("decision", "deny")]).await;
    assert_eq!(done.status, 200);
    assert_eq!(bank.status(&host, &agent).await.body["status"], "rejected");
}

// AA-8.11-05
#[tokio::test]
async fn a_gesture_holds_for_an_hour_that_began_when_it_was_asked_for() {
    let bank = bank_by_name().await;
    let (host, agent, answer) = asked(&bank, &transfers()).await;
    let (mut browser, page) = shown(&bank, &answer).await;
    let id = item(&page, "transfer_domestic");
    let (reference, digest) = (value_of(&page, "reference"), value_of(&page, "shown"));
    let ends = format!("ends-{id}");
    let moment = bank.now().as_millis().to_string();
    let mut fields = vec![
        ("reference", reference.as_str()),
        ("shown", &digest),
        ("decision", "approve"),
        ("item", &id),
        (&ends, "hour"),
    ];
    let gesture = browser.gesture("/device/challenge", &fields).await.unwrap();
    bank.clock.advance(Duration::from_secs(30));
    fields.extend([("answer", gesture.as_str()), ("moment", &moment)]);
    assert_eq!(browser.post("/device", &fields).await.status, 200);
    let status = bank.status(&host, &agent).await;
    let ends = &status.grant("transfer_domestic")["expires_at"];
    assert_eq!(ends, "2026-02-25T11:00:00Z");
}
