//! Requests that wait in a person's inbox (§7.2), and when one goes there (§7.5).

use std::time::Duration;

use procura_people::consent::{ConsentAnswer, ConsentView};
use procura_people::presence::Method;
use procura_service::admin::{AdminRequest, Listing};
use procura_service::agent_auth::consent::ConsentError;
use procura_service::agent_auth::inbox;
use serde_json::{Value, json};

use crate::support::flows::{ALICE, BOB, CODES_ONLY};
use crate::support::http::Answer;
use crate::support::signers::{TestAgent, TestHost};
use crate::support::{Bank, extended};

const FIVE_MINUTES: Duration = Duration::from_mins(5);

/// A registration that would like its approval to wait in an inbox.
fn helper(capabilities: Value) -> Value {
    json!({ "name": "Helper", "capabilities": capabilities, "preferred_method": "ciba" })
}

async fn ask_for_more(bank: &Bank, agent: &TestAgent, hints: &[(&str, &str)]) -> Answer {
    let mut body = json!({ "capabilities": ["check_balance"], "preferred_method": "ciba" });
    for (name, value) in hints {
        body[*name] = (*value).into();
    }
    bank.request_by(&agent.token(bank, &bank.issuer), &body)
        .await
}

/// What waits for this person.
async fn inbox_of(bank: &Bank, email: &str) -> Vec<ConsentView> {
    let person = bank.person(email, Method::Password).await;
    inbox::list(&bank.ctx, &person).await.unwrap()
}

fn method(answer: &Answer) -> &str {
    let method = answer.body["approval"]["method"].as_str();
    method.unwrap_or_else(|| panic!("no approval in {answer:?}"))
}

fn assert_full(answer: &Answer, seconds: &str) {
    assert_eq!(answer.refusal(), (429, "rate_limited"));
    assert_eq!(answer.header("retry-after"), Some(seconds));
}

// AA-7-02, AA-7.2-01, AA-7.2-02, AA-7.5-03
#[tokio::test]
async fn a_request_of_a_linked_host_waits_in_the_inbox_of_its_person() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    let expected = json!({ "method": "ciba", "expires_in": 300, "interval": 5 });
    let approval = |answer: &Answer| {
        let mut approval = answer.body["approval"].clone();
        approval.as_object_mut().unwrap().remove("notification_url");
        approval
    };
    let (newcomer, registered) = bank
        .register(&host, &helper(json!(["list_accounts"])))
        .await;
    assert_eq!(registered.body["status"], "pending");
    assert_eq!(approval(&registered), expected);
    let asked = ask_for_more(&bank, &agent, &[]).await;
    assert_eq!(asked.body["status"], "pending");
    assert_eq!(approval(&asked), expected);

    bank.approve_all(&registered, ALICE).await;
    let status = bank.status(&host, &newcomer).await;
    assert_eq!(status.body["status"], "active");
    assert_eq!(status.grants(), [("list_accounts", "active")]);
    bank.deny(&asked, ALICE, "Not today").await;
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.grants(), [("check_balance", "denied")]);
}

// AA-7.2-04, AA-5.3-07, AA-8.10-03
#[tokio::test]
async fn the_person_finds_it_there_with_what_the_agent_says() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!([])).await;
    let hints = [("binding_message", "Blue\u{202e} <b>17</b>")];
    let answer = ask_for_more(&bank, &agent, &hints).await;
    let message = &answer.body["approval"]["binding_message"];
    assert_eq!(message, "Blue <b>17</b>");
    let [view] = inbox_of(&bank, ALICE).await.try_into().unwrap();
    assert_eq!(view.message.as_deref(), Some("Blue <b>17</b>"));
    assert_eq!(view.items[0].name, "check_balance");
    bank.approve_all(&answer, ALICE).await;
    assert_eq!(inbox_of(&bank, ALICE).await, []);
}

// AA-7.5-02, AA-5.3-06
#[tokio::test]
async fn only_a_client_that_wants_the_inbox_gets_it() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!([])).await;
    for (preferred, expected) in [
        ("device_authorization", "device_authorization"),
        ("ciba", "ciba"),
        ("smoke signals", "device_authorization"),
    ] {
        let answer = ask_for_more(&bank, &agent, &[("preferred_method", preferred)]).await;
        assert_eq!(method(&answer), expected, "{preferred}");
        let has_code = answer.body["approval"]["user_code"].is_string();
        assert_eq!(has_code, expected == "device_authorization");
    }
}

/// Neither a stranger nor a host that belongs to somebody learns who has an account.
// AA-7.2-06
#[tokio::test]
async fn whom_a_client_names_makes_no_difference() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!([])).await;
    bank.person(BOB, Method::Password).await;
    for hint in [ALICE, BOB, "nobody@example.com", "no address"] {
        let mut body = helper(json!(["check_balance"]));
        body["login_hint"] = hint.into();
        body["preferred_method"] = "ciba".into();
        let (_, stranger) = bank.register(&TestHost::new(), &body).await;
        assert_eq!(method(&stranger), "device_authorization", "{hint}");
        let linked = ask_for_more(&bank, &agent, &[("login_hint", hint)]).await;
        assert_eq!(method(&linked), "ciba", "{hint}");
    }
    assert_eq!(inbox_of(&bank, ALICE).await.len(), 1);
    assert_eq!(inbox_of(&bank, BOB).await, []);
}

// AA-7.2-06
#[tokio::test]
async fn for_everybody_else_it_does_not_exist() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!([])).await;
    let answer = ask_for_more(&bank, &agent, &[]).await;
    let alice = bank.person(ALICE, Method::Passkey).await;
    let (id, view) = bank.read(&alice, &answer).await.unwrap();
    let bob = bank.person(BOB, Method::Passkey).await;
    assert_eq!(inbox_of(&bank, BOB).await, []);
    let seen = inbox::view(&bank.ctx, &bob, &id).await;
    assert!(matches!(seen, Err(ConsentError::Unknown)), "{seen:?}");
    for no in [true, false] {
        let answer = if no {
            ConsentAnswer::Deny { reason: None }
        } else {
            ConsentAnswer::Approve { items: Vec::new() }
        };
        let refused = bank.decide(&bob, &id, &view, &answer).await;
        assert!(matches!(refused, Err(ConsentError::Unknown)), "{refused:?}");
    }
    assert_eq!(inbox_of(&bank, ALICE).await, [view]);
}

/// Whoever has a code has to type it: an identifier opens nothing.
#[tokio::test]
async fn a_request_with_a_code_is_in_no_inbox() {
    let bank = Bank::start().await;
    let (_, agent) = bank.approved_agent(json!([])).await;
    let answer = bank.request(&agent, json!(["check_balance"])).await;
    let alice = bank.person(ALICE, Method::Passkey).await;
    let (id, _) = bank.read(&alice, &answer).await.unwrap();
    assert_eq!(inbox_of(&bank, ALICE).await, []);
    let seen = inbox::view(&bank.ctx, &alice, &id).await;
    assert!(matches!(seen, Err(ConsentError::Unknown)), "{seen:?}");
}

// AA-7.2-06
#[tokio::test]
async fn so_many_requests_of_one_host_may_wait_and_no_more() {
    let bank = Bank::start_with(&extended("[approval]\ninbox_per_host = 2")).await;
    let (host, _) = bank.approved_agent(json!([])).await;
    let body = helper(json!(["check_balance"]));
    let (first, _) = bank.register(&host, &body).await;
    bank.clock.advance(Duration::from_mins(1));
    let (_, second) = bank.register(&host, &body).await;
    let (_, refused) = bank.register(&host, &body).await;
    assert_full(&refused, "240");
    // The same key again replaces its own request.
    assert_eq!(bank.register_again(&host, &first, &body).await.status, 200);
    // A code bothers nobody.
    let mut with_code = body.clone();
    with_code["preferred_method"] = "device_authorization".into();
    let (_, answer) = bank.register(&host, &with_code).await;
    assert_eq!(method(&answer), "device_authorization");
    // An answer makes room, and so does time.
    bank.deny(&second, ALICE, "no").await;
    assert_eq!(bank.register(&host, &body).await.1.status, 200);
    assert_full(&bank.register(&host, &body).await.1, "300");
    bank.clock.advance(FIVE_MINUTES);
    assert_eq!(bank.register(&host, &body).await.1.status, 200);
}

// AA-7.2-06
#[tokio::test]
async fn so_many_requests_may_wait_for_one_person_and_no_more() {
    let bank = Bank::start_with(&extended("[approval]\ninbox_per_person = 2")).await;
    let mut hosts = Vec::new();
    for _ in 0..3 {
        hosts.push(bank.approved_agent(json!([])).await);
    }
    for (_, agent) in &hosts[..2] {
        assert_eq!(method(&ask_for_more(&bank, agent, &[]).await), "ciba");
    }
    assert_full(&ask_for_more(&bank, &hosts[2].1, &[]).await, "300");
    // Asking for the same again replaces the first request.
    assert_eq!(ask_for_more(&bank, &hosts[0].1, &[]).await.status, 200);
    assert_eq!(inbox_of(&bank, ALICE).await.len(), 2);
    // Others have inboxes of their own.
    let host = TestHost::new();
    let (_, answer) = bank.register(&host, &helper(json!([]))).await;
    bank.approve_all(&answer, BOB).await;
    let (_, answer) = bank
        .register(&host, &helper(json!(["check_balance"])))
        .await;
    assert_eq!(method(&answer), "ciba");
}

#[tokio::test]
async fn switched_off_every_request_has_a_code() {
    let bank = Bank::start_with(&extended(CODES_ONLY)).await;
    let (_, agent) = bank.approved_agent(json!([])).await;
    let answer = ask_for_more(&bank, &agent, &[("preferred_method", "ciba")]).await;
    assert_eq!(method(&answer), "device_authorization");
}

#[tokio::test]
async fn what_an_administrator_decides_is_in_nobodys_inbox() {
    let bank = Bank::start().await;
    let (host, _) = bank.approved_agent(json!([])).await;
    let mut body = helper(json!(["check_balance"]));
    body["mode"] = "autonomous".into();
    let (_, answer) = bank.register(&host, &body).await;
    assert_eq!(method(&answer), "device_authorization");
    assert_eq!(inbox_of(&bank, ALICE).await, []);
}

#[tokio::test]
async fn an_administrator_can_answer_in_the_persons_place() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    ask_for_more(&bank, &agent, &[]).await;
    let listing = Listing {
        after: None,
        limit: None,
    };
    let listed = bank.administer(AdminRequest::ListApprovals(listing)).await;
    assert_eq!(listed[0]["method"], "ciba");
    let reference = listed[0]["reference"].as_str().unwrap().to_owned();
    let user = None;
    bank.administer(AdminRequest::Approve { reference, user })
        .await;
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.grants(), [("check_balance", "active")]);
}

#[tokio::test]
async fn a_request_of_an_agent_that_ended_leaves_the_inbox() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    ask_for_more(&bank, &agent, &[]).await;
    bank.revoke(&host, &agent).await;
    assert_eq!(inbox_of(&bank, ALICE).await, []);
    // An agent that expires is not revoked by anybody, and what it asked for stays open.
    let config = "[approval]\nexpires_in = \"3h\"\n[lifetime]\nsession_ttl = \"1h\"";
    let bank = Bank::start_with(&extended(config)).await;
    let (_, agent) = bank.approved_agent(json!([])).await;
    ask_for_more(&bank, &agent, &[]).await;
    assert_eq!(inbox_of(&bank, ALICE).await.len(), 1);
    bank.clock.advance(Duration::from_hours(2));
    assert_eq!(inbox_of(&bank, ALICE).await, []);
}

// AA-7.2-05
#[tokio::test]
async fn the_pages_of_the_inbox_are_no_endpoints_of_the_protocol() {
    let bank = Bank::start().await;
    let document = bank.get("/.well-known/agent-configuration", None).await;
    let endpoints = document.body["endpoints"].to_string();
    for page in ["inbox", "device", "login"] {
        assert!(!endpoints.contains(page), "{page} in {endpoints}");
    }
}
