//! A provider, or somebody in between, that is up to no good.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use procura_keys::digest::hmac_sha256;
use serde_json::{Value, json};

use super::provider::{Answered, Plan, Provider, resigned};
use super::{START, Visitor, World, location, with};
use crate::browser::{Browser, words};
use crate::support::steady::TestClock;
use crate::support::{Setup, extended};

#[tokio::test]
async fn nobody_comes_in_by_a_token_that_is_not_the_providers_for_this_sign_in() {
    for (name, value) in [
        ("nonce", json!("other")),
        ("nonce", Value::Null),
        ("aud", json!("other")),
        ("aud", json!(["procura", "other"])),
        ("azp", json!("other")),
        ("iss", json!("https://id.example")),
        ("exp", json!(START - 60)),
        ("iat", json!(START - 601)),
        ("sub", Value::Null),
        ("at_hash", json!("AAAA")),
    ] {
        let world = World::start().await;
        let said = value.clone();
        let answer = world
            .sign_in_while(|plan| plan.claims = vec![(name, said)])
            .await;
        assert_eq!(answer.status, 502, "{name} {value}: {}", answer.text);
        let joined = world.bank.records_of("person.joined").await;
        assert_eq!(joined.len(), 0, "{name} {value}");
        let refused = world.bank.records_of("person.sign_in").await;
        assert_eq!(refused[0]["detail"]["provider"], "acme");
    }
}

#[tokio::test]
async fn nobody_comes_in_by_a_token_that_the_provider_did_not_sign() {
    for (name, tell) in FORGERIES {
        let world = World::start().await;
        let answer = world.sign_in_while(tell).await;
        assert_eq!(answer.status, 502, "{name}: {}", answer.text);
        let joined = world.bank.records_of("person.joined").await;
        assert_eq!(joined.len(), 0, "{name}");
    }
}

#[tokio::test]
async fn an_answer_that_is_none_signs_nobody_in_and_is_not_read_without_end() {
    let world = World::start().await;
    let bodies = [
        (StatusCode::OK, "{}"),
        (StatusCode::OK, "[]"),
        (StatusCode::OK, "s3cret"),
        (StatusCode::OK, r#"{"id_token":"a","id_token":"b"}"#),
        (StatusCode::INTERNAL_SERVER_ERROR, ""),
        (StatusCode::BAD_REQUEST, r#"{"error":"<b>s3cret</b>"}"#),
    ];
    let answers = bodies.map(|(status, body)| Answered::With(status, body));
    for answer in answers
        .into_iter()
        .chain([Answered::Endlessly, Answered::Elsewhere])
    {
        world.acme.calls();
        let page = world.sign_in_while(|plan| plan.answer = Some(answer)).await;
        assert_eq!(page.status, 502);
        assert!(!page.text.contains("s3cret"), "{}", page.text);
        let tokens = world
            .acme
            .calls()
            .into_iter()
            .filter(|call| *call == "token");
        assert_eq!(tokens.count(), 1, "a code goes to one address");
    }
}

#[tokio::test]
async fn an_answer_counts_once_and_in_the_browser_that_asked() {
    let world = World::start().await;
    let mut alice = world.visitor();
    let url = alice.leave("/login/openid/acme", &[]).await;
    let back = world.acme.approve(&url, "alice");

    let mut mallory = world.visitor();
    assert_eq!(
        mallory.come_back(&back).await.status,
        400,
        "without a cookie"
    );
    mallory.leave("/login/openid/acme", &[]).await;
    let foreign = mallory.come_back(&back).await;
    assert_eq!(foreign.status, 400, "with the cookie of another sign-in");
    assert!(words(&foreign).contains("This browser is not waiting for that"));
    // A link from elsewhere does not end what is on its way.
    for state in [None, Some(""), Some("AAAA")] {
        let forged = with(&back, "state", state);
        assert_eq!(alice.come_back(&forged).await.status, 400, "{state:?}");
    }
    let mut twice = back.clone();
    twice.query_pairs_mut().append_pair("state", "AAAA");
    assert_eq!(alice.come_back(&twice).await.status, 400);
    assert_eq!(location(&alice.come_back(&back).await), Some("/"));
    assert_eq!(alice.come_back(&back).await.status, 400, "a second time");
}

#[tokio::test]
async fn an_answer_that_comes_too_late_counts_no_more() {
    let world = World::start().await;
    let mut alice = world.visitor();
    let url = alice.leave("/login/openid/acme", &[]).await;
    let back = world.acme.approve(&url, "alice");
    world.bank.clock.advance(Duration::from_mins(10));
    let late = alice.come_back(&back).await;
    assert_eq!(late.status, 400);
    assert!(words(&late).contains("That took too long"));
}

#[tokio::test]
async fn an_answer_of_another_provider_is_refused_before_a_code_is_shown_to_anybody() {
    let world = World::start().await;
    let answers = |provider: &Provider| provider.calls().contains(&"token");
    // The browser is sent to the wrong address.
    let mut alice = world.visitor();
    let url = alice.leave("/login/openid/acme", &[]).await;
    let mut back = world.acme.approve(&url, "alice");
    back.set_path("/login/openid/other");
    assert_eq!(alice.come_back(&back).await.status, 502);
    assert!(!answers(&world.acme) && !answers(&world.other));
    // It says that it is another one, or does not say what it announced to say.
    for (announced, iss, status) in [
        (false, Some(world.other.issuer.as_str()), 502),
        (false, Some(""), 502),
        (true, None, 502),
        (true, Some(world.acme.issuer.as_str()), 303),
    ] {
        world.acme.tell(|plan| {
            if announced {
                let name = "authorization_response_iss_parameter_supported";
                plan.document = vec![(name, json!(true))];
            }
        });
        world.bank.clock.advance(Duration::from_hours(1));
        let mut visitor = world.visitor();
        let url = visitor.leave("/login/openid/acme", &[]).await;
        world.acme.calls();
        let back = with(&world.acme.approve(&url, "alice"), "iss", iss);
        let answer = visitor.come_back(&back).await;
        assert_eq!(answer.status, status, "{announced} {iss:?}");
        assert_eq!(answers(&world.acme), status == 303);
    }
}

#[tokio::test]
async fn whoever_says_no_at_the_provider_is_told_so_and_nothing_else() {
    let world = World::start().await;
    for (error, status, title) in [
        ("access_denied", 403, "The sign-in was cancelled"),
        (
            "<b>x</b>",
            502,
            "The other service does not answer as it should",
        ),
    ] {
        let mut alice = world.visitor();
        let url = alice.leave("/login/openid/acme", &[]).await;
        let back = with(&world.acme.approve(&url, "alice"), "error", Some(error));
        let answer = alice.come_back(&back).await;
        assert_eq!(answer.status, status);
        assert!(words(&answer).contains(title), "{}", answer.text);
        assert!(!answer.text.contains("<b>x"), "{}", answer.text);
    }
}

#[tokio::test]
async fn new_keys_of_a_provider_are_asked_for_once_and_old_ones_kept() {
    let world = World::start().await;
    let sign_in = async || {
        world.acme.calls();
        let answer = world.visitor().sign_in(&world.acme, "alice").await;
        let mut calls = world.acme.calls();
        calls.retain(|call| *call != "document");
        (answer.status, calls)
    };
    assert_eq!(sign_in().await, (303, vec!["token", "keys"]));
    assert_eq!(sign_in().await, (303, vec!["token"]));
    world.acme.tell(|plan| plan.rotate("two"));
    assert_eq!(sign_in().await, (303, vec!["token", "keys"]));
    world.acme.tell(|plan| plan.header["kid"] = json!("nobody"));
    assert_eq!(sign_in().await, (502, vec!["token", "keys"]));
    world.bank.clock.advance(Duration::from_hours(1));
    world.acme.tell(|plan| plan.rotate("two"));
    assert_eq!(
        sign_in().await,
        (303, vec!["token", "keys"]),
        "under the same name"
    );
}

#[tokio::test]
async fn a_provider_that_is_not_what_it_was_asked_for_is_not_used_and_not_asked_all_the_time() {
    for (name, value) in [
        ("issuer", json!("https://id.example")),
        (
            "authorization_endpoint",
            json!("http://id.example/authorize"),
        ),
        ("authorization_endpoint", json!("javascript:alert(1)")),
        ("code_challenge_methods_supported", json!(["plain"])),
        ("padding", json!("x".repeat(300_000))),
    ] {
        let world = World::start().await;
        world.acme.tell(|plan| plan.document = vec![(name, value)]);
        let mut browser = Browser::new(&world.bank);
        for _ in 0..2 {
            let answer = browser.post("/login/openid/acme", &[]).await;
            assert_eq!(answer.status, 502);
            assert!(words(&answer).contains("Acme cannot be reached"));
        }
        assert_eq!(world.acme.calls(), ["document"]);
        world.acme.tell(|plan| plan.document = Vec::new());
        world.bank.clock.advance(Duration::from_secs(5));
        assert_eq!(browser.post("/login/openid/acme", &[]).await.status, 200);
    }
}

#[tokio::test]
async fn tries_are_limited_and_links_from_elsewhere_cost_nobody_theirs() {
    let clock = Arc::<TestClock>::default();
    let acme = Provider::start(Arc::clone(&clock)).await;
    let config = extended(&format!(
        "[limits]\nsign_in = '2/1h'\n[[sign_in.openid]]\nid = 'acme'\nname = 'Acme'\nissuer = '{}'\n\
         client_id = 'procura'",
        acme.issuer
    ));
    let setup = Setup {
        config,
        clock,
        limited: true,
        ..Setup::default()
    };
    let bank = setup.start().await;
    let mut visitor = Visitor::of(Browser::new(&bank));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        for _ in 0..3 {
            let forged = visitor
                .browser
                .get("/login/openid/acme?code=x&state=x")
                .await;
            assert_eq!(forged.status, 400);
        }
        let url = visitor.leave("/login/openid/acme", &[]).await;
        let answer = visitor.come_back(&acme.approve(&url, "alice")).await;
        statuses.push(answer.status);
    }
    assert_eq!(statuses[2], 429, "{statuses:?}");
}

/// What it is called, and what the provider is told to do.
type Forgery = (&'static str, fn(&mut Plan));

const FORGERIES: [Forgery; 7] = [
    ("unsigned", |plan| {
        plan.token = |token| resigned(&token, &json!({ "alg": "none" }), |_| Vec::new());
    }),
    ("signed with the client's secret", |plan| {
        plan.token = |token| {
            let header = json!({ "alg": "HS256", "kid": "one" });
            let sign = |signed: &[u8]| hmac_sha256(b"a secret+", signed).to_vec();
            resigned(&token, &header, sign)
        };
    }),
    ("another key of the same name", |plan| {
        let published = plan.published.clone();
        plan.rotate("one");
        plan.published = published;
    }),
    ("a key of another name", |plan| {
        plan.header["kid"] = json!("two");
    }),
    ("an extension that has to be understood", |plan| {
        plan.header["crit"] = json!(["x"]);
        plan.header["x"] = json!(1);
    }),
    ("no signature", |plan| {
        plan.token = |token| token.rsplit_once('.').unwrap().0.to_owned();
    }),
    ("a key whose secret is published", |plan| {
        plan.published[0]["d"] = json!("AAAA");
    }),
];
