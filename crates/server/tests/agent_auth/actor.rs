//! What an upstream is told of who acts, verified with what the server publishes.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use procura_keys::digest::from_base64url;
use procura_keys::jwt::{Form, Unverified};
use procura_keys::key::PublicKey;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::flows::ALICE;
use crate::support::{Bank, extended};

type Told = Arc<Mutex<Vec<String>>>;

async fn orders(State(told): State<Told>, headers: HeaderMap) -> &'static str {
    let token = headers["procura-actor"].to_str().unwrap();
    told.lock().unwrap().push(token.to_owned());
    "two orders"
}

#[tokio::test]
async fn a_service_verifies_who_acts_with_the_published_keys() {
    let told = Told::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let routes = axum::Router::new().route("/orders", get(orders));
    let routes = routes.with_state(Arc::clone(&told));
    tokio::spawn(async move {
        procura_server::listen::serve(listener, routes, std::future::pending()).await;
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("actor.keys");
    let keys = "2026 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n\
                2025 ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8\n";
    std::fs::write(&file, keys).unwrap();
    let config = extended(&format!(
        "[actor]\nkey_file = '{file}'\n\
         [[upstream]]\nname = 'shop'\nurl = '{origin}'\ntell_actor = true\n\
         [[capability]]\nname = 'list_orders'\ndescription = 'Lists orders.'\n\
         approval = 'session'\n\
         [capability.http]\nupstream = 'shop'\nmethod = 'GET'\npath = '/orders'\n",
        file = file.display(),
    ));
    let bank = Bank::start_with(&config).await;
    let (_, agent) = bank.approved_agent(json!(["list_orders"])).await;
    let answer = bank.execute(&agent, "list_orders", json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");

    let token = told.lock().unwrap().pop().unwrap();
    let form = Form {
        algorithm: "EdDSA",
        max_bytes: 4096,
    };
    let token = Unverified::parse(&token, form).unwrap();
    let published = bank.get("/.well-known/jwks.json", None).await;
    let keys = published.body["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    let mut keys = keys.iter();
    let key = keys.find(|key| key["kid"].as_str() == token.kid.as_deref());
    let bytes = from_base64url(key.unwrap()["x"].as_str().unwrap()).unwrap();
    assert!(token.is_signed_by(&PublicKey::from_bytes(&bytes).unwrap()));
    let started = bank.records_of("capability.started").await;
    let mut tx = bank.store.read().await.unwrap();
    let alice = tx.find_person_by_email(&ALICE.parse().unwrap()).await;
    let alice = alice.unwrap().unwrap().id.to_string();
    for (claim, expected) in [
        ("iss", json!(bank.issuer)),
        ("aud", json!(origin)),
        ("sub", json!(alice)),
        ("user_id", json!(alice)),
        ("agent_id", json!(agent.id)),
        ("capability", json!("list_orders")),
        ("call_id", started[0]["jti"].clone()),
        ("host_id", started[0]["host_id"].clone()),
    ] {
        assert_ne!(expected, Value::Null, "{claim}");
        assert_eq!(token.claims[claim], expected, "{claim}");
    }
}

#[tokio::test]
async fn without_keys_none_are_published_and_no_service_is_told() {
    let bank = Bank::start().await;
    let published = bank.get("/.well-known/jwks.json", None).await;
    assert_eq!(published.refusal(), (404, "not_found"));
    let config =
        extended("[[upstream]]\nname = 'a'\nurl = 'http://127.0.0.1:9'\ntell_actor = true\n");
    let refused = procura_server::config::Config::parse(&config, None).err();
    assert!(refused.unwrap().contains("actor.key_file"));
}
