use std::sync::{Arc, Mutex};

use serde_json::json;

use super::*;
use crate::client::Options;
use crate::fake::{BANK, Reply, Stage, bank, ok, outage, refusal};

const DISCOVERY: &str = "GET /.well-known/agent-configuration";

fn hours(hours: u64) -> Duration {
    Duration::from_hours(hours)
}

// AA-6.2.3-01, AA-6.2.1-01
#[tokio::test]
async fn a_url_leads_to_the_document_and_the_provider_is_remembered() {
    let stage = Stage::new();
    for url in [
        BANK,
        "https://bank.example/",
        "https://bank.example/.well-known/agent-configuration",
    ] {
        let provider = stage.client.discover(url).await.unwrap();
        assert_eq!((provider.name(), provider.issuer()), ("bank", BANK));
    }
    assert_eq!(stage.sent(DISCOVERY).len(), 1);
    assert_eq!(stage.client.providers().unwrap().len(), 1);
    assert_eq!(stage.client.provider("bank").await.unwrap().issuer(), BANK);
}

#[tokio::test]
async fn discovery_carries_no_token() {
    let stage = Stage::new();
    stage.client.discover(BANK).await.unwrap();
    assert_eq!(stage.sent(DISCOVERY)[0].typ, None);
}

// AA-5.1-17, AA-10.5-01
#[tokio::test]
async fn without_cache_control_a_document_is_used_for_an_hour() {
    let stage = Stage::new();
    stage.client.discover(BANK).await.unwrap();
    stage.clock.turn(Duration::from_secs(3599));
    stage.client.discover(BANK).await.unwrap();
    assert_eq!(stage.sent(DISCOVERY).len(), 1);
    stage.clock.turn(Duration::from_secs(1));
    stage.client.discover(BANK).await.unwrap();
    assert_eq!(stage.sent(DISCOVERY).len(), 2);
}

// AA-5.1-16, AA-10.5-04
#[test]
fn cache_directives_are_obeyed_up_to_a_day() {
    let cases = [
        ("no-store", Duration::ZERO),
        ("max-age=600, no-cache", Duration::ZERO),
        ("max-age=10", Duration::from_secs(10)),
        ("public, Max-Age=\"10\"", Duration::from_secs(10)),
        ("max-age=2592000", hours(24)),
        ("max-age=soon", Duration::ZERO),
        ("public", hours(1)),
    ];
    for (text, expected) in cases {
        let value = HeaderValue::from_static(text);
        let headers = HeaderMap::from_iter([(CACHE_CONTROL, value)]);
        assert_eq!(fresh_for(&headers), expected, "{text}");
    }
}

// AA-5.1-16
#[tokio::test]
async fn a_document_that_must_not_be_stored_is_fetched_for_each_use() {
    let stage = Stage::new();
    stage.now_on(DISCOVERY, ok(&bank()).header("cache-control", "no-store"));
    stage.client.discover(BANK).await.unwrap();
    stage.client.discover(BANK).await.unwrap();
    assert_eq!(stage.sent(DISCOVERY).len(), 2);
}

// AA-10.5-03
#[tokio::test]
async fn in_an_outage_the_last_document_is_used_and_said_to_be() {
    let notices = Arc::new(Mutex::new(Vec::new()));
    let heard = notices.clone();
    let stage = Stage::with_options(Options {
        notices: Some(Arc::new(move |notice| {
            heard.lock().unwrap().push(notice.clone());
        })),
        ..Options::default()
    });
    stage.client.discover(BANK).await.unwrap();
    stage.clock.turn(hours(2));
    for reply in [
        outage(),
        refusal(503, "internal_error"),
        Reply::Answer(502, HeaderMap::new(), String::new()),
    ] {
        stage.now_on(DISCOVERY, reply);
        assert_eq!(stage.client.discover(BANK).await.unwrap().issuer(), BANK);
    }
    let issuer = BANK.to_owned();
    assert_eq!(
        *notices.lock().unwrap(),
        vec![Notice::OldDiscoveryUsed { issuer }; 3]
    );
}

#[tokio::test]
async fn a_bad_document_is_not_covered_up_by_an_old_one() {
    let stage = Stage::new();
    stage.client.discover(BANK).await.unwrap();
    stage.clock.turn(hours(2));
    stage.now_on(DISCOVERY, ok(&json!({ "version": "2.0" })));
    let error = stage.client.discover(BANK).await.unwrap_err();
    assert!(matches!(
        error,
        ClientError::BadProvider {
            defect: ProviderDefect::UnsupportedVersion(_),
            ..
        }
    ));
}

#[tokio::test]
async fn a_url_without_a_document_is_not_a_provider() {
    let stage = Stage::new();
    stage.now_on(
        DISCOVERY,
        Reply::Answer(404, HeaderMap::new(), "<html>".to_owned()),
    );
    let error = stage.client.discover(BANK).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "https://bank.example is not a usable provider: it publishes no discovery document (HTTP 404)"
    );
    assert!(stage.client.providers().unwrap().is_empty());
}

#[tokio::test]
async fn a_document_for_another_origin_counts_only_if_that_origin_confirms_it() {
    let stage = Stage::new();
    stage.on("GET /shop/.well-known/agent-configuration", ok(&bank()));
    let provider = stage
        .client
        .discover("https://shop.example/shop")
        .await
        .unwrap();
    assert_eq!(provider.issuer(), BANK);
    let asked = stage.sent(DISCOVERY);
    assert_eq!(asked[0].url.host_str(), Some("bank.example"));
    // Remembered under both addresses.
    stage
        .client
        .discover("https://shop.example/shop")
        .await
        .unwrap();
    stage.client.discover(BANK).await.unwrap();
    assert_eq!(stage.sent(DISCOVERY).len(), 1);
}

#[tokio::test]
async fn a_document_that_its_issuer_does_not_confirm_is_refused() {
    let stage = Stage::new();
    let mut other = bank();
    other["issuer"] = json!("https://bank.example/real");
    other["default_location"] = json!("https://bank.example/real/run");
    stage.now_on(DISCOVERY, ok(&other));
    stage.on("GET /shop/.well-known/agent-configuration", ok(&bank()));
    let error = stage
        .client
        .discover("https://shop.example/shop")
        .await
        .unwrap_err();
    let ClientError::BadProvider { defect, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(
        defect,
        ProviderDefect::WrongIssuer {
            expected: BANK.to_owned(),
            found: "https://bank.example/real".to_owned()
        }
    );
    assert!(stage.client.providers().unwrap().is_empty());
}

#[tokio::test]
async fn an_agent_s_provider_cannot_become_another_issuer() {
    let stage = Stage::new();
    let agent = stage.connected().await;
    stage.clock.turn(hours(2));
    let mut other = bank();
    other["issuer"] = json!("https://bank.example/other");
    stage.now_on(DISCOVERY, ok(&other));
    let error = stage.client.status(&agent).await.unwrap_err();
    assert!(matches!(
        error,
        ClientError::BadProvider {
            defect: ProviderDefect::WrongIssuer { .. },
            ..
        }
    ));
    assert!(stage.sent("GET /agent/status").is_empty());
}

// AA-10.5-02
#[tokio::test]
async fn an_endpoint_that_is_gone_has_the_document_fetched_again() {
    let stage = Stage::new();
    let agent = stage.connected().await;
    stage.on("GET /agent/status", refusal(404, "agent_not_found"));
    stage.client.status(&agent).await.unwrap_err();
    stage.client.status(&agent).await.unwrap_err();
    assert_eq!(stage.sent(DISCOVERY).len(), 1);
    stage.now_on(
        "GET /agent/status",
        Reply::Answer(410, HeaderMap::new(), String::new()),
    );
    stage.client.status(&agent).await.unwrap_err();
    stage.client.status(&agent).await.unwrap_err();
    assert_eq!(stage.sent(DISCOVERY).len(), 2);
}

#[tokio::test]
async fn a_name_has_to_be_known_and_to_fit_one_provider() {
    let stage = Stage::new();
    let unknown = stage.client.provider("bank").await.unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "no provider named \"bank\" is known. None is known yet; give a URL."
    );
    stage.client.discover(BANK).await.unwrap();
    let unknown = stage.client.provider("shop").await.unwrap_err();
    assert!(
        unknown.to_string().contains("Known are: bank."),
        "{unknown}"
    );

    // A second provider that takes the first one's name makes the name useless, not the first provider.
    let mut twin = bank();
    twin["issuer"] = json!("https://twin.example");
    twin["default_location"] = json!("https://twin.example/run");
    stage.now_on(DISCOVERY, ok(&twin));
    stage.client.discover("https://twin.example").await.unwrap();
    let ambiguous = stage.client.provider("bank").await.unwrap_err();
    assert!(matches!(
        ambiguous,
        ClientError::Caller(CallerError::AmbiguousProvider { .. })
    ));
}

#[test]
fn one_spelling_of_a_base_url() {
    for text in [
        "bank.example",
        "",
        "https://bank.example/?x",
        "https://bank.example/#x",
        "data:x",
    ] {
        assert_eq!(
            base_url(text),
            Err(CallerError::NotAUrl(text.to_owned())),
            "{text}"
        );
    }
    assert_eq!(
        base_url(" HTTPS://Bank.Example:443/a/ ").unwrap(),
        "https://bank.example/a"
    );
}

// AA-5.1-03
#[tokio::test]
async fn a_provider_that_was_configured_is_never_asked_for_its_document() {
    let stage = Stage::new();
    let mut document = bank();
    document["endpoints"]["capabilities"] = json!("/elsewhere/list");
    let provider = stage.client.configure(document.to_string().as_bytes());
    assert_eq!(provider.unwrap().issuer(), BANK);
    stage.clock.turn(hours(24 * 400));
    stage.connected().await;
    let list = "GET /elsewhere/list";
    stage.on(list, ok(&json!({ "capabilities": [] })));
    stage.client.capabilities(BANK, None, None).await.unwrap();
    assert_eq!(stage.sent(list).len(), 1);
    assert!(stage.sent(DISCOVERY).is_empty());
    stage.client.rediscover(BANK).await.unwrap();
    assert_eq!(stage.sent(DISCOVERY).len(), 1);
}

#[test]
fn a_document_that_would_not_do_from_the_network_does_not_do_from_a_file() {
    let stage = Stage::new();
    let mut document = bank();
    document["issuer"] = json!("http://bank.example");
    for text in [document.to_string(), "{".to_owned(), "[]".to_owned()] {
        let refused = stage.client.configure(text.as_bytes());
        assert!(
            matches!(refused, Err(ClientError::BadProvider { .. })),
            "{text}"
        );
    }
    assert!(stage.client.providers().unwrap().is_empty());
}
