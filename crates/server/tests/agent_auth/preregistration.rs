//! Hosts that the operator takes in before they have any agent, and servers that take no published keys.

use procura_people::presence::Method;
use procura_service::admin::{AdminReply, AdminRequest, Listing};
use serde_json::{Value, json};

use crate::support::flows::{ALICE, wish};
use crate::support::signers::{TestHost, jwk, new_key};
use crate::support::{Bank, changed, extended};

fn add(host: &TestHost) -> AdminRequest {
    AdminRequest::AddHost {
        name: Some("Fleet".to_owned()),
        public_key: Some(jwk(&host.key)),
        jwks: None,
        default_capabilities: None,
        user: None,
    }
}

// AA-2.8-02
#[tokio::test]
async fn a_host_taken_in_by_the_operator_is_known_when_it_registers() {
    let closed = changed(r#"unknown = "register""#, r#"unknown = "refuse""#);
    let bank = Bank::start_with(&closed).await;
    let host = TestHost::new();
    let (_, refused) = bank.register(&host, &wish(json!(["echo"]))).await;
    assert_eq!(refused.status, 403);
    let added = bank.administer(add(&host)).await;
    assert_eq!(
        (&added["status"], &added["name"]),
        (&json!("active"), &json!("Fleet"))
    );
    let (agent, answer) = bank.register(&host, &wish(json!(["echo"]))).await;
    assert_eq!(answer.body["host_id"], added["host_id"]);
    assert_eq!(answer.body["status"], "pending", "a person still decides");
    bank.approve_all(&answer, ALICE).await;
    assert_eq!(bank.execute(&agent, "echo", json!({})).await.status, 200);
    let hosts = AdminRequest::ListHosts(Listing::default());
    assert_eq!(bank.administer(hosts).await.as_array().unwrap().len(), 1);
    let record = &bank.records_of("host.added").await[0];
    assert!(
        record["actor"]
            .as_str()
            .unwrap()
            .starts_with("administrator:")
    );
}

// AA-2.8-02
#[tokio::test]
async fn a_host_linked_by_the_operator_gets_its_defaults_without_being_asked() {
    let bank = Bank::start().await;
    bank.person(ALICE, Method::Password).await;
    let host = TestHost::new();
    let AdminRequest::AddHost {
        name,
        public_key,
        jwks,
        ..
    } = add(&host)
    else {
        unreachable!()
    };
    let request = AdminRequest::AddHost {
        name,
        public_key,
        jwks,
        default_capabilities: Some(vec!["list_accounts".to_owned()]),
        user: Some(ALICE.to_owned()),
    };
    bank.administer(request).await;
    let (agent, answer) = bank.register(&host, &wish(json!(["list_accounts"]))).await;
    assert_eq!(answer.body["status"], "active");
    let done = bank.execute(&agent, "list_accounts", json!({})).await;
    assert_eq!(done.status, 200);
}

// AA-2.8-02
#[tokio::test]
async fn a_host_that_publishes_its_keys_is_taken_in_with_the_one_it_uses() {
    let bank = Bank::start().await;
    let url = "https://keys.example/fleet";
    let key = new_key();
    bank.publisher.publish(url, &[("a", &key)]);
    let wish = |kid: &str| AdminRequest::AddHost {
        name: None,
        public_key: None,
        jwks: Some((url.to_owned(), kid.to_owned())),
        default_capabilities: None,
        user: None,
    };
    let refused = bank.try_administer(wish("b")).await;
    assert!(matches!(refused, AdminReply::Refused(why) if why.contains("\"b\"")));
    let added = bank.administer(wish("a")).await;
    assert_eq!(added["status"], "active");
    assert!(matches!(
        bank.try_administer(wish("a")).await,
        AdminReply::Refused(why) if why.contains("known already")
    ));
}

#[tokio::test]
async fn what_makes_no_host_is_refused_with_the_reason() {
    let bank = Bank::start().await;
    let host = TestHost::new();
    let cases: [(Option<Value>, &[&str], &str); 4] = [
        (None, &[], "either a public key or a key set"),
        (Some(json!({ "kty": "EC" })), &[], "public_key"),
        (Some(jwk(&host.key)), &["fly"], "no capability is called"),
        (Some(jwk(&host.key)), &["transfer_domestic"], "presence"),
    ];
    for (public_key, defaults, why) in cases {
        let request = AdminRequest::AddHost {
            name: None,
            public_key,
            jwks: None,
            default_capabilities: Some(defaults.iter().map(ToString::to_string).collect()),
            user: None,
        };
        let reply = bank.try_administer(request).await;
        let AdminReply::Refused(said) = reply else {
            panic!("{reply:?}");
        };
        assert!(said.contains(why), "{said}");
    }
}

#[tokio::test]
async fn a_server_without_published_keys_says_so() {
    let bank = Bank::start_with(&extended("[jwks]\nenabled = false")).await;
    let url = "https://keys.example/fleet";
    let host = TestHost::new();
    bank.publisher.publish(url, &[("a", &host.key)]);
    let published = host.token_with(&bank, |claims| {
        let claims = claims.as_object_mut().unwrap();
        claims.remove("host_public_key");
        claims.insert("host_jwks_url".to_owned(), json!(url));
        claims.insert("agent_public_key".to_owned(), jwk(&new_key()));
    });
    let body = wish(json!([]));
    let answer = bank.post("/agent/register", Some(&published), &body).await;
    assert_eq!(answer.refusal(), (401, "invalid_jwt"));
    let agent_publishes = host.token_with(&bank, |claims| {
        claims["agent_jwks_url"] = json!(url);
        claims["agent_kid"] = json!("a");
    });
    let answer = bank
        .post("/agent/register", Some(&agent_publishes), &body)
        .await;
    assert_eq!(answer.refusal(), (400, "invalid_request"));
    assert!(
        answer
            .text_of("message")
            .contains("takes no published keys")
    );
    assert!(bank.publisher.asked().is_empty());
    let (_, inline) = bank.register(&host, &body).await;
    assert_eq!(inline.status, 200);
}

// AA-10.6-01
#[tokio::test]
async fn lists_of_capabilities_may_be_kept_and_those_for_agents_by_them_alone() {
    let bank = Bank::start().await;
    let (host, agent) = bank.approved_agent(json!(["echo"])).await;
    for path in ["/capability/list", "/capability/describe?name=echo"] {
        let tokens = [
            None,
            Some(host.token(&bank)),
            Some(agent.token(&bank, &bank.issuer)),
        ];
        for token in tokens {
            let answer = bank.get(path, token.as_deref()).await;
            let whose = if token.is_some() { "private" } else { "public" };
            let expected = format!("{whose}, max-age=300");
            assert_eq!(answer.header("cache-control"), Some(expected.as_str()));
            assert_eq!(answer.header("vary"), Some("Authorization"));
        }
    }
    let refused = bank.get("/capability/describe?name=fly", None).await;
    assert_eq!(refused.header("cache-control"), None);
}
