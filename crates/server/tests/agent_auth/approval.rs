//! What people's answers change (§2.9, §5.3, §7.1, §8.10, §8.11). Pages and administrators come in
//! through the same calls.

use std::time::Duration;

use procura_agent_auth::approval::ApprovalError;
use procura_people::consent::{Chosen, ConsentAnswer};
use procura_people::presence::{Lacking, Method};
use procura_service::admin::{AdminReply, AdminRequest};
use procura_service::agent_auth::consent::{self, ConsentError};
use serde_json::json;

use crate::support::flows::{ALICE, BOB, wish};
use crate::support::signers::TestHost;
use crate::support::{Bank, extended};

fn is_refused(result: Result<(), ConsentError>, expected: ApprovalError) {
    match result {
        Err(ConsentError::Refused(error)) => assert_eq!(error, expected),
        other => panic!("{other:?} instead of {expected:?}"),
    }
}

// AA-2.9-01, AA-2.7-03, AA-3.1-04, AA-3.2-03, AA-2.2-05
#[tokio::test]
async fn approving_links_the_host_to_whoever_approved() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    bank.approve_all(&asked, ALICE).await;
    let status = bank.status(&host, &agent).await;
    let alice = bank
        .person(ALICE, Method::Passkey)
        .await
        .person
        .id
        .to_string();
    assert_eq!(status.body["status"], "active");
    assert_eq!(status.body["user_id"], alice);
    assert_eq!(status.grant("list_accounts")["granted_by"], alice);
    assert_eq!(
        bank.execute(&agent, "list_accounts", json!({}))
            .await
            .status,
        200
    );
}

// AA-2.9-04, AA-2.7-03
#[tokio::test]
async fn another_persons_approval_does_not_move_a_linked_host() {
    let bank = Bank::start().await;
    let (host, first) = bank.approved_agent(json!(["echo"])).await;
    let (agent, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    let bob = bank.person(BOB, Method::Passkey).await;
    is_refused(
        bank.try_approve(&asked, &bob).await,
        ApprovalError::OtherPerson,
    );
    // He may not turn it down either: he does not even get to see it.
    let id = consent::find_by_code(&bank.ctx, &asked.user_code())
        .await
        .unwrap();
    let shown = consent::view(&bank.ctx, &bob, &id).await;
    assert!(matches!(
        shown,
        Err(ConsentError::Refused(ApprovalError::OtherPerson))
    ));
    let alice = bank.status(&host, &first).await.body["user_id"].clone();
    assert_eq!(bank.status(&host, &agent).await.body["status"], "pending");
    bank.approve_all(&asked, ALICE).await;
    assert_eq!(bank.status(&host, &agent).await.body["user_id"], alice);
}

// AA-2.9-04
#[tokio::test]
async fn of_two_people_who_read_the_same_request_the_first_to_answer_decides() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    let (alice, bob) = (
        bank.person(ALICE, Method::Passkey).await,
        bank.person(BOB, Method::Passkey).await,
    );
    let (id, view) = bank.read(&alice, &asked).await.unwrap();
    bank.try_approve(&asked, &bob).await.unwrap();
    let yes = ConsentAnswer::Approve {
        items: vec![Chosen::as_asked(view.items[0].id.clone())],
    };
    is_refused(
        bank.decide(&alice, &id, &view, &yes).await,
        ApprovalError::AlreadyDecided,
    );
    let bob = bob.person.id.to_string();
    assert_eq!(bank.status(&host, &agent).await.body["user_id"], bob);
}

// AA-5.3-20, AA-5.3-18, AA-5.3-23, AA-3.3-09
#[tokio::test]
async fn some_capabilities_may_be_approved_and_others_not() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let wanted = json!(["echo", "list_accounts", "check_balance"]);
    let (agent, asked) = bank.register(&host, &wish(wanted)).await;
    bank.approve_some(&asked, ALICE, &["list_accounts"]).await;
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.body["status"], "active");
    let expected = [
        ("echo", "denied"),
        ("list_accounts", "active"),
        ("check_balance", "denied"),
    ];
    assert_eq!(status.grants(), expected);
    assert_eq!(
        status.grant("echo")["reason"],
        "Not among what was approved."
    );
    assert_eq!(
        bank.execute(&agent, "list_accounts", json!({}))
            .await
            .status,
        200
    );
    let denied = bank.execute(&agent, "echo", json!({})).await;
    assert_eq!(denied.refusal(), (403, "capability_not_granted"));
}

/// Whoever asks: a new agent, one that wants more, and one that wants to go on.
// AA-7-01, AA-7-03, AA-7-04, AA-7-05
#[tokio::test]
async fn each_answer_that_waits_for_somebody_says_where_to_go() {
    let bank = Bank::start_with(&extended("[lifetime]\nsession_ttl = \"30m\"")).await;
    let host = TestHost::new();
    let (agent, registered) = bank.register(&host, &wish(json!(["echo"]))).await;
    bank.administrator_approves(&registered).await;
    let more = bank.request(&agent, json!(["list_accounts"])).await;
    bank.clock.advance(Duration::from_hours(1));
    let body = json!({ "agent_id": agent.id });
    let token = host.token(&bank);
    let resumed = bank.post("/agent/reactivate", Some(&token), &body).await;
    for answer in [registered, more, resumed] {
        let approval = &answer.body["approval"];
        assert_eq!(approval["method"], "device_authorization", "{answer:?}");
        assert_eq!(
            (&approval["expires_in"], &approval["interval"]),
            (&json!(300), &json!(5))
        );
        let page = format!("{}/device", bank.issuer);
        assert_eq!(approval["verification_uri"], page);
        let complete = format!("{page}?code={}", answer.user_code());
        assert_eq!(approval["verification_uri_complete"], complete);
    }
}

/// Chosen by whoever prefers it, and answered by whoever runs the server.
// AA-10.10.3-01, AA-7.5-02
#[tokio::test]
async fn a_method_of_the_servers_own_is_listed_chosen_and_answered_by_an_administrator() {
    let config = "[approval.custom.desk]\ninstructions = \"Ask at the desk\"\nurl = \"https://desk.example/\"";
    let bank = Bank::start_with(&extended(config)).await;
    let document = bank.get("/.well-known/agent-configuration", None).await;
    let methods = json!(["device_authorization", "ciba", "desk"]);
    assert_eq!(document.body["approval_methods"], methods);
    let host = TestHost::new();
    let mut body = wish(json!(["list_accounts"]));
    body["preferred_method"] = json!("desk");
    let (agent, answer) = bank.register(&host, &body).await;
    let mut approval = answer.body["approval"].clone();
    approval.as_object_mut().unwrap().remove("notification_url");
    let expected = json!({
        "method": "desk",
        "instructions": "Ask at the desk",
        "url": "https://desk.example/",
        "expires_in": 300,
        "interval": 5,
    });
    assert_eq!(approval, expected);
    let alice = bank.person(ALICE, Method::Passkey).await;
    let hidden = bank.read(&alice, &answer).await;
    assert!(matches!(hidden, Err(ConsentError::Unknown)), "{hidden:?}");
    bank.administrator_approves(&answer).await;
    assert_eq!(bank.status(&host, &agent).await.body["status"], "active");
}

/// Each time it replaces a code, the log has it.
#[tokio::test]
async fn a_repeated_registration_is_on_record() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let body = wish(json!(["list_accounts"]));
    let (agent, first) = bank.register(&host, &body).await;
    let first = bank.request_behind(&first).await.unwrap();
    let second = bank.register_again(&host, &agent, &body).await;
    let second = bank.request_behind(&second).await.unwrap();
    let records = bank.records_of("approval.renewed").await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["agent_id"], agent.id);
    let detail = json!({ "approval_id": second, "replaced": [first] });
    assert_eq!(records[0]["detail"], detail);
}

/// The other request stays open, and its grants wait on.
// AA-5.3-20, AA-5.4-05
#[tokio::test]
async fn an_answer_touches_only_what_its_request_was_raised_for() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    let one = bank.request(&agent, json!(["list_accounts"])).await;
    let other = bank.request(&agent, json!(["check_balance"])).await;
    bank.approve_all(&one, ALICE).await;
    let grants = bank.status(&host, &agent).await;
    let expected = [("list_accounts", "active"), ("check_balance", "pending")];
    assert_eq!(grants.grants(), expected);
    bank.deny(&other, ALICE, "no").await;
    let grants = bank.status(&host, &agent).await;
    let expected = [("list_accounts", "active"), ("check_balance", "denied")];
    assert_eq!(grants.grants(), expected);
}

// AA-5.3-21
#[tokio::test]
async fn approving_none_of_them_leaves_an_active_agent_that_may_ask_again() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    bank.approve_some(&asked, ALICE, &[]).await;
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.body["status"], "active");
    assert_eq!(status.grants(), [("list_accounts", "denied")]);
    let again = bank.request(&agent, json!(["list_accounts"])).await;
    bank.approve_all(&again, ALICE).await;
    assert_eq!(
        bank.execute(&agent, "list_accounts", json!({}))
            .await
            .status,
        200
    );
}

// AA-7.1-04, AA-5.3-23, AA-3.3-05
#[tokio::test]
async fn turning_a_registration_down_ends_the_agent_and_another_may_ask() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    bank.deny(&asked, ALICE, "Not today").await;
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.body["status"], "rejected");
    assert_eq!(status.grant("list_accounts")["reason"], "Not today");
    // Saying no connects nobody: somebody else may still say yes to another agent.
    let (second, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    bank.approve_all(&asked, BOB).await;
    let bob = bank
        .person(BOB, Method::Passkey)
        .await
        .person
        .id
        .to_string();
    assert_eq!(bank.status(&host, &second).await.body["user_id"], bob);
    assert_eq!(bank.status(&host, &agent).await.body["status"], "rejected");
}

// AA-5.3-09, AA-7.1-03
#[tokio::test]
async fn a_retry_makes_the_earlier_code_useless() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let body = wish(json!(["list_accounts"]));
    let (agent, first) = bank.register(&host, &body).await;
    let second = bank.register_again(&host, &agent, &body).await;
    let alice = bank.person(ALICE, Method::Passkey).await;
    is_refused(
        bank.try_approve(&first, &alice).await,
        ApprovalError::Cancelled,
    );
    bank.try_approve(&second, &alice).await.unwrap();
    assert_eq!(
        bank.status(&host, &agent).await.grants(),
        [("list_accounts", "active")]
    );
}

// AA-7.1-03
#[tokio::test]
async fn a_code_works_once() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    let alice = bank.person(ALICE, Method::Passkey).await;
    bank.try_approve(&asked, &alice).await.unwrap();
    is_refused(
        bank.try_approve(&asked, &alice).await,
        ApprovalError::AlreadyDecided,
    );
    assert_eq!(
        bank.status(&host, &agent).await.grants(),
        [("list_accounts", "active")]
    );
}

// AA-7.1-03, AA-7.1-02
#[tokio::test]
async fn a_code_dies_with_its_time_and_a_retry_brings_a_new_one() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let body = wish(json!(["list_accounts"]));
    let (agent, first) = bank.register(&host, &body).await;
    assert_eq!(first.body["approval"]["expires_in"], 300);
    let alice = bank.person(ALICE, Method::Passkey).await;
    let (id, view) = bank.read(&alice, &first).await.unwrap();
    bank.clock.advance(Duration::from_secs(299));
    bank.read(&alice, &first).await.unwrap();
    bank.clock.advance(Duration::from_secs(1));
    let yes = ConsentAnswer::Approve {
        items: vec![Chosen::as_asked(view.items[0].id.clone())],
    };
    is_refused(
        bank.decide(&alice, &id, &view, &yes).await,
        ApprovalError::Expired,
    );
    // Nobody answered, so the agent still waits (and is not rejected).
    assert_eq!(bank.status(&host, &agent).await.body["status"], "pending");
    let second = bank.register_again(&host, &agent, &body).await;
    bank.approve_all(&second, ALICE).await;
    assert_eq!(bank.status(&host, &agent).await.body["status"], "active");
}

#[tokio::test]
async fn codes_are_read_as_people_type_them_and_guesses_find_nothing() {
    let bank = Bank::start().await;
    let (_, asked) = bank.register(&TestHost::new(), &wish(json!([]))).await;
    let code = asked.user_code();
    let typed = [
        code.clone(),
        code.to_lowercase(),
        code.replace('-', ""),
        code.replace('-', "  "),
    ];
    for typed in typed {
        assert!(
            consent::find_by_code(&bank.ctx, &typed).await.is_ok(),
            "{typed}"
        );
    }
    for guess in [
        "",
        "BBBB-BBBB",
        "x",
        "\u{0}",
        &code[..8],
        &format!("{code}B"),
    ] {
        let found = consent::find_by_code(&bank.ctx, guess).await;
        assert!(matches!(found, Err(ConsentError::Unknown)), "{guess}");
    }
}

// AA-8.10-07, AA-8.11-02, AA-8.11-03
#[tokio::test]
async fn what_moves_money_takes_more_than_a_password() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, asked) = bank
        .register(&host, &wish(json!(["transfer_domestic", "list_accounts"])))
        .await;
    let typed = bank.person(ALICE, Method::Password).await;
    let lacking = bank.try_approve(&asked, &typed).await;
    assert!(
        matches!(lacking, Err(ConsentError::Lacking(Lacking::Presence))),
        "{lacking:?}"
    );
    assert_eq!(bank.status(&host, &agent).await.body["status"], "pending");
    // For the rest of it a password is enough.
    let (id, view) = bank.read(&typed, &asked).await.unwrap();
    let harmless = view
        .items
        .iter()
        .find(|item| item.name == "list_accounts")
        .unwrap();
    let yes = ConsentAnswer::Approve {
        items: vec![Chosen::as_asked(harmless.id.clone())],
    };
    bank.decide(&typed, &id, &view, &yes).await.unwrap();
    let expected = [("transfer_domestic", "denied"), ("list_accounts", "active")];
    assert_eq!(bank.status(&host, &agent).await.grants(), expected);
}

// AA-8.11-01
#[tokio::test]
async fn a_sign_in_from_a_while_ago_is_enough_to_say_no_but_not_to_say_yes() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let stale = bank.person(ALICE, Method::Password).await;
    bank.clock.advance(bank.ctx.policy().session.fresh_for);
    let (agent, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    let lacking = bank.try_approve(&asked, &stale).await;
    assert!(
        matches!(lacking, Err(ConsentError::Lacking(Lacking::Freshness))),
        "{lacking:?}"
    );
    let (id, view) = bank.read(&stale, &asked).await.unwrap();
    bank.decide(&stale, &id, &view, &ConsentAnswer::Deny { reason: None })
        .await
        .unwrap();
    assert_eq!(bank.status(&host, &agent).await.body["status"], "rejected");
}

// AA-2.13-04
#[tokio::test]
async fn an_answer_to_something_else_than_what_was_shown_does_not_count() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    let alice = bank.person(ALICE, Method::Passkey).await;
    let (id, mut view) = bank.read(&alice, &asked).await.unwrap();
    let items = vec![Chosen::as_asked(view.items[0].id.clone())];
    view.items[0].description = "Look at the weather".to_owned();
    let answer = ConsentAnswer::Approve { items };
    let changed = bank.decide(&alice, &id, &view, &answer).await;
    assert!(matches!(changed, Err(ConsentError::Changed)), "{changed:?}");
    assert_eq!(bank.status(&host, &agent).await.body["status"], "pending");
}

// AA-2.2-06
#[tokio::test]
async fn an_autonomous_registration_waits_for_an_administrator_where_policy_says_so() {
    let bank = Bank::start_changed(
        r#"unknown_hosts = "activate""#,
        r#"unknown_hosts = "pending""#,
    )
    .await;
    let host = TestHost::new();
    let body = json!({ "name": "W", "mode": "autonomous", "capabilities": ["echo"] });
    let (agent, asked) = bank.register(&host, &body).await;
    assert_eq!(asked.grants(), [("echo", "pending")]);
    let alice = bank.person(ALICE, Method::Passkey).await;
    is_refused(
        bank.try_approve(&asked, &alice).await,
        ApprovalError::AdministratorsOnly,
    );
    bank.administrator_approves(&asked).await;
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.body["status"], "active");
    // Nobody is linked by it.
    assert_eq!(status.body.get("user_id"), None);
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
}

// AA-2.9-02
#[tokio::test]
async fn an_administrator_may_approve_for_somebody_and_link_the_host_to_them() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let alice = bank
        .person(ALICE, Method::Password)
        .await
        .person
        .id
        .to_string();
    let (agent, asked) = bank
        .register(&host, &wish(json!(["transfer_domestic"])))
        .await;
    let (reference, user) = (asked.user_code(), Some(ALICE.to_owned()));
    bank.administer(AdminRequest::Approve { reference, user })
        .await;
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.body["user_id"], alice);
    assert_eq!(
        status.grant("transfer_domestic")["granted_by"],
        "administrator"
    );
}

#[tokio::test]
async fn an_administrators_no_counts_and_only_once() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    let deny = || AdminRequest::Deny {
        reference: asked.user_code(),
        reason: Some("Policy".into()),
    };
    bank.administer(deny()).await;
    let status = bank.status(&host, &agent).await;
    assert_eq!(status.body["status"], "rejected");
    assert_eq!(status.grant("list_accounts")["reason"], "Policy");
    assert!(matches!(
        bank.try_administer(deny()).await,
        AdminReply::Refused(_)
    ));
}

#[tokio::test]
async fn a_request_of_an_agent_that_expired_meanwhile_cannot_be_approved() {
    let bank = Bank::start_with(&extended("[approval]\nexpires_in = \"24h\"")).await;
    let (host, agent) = bank.approved_agent(json!([])).await;
    let asked = bank.request(&agent, json!(["list_accounts"])).await;
    bank.clock.advance(Duration::from_hours(2));
    let alice = bank.person(ALICE, Method::Passkey).await;
    let late = bank.try_approve(&asked, &alice).await;
    assert!(
        matches!(late, Err(ConsentError::Refused(ApprovalError::AgentIs(_)))),
        "{late:?}"
    );
    assert_eq!(bank.status(&host, &agent).await.body["status"], "expired");
}
