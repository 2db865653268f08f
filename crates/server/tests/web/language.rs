//! The pages in the language of whoever reads them.

use procura_people::presence::Method;
use serde_json::json;

use super::browser::{Browser, page_of, requested, value_of, words};
use crate::support::Bank;
use crate::support::flows::ALICE;
use crate::support::http::Answer;
use crate::support::signers::TestHost;

const GERMAN: [(&str, &str); 1] = [("accept-language", "de-CH, en;q=0.5")];

async fn in_german(browser: &mut Browser<'_>, path: &str) -> Answer {
    let headers = GERMAN.map(|(name, value)| (name, value.to_owned()));
    browser.send("GET", path, &headers, None).await
}

#[tokio::test]
async fn a_page_is_in_the_language_that_the_browser_prefers() {
    let bank = Bank::start().await;
    let mut browser = Browser::new(&bank);
    let english = browser.get("/login").await;
    assert!(
        words(&english).starts_with("Sign in\n"),
        "{}",
        words(&english)
    );
    assert_eq!(english.header("content-language"), Some("en"));
    let german = in_german(&mut browser, "/login").await;
    assert!(
        words(&german).starts_with("Anmelden\n"),
        "{}",
        words(&german)
    );
    assert!(german.text.contains("<html lang=\"de\">"));
    assert_eq!(german.header("content-language"), Some("de"));
    assert_eq!(german.header("vary"), Some("accept-language, cookie"));
    for path in ["/no/such/page", "/setup/x"] {
        let page = browser
            .send(
                "GET",
                path,
                &[
                    ("accept", "text/html".to_owned()),
                    ("accept-language", "de".to_owned()),
                ],
                None,
            )
            .await;
        assert!(
            page.text.contains("<html lang=\"de\">"),
            "{path}: {}",
            page.text
        );
    }
}

#[tokio::test]
async fn a_reader_chooses_another_language_and_stays_where_they_are() {
    let bank = Bank::start().await;
    let mut browser = Browser::new(&bank);
    let from = format!("{}/login?next=%2Finbox", bank.issuer);
    let headers = [("origin", bank.issuer.clone()), ("referer", from)];
    let answer = browser
        .post_from("/language", &headers, &[("language", "de")])
        .await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/login?next=%2Finbox"))
    );
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("procura_language=de;"), "{cookie}");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
        "{cookie}"
    );
    browser.cookie = Some("procura_language=de".to_owned());
    let page = browser.get("/login").await;
    assert!(words(&page).starts_with("Anmelden\n"), "{}", words(&page));
    let answer = browser.post("/language", &[("language", "tlh")]).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    assert_eq!(answer.header("set-cookie"), None);
}

// AA-8.10-01
#[tokio::test]
async fn what_is_approved_is_the_same_in_each_language() {
    let bank = Bank::start().await;
    let limits = json!({ "account_id": { "in": ["acc_1", "acc_2"] } });
    let (_, answer) = bank
        .register(
            &TestHost::new(),
            &json!({
                "name": "Helper",
                "mode": "delegated",
                "capabilities": [{ "name": "check_balance", "constraints": limits }],
            }),
        )
        .await;
    let page = page_of(&answer.user_code());
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Password).await;
    let english = alice.get(&page).await;
    let german = in_german(&mut alice, &page).await;
    assert!(
        words(&english).contains("account_id: only acc_1 or acc_2"),
        "{}",
        words(&english)
    );
    assert!(
        words(&german).contains("account_id: nur acc_1 oder acc_2"),
        "{}",
        words(&german)
    );
    assert!(words(&german).contains("Darf dieser Agent für Sie handeln?"));
    for name in ["shown", "reference"] {
        assert_eq!(value_of(&english, name), value_of(&german, name));
    }
    let decided = alice.approve(&german, &["check_balance"]).await;
    assert!(
        words(&decided).starts_with("Approved\n"),
        "{}",
        words(&decided)
    );
}

#[tokio::test]
async fn nothing_of_a_stranger_is_translated() {
    let bank = Bank::start().await;
    let (_, answer) = bank
        .register(
            &TestHost::new(),
            &json!({
                "name": "Sign in",
                "mode": "delegated",
                "reason": "Approve",
                "capabilities": [],
            }),
        )
        .await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Password).await;
    let page = in_german(&mut alice, &page_of(&answer.user_code())).await;
    let said = words(&page);
    assert!(
        said.contains("“Sign in”") && said.contains("“Approve”"),
        "{said}"
    );
}

#[tokio::test]
async fn pages_of_every_part_can_be_read_in_german() {
    let bank = Bank::start().await;
    requested(&bank, &[]).await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Password).await;
    for (path, title) in [
        ("/", "Verbundene Apps"),
        ("/inbox", "Eingang"),
        ("/activity", "Aktivität"),
        ("/account", "Ihr Konto"),
        ("/device", "Code eingeben"),
    ] {
        let page = in_german(&mut alice, path).await;
        assert!(words(&page).starts_with(title), "{path}: {}", words(&page));
    }
}
