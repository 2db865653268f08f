use serde_json::{Value, json};

use super::*;
use crate::client::Options;
use crate::fake::{BANK, Reply, Stage, bank, ok, outage, refusal};

const SEARCH: &str = "GET /find/api/search";
const DOCUMENT: &str = "GET /.well-known/agent-configuration";

fn stage() -> Stage {
    Stage::with_options(Options {
        directory: Some("https://directory.example/find/".to_owned()),
        ..Options::default()
    })
}

fn results(entries: &[Value]) -> Reply {
    ok(&json!({ "providers": entries, "intent": "banking", "count": entries.len() }))
}

fn refused(found: &Found) -> &str {
    assert_eq!(found.providers, []);
    &found.refused[0].reason
}

// AA-6.2.2-01, AA-6.11-01, AA-6.11-06
#[tokio::test]
async fn a_provider_is_found_by_what_it_is_wanted_for_and_kept() {
    let stage = stage();
    stage.on(SEARCH, results(&[bank()]));
    let found = stage
        .client
        .search_providers("send money & more", None)
        .await
        .unwrap();
    assert_eq!(found.providers[0].issuer(), BANK);
    assert_eq!(found.refused, []);
    let asked = &stage.sent(SEARCH)[0];
    assert_eq!(asked.url.host_str(), Some("directory.example"));
    assert_eq!(
        asked.url.query(),
        Some("intent=send+money+%26+more&limit=10")
    );
    assert_eq!(asked.typ, None, "no token goes to a directory");
    assert_eq!(stage.client.provider("bank").await.unwrap().issuer(), BANK);
}

// AA-6.11-11
#[tokio::test]
async fn an_entry_that_its_provider_does_not_confirm_is_refused_and_said() {
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let notices = heard.clone();
    let stage = Stage::with_options(Options {
        directory: Some("https://directory.example/find".to_owned()),
        notices: Some(std::sync::Arc::new(move |notice| {
            notices.lock().unwrap().push(notice.to_string());
        })),
        ..Options::default()
    });
    let mut poisoned = bank();
    poisoned["issuer"] = json!("https://evil.example");
    poisoned["default_location"] = json!("https://evil.example/capability/execute");
    // The document there is the bank's.
    stage.on(SEARCH, results(&[poisoned]));
    let found = stage
        .client
        .search_providers("banking", None)
        .await
        .unwrap();
    assert!(
        refused(&found).contains("is for \"https://bank.example\""),
        "{found:?}"
    );
    assert!(heard.lock().unwrap()[0].contains("evil.example"));
    assert_eq!(stage.client.providers().unwrap(), []);
}

#[tokio::test]
async fn an_entry_that_cannot_be_checked_is_refused() {
    let stage = stage();
    stage
        .on(SEARCH, results(&[bank()]))
        .now_on(DOCUMENT, outage());
    let found = stage
        .client
        .search_providers("banking", None)
        .await
        .unwrap();
    refused(&found);
}

#[tokio::test]
async fn nothing_a_directory_sends_is_taken_as_it_is() {
    let mut http = bank();
    http["issuer"] = json!("http://bank.example");
    let mut other_version = bank();
    other_version["version"] = json!("2.0");
    let mut elsewhere = bank();
    elsewhere["endpoints"] = json!({ "register": "https://evil.example/register" });
    for entry in [
        http,
        other_version,
        elsewhere,
        json!({}),
        json!("bank"),
        json!(null),
    ] {
        let stage = stage();
        stage.on(SEARCH, results(std::slice::from_ref(&entry)));
        let found = stage
            .client
            .search_providers("banking", None)
            .await
            .unwrap();
        refused(&found);
        assert_eq!(stage.sent(DOCUMENT).len(), 0, "{entry}");
    }
}

#[tokio::test]
async fn no_more_is_looked_at_than_was_asked_for() {
    let stage = stage();
    stage.on(SEARCH, results(&vec![json!({}); 100]));
    for (limit, looked_at) in [(Some(3), 3), (None, 10), (Some(1000), 50), (Some(0), 1)] {
        let found = stage
            .client
            .search_providers("banking", limit)
            .await
            .unwrap();
        assert_eq!(found.refused.len(), looked_at);
    }
}

#[tokio::test]
async fn a_directory_that_fails_is_an_error_of_its_own() {
    for reply in [
        outage(),
        refusal(500, "down"),
        ok(&json!([])),
        ok(&json!({ "providers": "none" })),
        ok(&Value::Null),
    ] {
        let stage = stage();
        stage.on(SEARCH, reply);
        stage
            .client
            .search_providers("banking", None)
            .await
            .unwrap_err();
    }
    let none = Stage::new().client.search_providers("banking", None).await;
    assert!(matches!(
        none,
        Err(ClientError::Caller(CallerError::NoDirectory))
    ));
    for directory in ["directory", "https://x.example/?q=", "data:,x"] {
        let stage = Stage::with_options(Options {
            directory: Some(directory.to_owned()),
            ..Options::default()
        });
        let error = stage.client.search_providers("banking", None).await;
        assert!(
            matches!(error, Err(ClientError::Caller(CallerError::NotAUrl(_)))),
            "{directory}"
        );
    }
}
