//! `GET /.well-known/agent-configuration` (§5.1).

use std::collections::BTreeSet;

use procura_server::ENDPOINTS;
use serde_json::json;

use crate::support::flows::CODES_ONLY;
use crate::support::http::Answer;
use crate::support::{Bank, changed, extended, with_issuer};

const PATH: &str = "/.well-known/agent-configuration";
/// A job's URL comes with the answer that starts it.
const UNNAMED: [&str; 2] = ["/agent/events/{token}", "/capability/status/{job}"];

async fn document(bank: &Bank) -> Answer {
    let answer = bank.get(PATH, None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

// AA-5.1-01, AA-5.1-02, AA-5.1-04, AA-5.1-05, AA-5.1-07, AA-5.1-08, AA-5.1.1-01, AA-5.11-01
#[tokio::test]
async fn a_stranger_learns_who_the_server_is_and_what_it_takes() {
    let bank = Bank::start().await;
    let body = document(&bank).await.body;
    assert_eq!(body["version"], "1.0-draft");
    assert_eq!(body["provider_name"], "bank");
    assert_eq!(
        body["description"],
        "Banking services: accounts, transfers and statements"
    );
    assert_eq!(body["issuer"], bank.issuer);
    assert_eq!(body["default_location"], bank.execute_url());
    assert_eq!(body["algorithms"], json!(["Ed25519"]));
    assert_eq!(body["modes"], json!(["delegated", "autonomous"]));
    let methods = json!(["device_authorization", "ciba"]);
    assert_eq!(body["approval_methods"], methods);
}

// AA-5-01, AA-5.1-14
#[tokio::test]
async fn it_names_the_path_of_every_endpoint_that_is_served_and_no_other() {
    let bank = Bank::start().await;
    let body = document(&bank).await.body;
    let named = body["endpoints"].as_object().unwrap().values();
    let named: BTreeSet<_> = named.map(|path| path.as_str().unwrap()).collect();
    let served = ENDPOINTS.iter().map(|endpoint| endpoint.path);
    let by_name = |path: &&str| *path != PATH && !UNNAMED.contains(path);
    let served: BTreeSet<_> = served.filter(by_name).collect();
    assert_eq!(named, served);
}

// AA-5.1-08
#[tokio::test]
async fn it_names_only_the_approval_methods_that_are_switched_on() {
    let bank = Bank::start_with(&extended(CODES_ONLY)).await;
    let body = document(&bank).await.body;
    assert_eq!(body["approval_methods"], json!(["device_authorization"]));
}

// AA-5.1-13
#[tokio::test]
async fn it_says_nothing_about_capabilities() {
    let bank = Bank::start().await;
    let answer = document(&bank).await;
    assert!(!answer.text.contains("check_balance"), "{}", answer.text);
}

// AA-5.1-15
#[tokio::test]
async fn it_may_be_kept_for_an_hour() {
    let bank = Bank::start().await;
    let answer = document(&bank).await;
    assert_eq!(answer.header("cache-control"), Some("public, max-age=3600"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

// AA-2.2-03
#[tokio::test]
async fn it_names_only_the_modes_that_are_switched_on() {
    for modes in [json!(["delegated"]), json!(["autonomous"])] {
        let both = r#"modes = ["delegated", "autonomous"]"#;
        let bank = Bank::start_with(&changed(both, &format!("modes = {modes}"))).await;
        assert_eq!(document(&bank).await.body["modes"], modes);
    }
}

// AA-5-01
#[tokio::test]
async fn an_issuer_with_a_path_has_its_endpoints_below_that_path() {
    let bank = Bank::start_with(&with_issuer("https://bank.example/agents")).await;
    let answer = bank.get(&format!("/agents{PATH}"), None).await;
    assert_eq!(answer.body["issuer"], "https://bank.example/agents");
    let location = "https://bank.example/agents/capability/execute";
    assert_eq!(answer.body["default_location"], location);
    assert_eq!(answer.body["endpoints"]["register"], "/agent/register");
    assert_eq!(bank.get("/agents/capability/list", None).await.status, 200);
    // Some clients look for the document at the origin, whatever the issuer's path.
    assert_eq!(bank.get(PATH, None).await.body, answer.body);
    let outside = bank.get("/capability/list", None).await;
    assert_eq!(outside.refusal(), (404, "not_found"));
}
