//! `POST /agent/register` (§5.3).

use procura_keys::jwt::{self, Header};
use procura_keys::thumbprint::Thumbprint;
use procura_people::presence::Method;
use procura_service::admin::{AdminRequest, Listing};
use serde_json::{Value, json};

use crate::support::flows::{ALICE, wish};
use crate::support::signers::{TestHost, jwk, new_key};
use crate::support::{Bank, changed};

async fn agents(bank: &Bank) -> usize {
    let listed = bank
        .administer(AdminRequest::ListAgents(Listing::default()))
        .await;
    listed.as_array().unwrap().len()
}

// AA-5.3-12, AA-5.3-13, AA-5.3-14, AA-5.3-17, AA-2.8-01, AA-4.5.1-08, AA-8.10-01
#[tokio::test]
async fn an_agent_of_an_unknown_host_waits_for_approval_with_everything_it_asks_for() {
    let bank = Bank::start().await;
    let (_, answer) = bank
        .register(&TestHost::new(), &wish(json!(["echo", "check_balance"])))
        .await;
    insta::assert_snapshot!(bank.shown(&answer), @r#"
    200 {
      "agent_capability_grants": [
        {
          "capability": "echo",
          "status": "pending"
        },
        {
          "capability": "check_balance",
          "status": "pending"
        }
      ],
      "agent_id": "agt_ID",
      "approval": {
        "expires_in": 300,
        "interval": 5,
        "method": "device_authorization",
        "notification_url": "https://bank.example/agent/events/SECRET",
        "user_code": "CODE",
        "verification_uri": "https://bank.example/device",
        "verification_uri_complete": "https://bank.example/device?code=CODE"
      },
      "host_id": "hst_ID",
      "mode": "delegated",
      "name": "Helper",
      "status": "pending"
    }
    "#);
}

// AA-5.3-12, AA-5.3-13, AA-5.3-14, AA-5.3-15, AA-2.9-03, AA-2.7-04
#[tokio::test]
async fn an_agent_of_a_linked_host_gets_the_hosts_defaults_at_once() {
    let bank = Bank::start().await;
    let (host, _) = bank.approved_agent(json!([])).await;
    let (_, answer) = bank.register(&host, &wish(json!(["echo"]))).await;
    insta::assert_snapshot!(bank.shown(&answer), @r#"
    200 {
      "agent_capability_grants": [
        {
          "capability": "echo",
          "description": "Returns the arguments it was called with",
          "granted_by": "policy",
          "status": "active"
        }
      ],
      "agent_id": "agt_ID",
      "host_id": "hst_ID",
      "mode": "delegated",
      "name": "Helper",
      "status": "active"
    }
    "#);
}

// AA-5.3-15
#[tokio::test]
async fn an_active_grant_carries_the_schemas_of_its_capability() {
    let check = "Check the balance of one of your accounts\"\napproval = \"session\"";
    let free = check.replace("session", "none");
    let bank = Bank::start_with(&changed(check, &free)).await;
    let (host, _) = bank.approved_agent(json!([])).await;
    let (_, answer) = bank.register(&host, &wish(json!(["check_balance"]))).await;
    let grant = answer.grant("check_balance");
    assert_eq!(grant["status"], "active");
    assert_eq!(grant["input"]["required"], json!(["account_id"]));
    assert_eq!(grant["output"]["properties"]["balance"]["type"], "number");
}

// AA-8.10-06
#[tokio::test]
async fn a_linked_host_still_asks_for_what_is_not_a_default() {
    let bank = Bank::start().await;
    let (host, _) = bank.approved_agent(json!(["transfer_domestic"])).await;
    let wanted = json!(["echo", "transfer_domestic", "list_accounts"]);
    let (agent, answer) = bank.register(&host, &wish(wanted)).await;
    assert_eq!(answer.body["status"], "pending");
    let expected = [
        ("echo", "active"),
        ("transfer_domestic", "pending"),
        ("list_accounts", "pending"),
    ];
    assert_eq!(answer.grants(), expected);
    // Until somebody answers, not even the default can be used.
    let tried = bank.execute(&agent, "echo", json!({})).await;
    assert_eq!(tried.refusal(), (403, "agent_pending"));
}

// AA-2.2-01
#[tokio::test]
async fn a_registration_without_a_mode_is_delegated() {
    let bank = Bank::start().await;
    for body in [json!({ "name": "A" }), json!({ "name": "A", "mode": null })] {
        let (_, answer) = bank.register(&TestHost::new(), &body).await;
        assert_eq!(answer.body["mode"], "delegated");
    }
}

// AA-2.2-06, AA-5.3-18, AA-5.3-23, AA-2.7-02
#[tokio::test]
async fn an_autonomous_agent_gets_what_policy_gives_and_nobody_is_asked() {
    let bank = Bank::start().await;
    let body = json!({ "name": "Worker", "mode": "autonomous", "capabilities": ["echo", "list_accounts"] });
    let (agent, answer) = bank.register(&TestHost::new(), &body).await;
    assert_eq!(answer.body["status"], "active");
    assert_eq!(answer.body["mode"], "autonomous");
    assert!(answer.body["approval"].is_null());
    assert_eq!(
        answer.grants(),
        [("echo", "active"), ("list_accounts", "denied")]
    );
    assert_eq!(answer.grant("echo")["granted_by"], "policy");
    let reason = answer.grant("list_accounts")["reason"].as_str().unwrap();
    assert!(reason.contains("policy"), "{reason}");
    assert_eq!(
        bank.execute(&agent, "echo", json!({ "a": 1 })).await.status,
        200
    );
}

// AA-2.2-04, AA-2.2-03, AA-5.13-11
#[tokio::test]
async fn a_mode_that_is_switched_off_is_refused_and_leaves_nothing_behind() {
    let both = r#"modes = ["delegated", "autonomous"]"#;
    for (on, off) in [("delegated", "autonomous"), ("autonomous", "delegated")] {
        let bank = Bank::start_with(&changed(both, &format!("modes = [{on:?}]"))).await;
        let body = json!({ "name": "A", "mode": off });
        let (_, answer) = bank.register(&TestHost::new(), &body).await;
        assert_eq!(answer.refusal(), (400, "unsupported_mode"), "{off}");
        assert_eq!(agents(&bank).await, 0);
    }
}

#[tokio::test]
async fn autonomous_agents_of_unknown_hosts_can_be_refused() {
    let bank = Bank::start_changed(
        r#"unknown_hosts = "activate""#,
        r#"unknown_hosts = "refuse""#,
    )
    .await;
    let body = json!({ "name": "A", "mode": "autonomous" });
    let (_, answer) = bank.register(&TestHost::new(), &body).await;
    assert_eq!(answer.refusal(), (400, "unsupported_mode"));
}

#[tokio::test]
async fn unknown_hosts_can_be_refused_altogether() {
    let bank = Bank::start_changed(r#"unknown = "register""#, r#"unknown = "refuse""#).await;
    let (_, answer) = bank.register(&TestHost::new(), &wish(json!([]))).await;
    assert_eq!(
        answer.refusal(),
        (403, "dynamic_host_registration_disabled")
    );
    assert_eq!(agents(&bank).await, 0);
}

// AA-5.3-05
#[tokio::test]
async fn without_capabilities_the_agent_has_none_and_can_ask_later() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, answer) = bank.register(&host, &json!({ "name": "A" })).await;
    assert!(answer.grants().is_empty());
    bank.approve_all(&answer, ALICE).await;
    let tried = bank.execute(&agent, "echo", json!({})).await;
    assert_eq!(tried.refusal(), (403, "capability_not_granted"));
    assert_eq!(bank.request(&agent, json!(["echo"])).await.status, 200);
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
}

// AA-5.3-04, AA-2.13-03
#[tokio::test]
async fn capabilities_are_names_or_objects_and_equal_repeats_count_once() {
    let bank = Bank::start().await;
    let limited = json!({ "name": "transfer_domestic", "constraints": { "amount": { "max": 5 } } });
    let wanted = json!(["echo", { "name": "echo" }, limited, limited]);
    let (_, answer) = bank.register(&TestHost::new(), &wish(wanted)).await;
    assert_eq!(
        answer.grants(),
        [("echo", "pending"), ("transfer_domestic", "pending")]
    );
    let unequal = json!(["transfer_domestic", limited]);
    let (_, answer) = bank.register(&TestHost::new(), &wish(unequal)).await;
    assert_eq!(answer.refusal(), (400, "invalid_request"));
}

// AA-5.13-04, AA-5.13-11, AA-8.6-01
#[tokio::test]
async fn names_nobody_offers_are_listed_and_nothing_is_registered() {
    let bank = Bank::start().await;
    let wanted = json!(["echo", "fly", { "name": "swim" }]);
    let (_, answer) = bank.register(&TestHost::new(), &wish(wanted)).await;
    assert_eq!(answer.refusal(), (400, "invalid_capabilities"));
    assert_eq!(answer.body["invalid_capabilities"], json!(["fly", "swim"]));
    assert_eq!(agents(&bank).await, 0);
}

// AA-5.3-06, AA-5.3-07
#[tokio::test]
async fn a_preferred_method_is_a_hint_and_the_answer_names_the_one_chosen() {
    let bank = Bank::start().await;
    for method in ["ciba", "device_authorization", "smoke signals"] {
        let body = json!({
            "name": "A",
            "preferred_method": method,
            "login_hint": ALICE,
            "binding_message": "Blue\u{202e} <b>17</b>",
        });
        let (_, answer) = bank.register(&TestHost::new(), &body).await;
        let approval = &answer.body["approval"];
        assert_eq!(approval["method"], "device_authorization");
        assert_eq!(approval["binding_message"], "Blue <b>17</b>");
    }
}

// AA-5.3-03, AA-5.3-02, AA-3.1-02
#[tokio::test]
async fn the_approver_sees_who_asks_and_why() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let body = json!({
        "name": "Budget  helper",
        "host_name": "Laptop",
        "reason": "To look\nafter the money",
        "capabilities": ["list_accounts"],
    });
    let (_, answer) = bank.register(&host, &body).await;
    let alice = bank.person(ALICE, Method::Password).await;
    let (_, view) = bank.read(&alice, &answer).await.unwrap();
    assert_eq!(view.agent, "Budget helper");
    assert_eq!(view.app.as_deref(), Some("Laptop"));
    assert_eq!(view.reason.as_deref(), Some("To look after the money"));
    assert_eq!(view.items[0].description, "List your accounts");

    // A known host may call itself something else by now, and gains nothing by it.
    let renamed = json!({ "name": "B", "host_name": "Administrator", "capabilities": ["echo"] });
    let (_, answer) = bank.register(&host, &renamed).await;
    assert_eq!(answer.body["status"], "pending");
    let (_, view) = bank.read(&alice, &answer).await.unwrap();
    assert_eq!(view.app.as_deref(), Some("Administrator"));
}

// AA-5.3-08, AA-5.3-09, AA-2.2-02
#[tokio::test]
async fn the_same_key_again_is_the_same_pending_agent_as_it_was_first_asked_for() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let (agent, first) = bank.register(&host, &wish(json!(["check_balance"]))).await;
    let other = json!({ "name": "Other", "mode": "autonomous", "capabilities": ["echo"] });
    let second = bank.register_again(&host, &agent, &other).await;
    assert_eq!(second.status, 200);
    for member in [
        "agent_id",
        "host_id",
        "name",
        "mode",
        "status",
        "agent_capability_grants",
    ] {
        assert_eq!(second.body[member], first.body[member], "{member}");
    }
    assert_ne!(second.user_code(), first.user_code());
    assert_eq!(agents(&bank).await, 1);
}

// AA-5.3-08, AA-2.7-01
#[tokio::test]
async fn the_same_agent_key_under_another_host_is_another_agent() {
    let bank = Bank::start().await;
    let (one, other) = (TestHost::new(), TestHost::new());
    let agent = one.new_agent();
    let first = bank.register_again(&one, &agent, &wish(json!([]))).await;
    let second = bank.register_again(&other, &agent, &wish(json!([]))).await;
    assert_ne!(first.text_of("agent_id"), second.text_of("agent_id"));
    assert_ne!(first.text_of("host_id"), second.text_of("host_id"));
}

// AA-5.3-10, AA-5.13-11
#[tokio::test]
async fn the_key_of_an_agent_that_was_decided_about_cannot_be_used_again() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let body = wish(json!(["echo"]));
    let claimed = bank.autonomous_agent_of(&host).await;
    let active = bank.approved_agent_of(&host, json!(["echo"])).await;
    let revoked = bank.approved_agent_of(&host, json!(["echo"])).await;
    bank.revoke(&host, &revoked).await;
    let (rejected, asked) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    bank.deny(&asked, ALICE, "no").await;
    for (agent, status) in [
        (&active, "active"),
        (&revoked, "revoked"),
        (&rejected, "rejected"),
        (&claimed, "claimed"),
    ] {
        assert_eq!(bank.status(&host, agent).await.body["status"], status);
        let answer = bank.register_again(&host, agent, &body).await;
        assert_eq!(answer.refusal(), (409, "agent_exists"), "{status}");
        assert!(answer.text_of("message").contains(status), "{answer:?}");
    }
    bank.clock.advance(std::time::Duration::from_hours(2));
    let expired = bank.register_again(&host, &active, &body).await;
    assert_eq!(expired.refusal(), (409, "agent_exists"));
    assert!(
        expired.text_of("message").contains("expired"),
        "{expired:?}"
    );
}

// AA-5.3-08
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_key_many_times_at_once_makes_one_host_and_one_agent() {
    let bank = std::sync::Arc::new(Bank::start().await);
    let host = std::sync::Arc::new(TestHost::new());
    let agent = std::sync::Arc::new(host.new_agent());
    let mut sent = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (bank, host, agent) = (bank.clone(), host.clone(), agent.clone());
        sent.spawn(async move {
            bank.register_again(&host, &agent, &wish(json!(["echo"])))
                .await
        });
    }
    let answers = sent.join_all().await;
    for answer in &answers {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body["agent_id"], answers[0].body["agent_id"]);
        assert_eq!(answer.body["host_id"], answers[0].body["host_id"]);
    }
    assert_eq!(agents(&bank).await, 1);
    assert_eq!(bank.records_of("host.registered").await.len(), 1);
}

// AA-5.3-01, AA-4.2-08
#[tokio::test]
async fn a_registration_needs_the_agents_key() {
    let bank = Bank::start().await;
    let token = TestHost::new().token(&bank);
    let answer = bank
        .post("/agent/register", Some(&token), &wish(json!([])))
        .await;
    assert_eq!(answer.refusal(), (400, "invalid_request"));
    assert!(
        answer.text_of("message").contains("agent_public_key"),
        "{answer:?}"
    );
}

// AA-4.1-01, AA-4.1-03, AA-4.1-06, AA-5.13-11, AA-8.1-01
#[tokio::test]
async fn an_agent_key_of_another_type_or_form_is_refused() {
    let bank = Bank::start().await;
    let good = jwk(&new_key());
    let with = |member: &str, value: Value| {
        let mut key = good.clone();
        key[member] = value;
        key
    };
    let cases = [
        (with("kty", json!("EC")), "unsupported_algorithm"),
        (with("crv", json!("X25519")), "unsupported_algorithm"),
        (
            json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }),
            "unsupported_algorithm",
        ),
        (with("d", json!("AAAA")), "invalid_request"),
        (with("x", json!("AAAA")), "invalid_request"),
        (with("x", json!("not base64")), "invalid_request"),
        // The identity point: a key with which anybody can sign.
        (
            with("x", json!("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
            "invalid_request",
        ),
        (with("x", json!(7)), "invalid_request"),
        (json!({ "kty": "OKP" }), "invalid_request"),
        (json!("a key"), "invalid_request"),
        (json!(null), "invalid_request"),
    ];
    for (key, code) in cases {
        let host = TestHost::new();
        let token = host.token_with(&bank, |claims| claims["agent_public_key"] = key.clone());
        let answer = bank
            .post("/agent/register", Some(&token), &wish(json!([])))
            .await;
        assert_eq!(answer.refusal(), (400, code), "{key}");
    }
    assert_eq!(agents(&bank).await, 0);
}

// AA-2.11-02, AA-8.10-01, AA-4.5.1-09
#[tokio::test]
async fn a_pending_host_may_register_more_agents_and_all_of_them_wait() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    bank.register(&host, &wish(json!(["echo"]))).await;
    for mode in ["delegated", "autonomous"] {
        let body = json!({ "name": "B", "mode": mode, "capabilities": ["echo"] });
        let (agent, answer) = bank.register(&host, &body).await;
        assert_eq!(answer.body["status"], "pending", "{mode}");
        assert_eq!(answer.grants(), [("echo", "pending")]);
        let tried = bank.execute(&agent, "echo", json!({})).await;
        assert_eq!(tried.refusal(), (403, "agent_pending"));
    }
}

// AA-5.3-02, AA-5.13-05
#[tokio::test]
async fn members_of_the_wrong_type_or_length_are_refused() {
    let bank = Bank::start().await;
    let many: Vec<_> = (0..101).map(|n| format!("c{n}")).collect();
    let cases = [
        json!({}),
        json!({ "name": null }),
        json!({ "name": 7 }),
        json!({ "name": "" }),
        json!({ "name": "\u{200b}\n" }),
        json!({ "name": "é".repeat(201) }),
        json!({ "name": "A", "host_name": "x".repeat(201) }),
        json!({ "name": "A", "host_name": 7 }),
        json!({ "name": "A", "reason": "x".repeat(501) }),
        json!({ "name": "A", "reason": ["x"] }),
        json!({ "name": "A", "binding_message": "x".repeat(501) }),
        json!({ "name": "A", "login_hint": "x".repeat(501) }),
        json!({ "name": "A", "mode": "robot" }),
        json!({ "name": "A", "mode": "Delegated" }),
        json!({ "name": "A", "capabilities": "echo" }),
        json!({ "name": "A", "capabilities": { "echo": {} } }),
        json!({ "name": "A", "capabilities": [7] }),
        json!({ "name": "A", "capabilities": [""] }),
        json!({ "name": "A", "capabilities": ["a\nb"] }),
        json!({ "name": "A", "capabilities": [{}] }),
        json!({ "name": "A", "capabilities": [{ "name": "echo", "constraints": [] }] }),
        json!({ "name": "A", "capabilities": many }),
        json!(["name"]),
        json!("name"),
        json!(null),
    ];
    for body in cases {
        let (_, answer) = bank.register(&TestHost::new(), &body).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{body}");
    }
    assert_eq!(agents(&bank).await, 0);
}

// AA-8.15-01: hosts suggest nothing here.
#[tokio::test]
async fn a_name_that_nobody_offers_is_refused_and_does_not_come_into_being() {
    let bank = Bank::start().await;
    let before = bank.get("/capability/list", None).await.body;
    for name in ["fly", "Echo", "echo/v2", "echo "] {
        let mut body = wish(json!([{ "name": name, "description": "Fly there" }]));
        body["suggested_capabilities"] = json!([{ "name": name, "description": "Fly there" }]);
        let (_, answer) = bank.register(&TestHost::new(), &body).await;
        assert_eq!(answer.refusal(), (400, "invalid_capabilities"), "{name}");
    }
    assert_eq!(bank.get("/capability/list", None).await.body, before);
    assert_eq!(agents(&bank).await, 0);
}

// AA-3.1-03, AA-3.2-04
#[tokio::test]
async fn a_record_holds_a_key_that_came_inline_or_else_where_it_is_published() {
    let bank = Bank::start().await;
    let host_key = new_key();
    let agent_key = new_key();
    let (hosts_url, agents_url) = ("https://keys.example/host", "https://keys.example/agent");
    bank.publisher.publish(hosts_url, &[("h", &host_key)]);
    bank.publisher.publish(agents_url, &[("a", &agent_key)]);
    for (host_publishes, agent_publishes) in [(false, false), (false, true), (true, true)] {
        let host = TestHost::new();
        let agent = host.new_agent();
        let key = if host_publishes { &host_key } else { &host.key };
        let mut claims = host.claims(&bank);
        claims["iss"] = json!(Thumbprint::of(key.public()));
        if host_publishes {
            claims.as_object_mut().unwrap().remove("host_public_key");
            claims["host_jwks_url"] = json!(hosts_url);
        }
        if agent_publishes {
            claims["agent_jwks_url"] = json!(agents_url);
            claims["agent_kid"] = json!("a");
        } else {
            claims["agent_public_key"] = jwk(&agent.key);
        }
        let header = Header {
            algorithm: "EdDSA",
            typ: "host+jwt",
            kid: host_publishes.then_some("h"),
        };
        let token = jwt::sign(header, &claims, key).unwrap();
        let answer = bank
            .post("/agent/register", Some(&token), &wish(json!([])))
            .await;
        let mut tx = bank.store.read().await.unwrap();
        let id = answer.text_of("agent_id").parse().unwrap();
        let agent_record = tx.find_agent(&id).await.unwrap().unwrap();
        let host_record = tx.load_host(&agent_record.host_id).await.unwrap();

        let hosts = host_record.jwks.map(|jwks| jwks.url.to_string());
        assert_eq!(hosts.as_deref(), host_publishes.then_some(hosts_url));
        assert_eq!(&host_record.public_key, key.public());
        let agents = agent_record.jwks.map(|jwks| jwks.url.to_string());
        assert_eq!(agents.as_deref(), agent_publishes.then_some(agents_url));
        let expected = if agent_publishes {
            &agent_key
        } else {
            &agent.key
        };
        assert_eq!(&agent_record.public_key, expected.public());
    }
}
