//! What holds for all pages: headers, no foreign forms, no scripts, one base path.

use procura_people::presence::Method;

use super::browser::{Browser, FORM, page_of, requested, value_of};
use crate::support::flows::ALICE;
use crate::support::http::Answer;
use crate::support::{Bank, with_issuer};

/// One answer of every kind that a browser can get.
async fn every_page(bank: &Bank) -> Vec<(&'static str, Answer)> {
    let code = requested(bank, &["check_balance", "transfer_domestic"]).await;
    let mut nobody = Browser::new(bank);
    let mut alice = Browser::signed_in(bank, ALICE, Method::Password).await;
    let consent = alice.get(&page_of(&code)).await;
    let cross_site = [("sec-fetch-site", "cross-site".to_owned())];
    let mut pages = vec![
        ("login", nobody.get("/login").await),
        (
            "refused login",
            nobody
                .post("/login", &[("email", "x"), ("password", "y")])
                .await,
        ),
        ("redirect", nobody.get("/").await),
        ("home", alice.get("/").await),
        ("stopped apps", alice.get("/?show=stopped").await),
        ("inbox", alice.get("/inbox").await),
        ("activity", alice.get("/activity").await),
        ("no app", alice.get("/apps/x").await),
        ("code entry", alice.get("/device").await),
        ("unknown code", alice.get("/device?code=BCDF-GHJK").await),
        ("no choice", alice.approve(&consent, &[]).await),
        (
            "presence",
            alice.approve(&consent, &["transfer_domestic"]).await,
        ),
        (
            "approved",
            alice.approve(&consent, &["check_balance"]).await,
        ),
        ("answered", alice.get(&page_of(&code)).await),
        ("not a form", alice.send("POST", "/device", &[], None).await),
        (
            "cross-site",
            alice.post_from("/device", &cross_site, &[]).await,
        ),
        ("wrong method", alice.send("PUT", "/login", &[], None).await),
        ("no asset", alice.get("/assets/nothing").await),
        ("style", alice.get("/assets/procura.css").await),
        ("script", alice.get("/assets/live.js").await),
        ("logo", alice.get("/assets/logo.svg").await),
        ("script", alice.get("/assets/passkey.js").await),
        ("recovery", nobody.get("/login/recovery").await),
        ("no link", nobody.get("/invite/nothing").await),
        ("no sign-up", nobody.get("/signup").await),
        ("account", alice.get("/account").await),
        (
            "refused password",
            alice
                .post("/account/password", &[("password", "short")])
                .await,
        ),
        ("no challenge", alice.post("/account/challenge", &[]).await),
    ];
    pages.push(("consent", consent));
    pages
}

#[tokio::test]
async fn every_answer_carries_the_protecting_headers() {
    let bank = Bank::start().await;
    for (name, page) in every_page(&bank).await {
        let policy = page
            .header("content-security-policy")
            .unwrap_or_else(|| panic!("{name}"));
        assert_eq!(
            policy,
            "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; \
             img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            "{name}"
        );
        for (header, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(page.header(header), Some(value), "{name}");
        }
        let is_asset = ASSETS.contains(&name);
        let caching = if is_asset { "no-cache" } else { "no-store" };
        assert_eq!(page.header("cache-control"), Some(caching), "{name}");
    }
}

// AA-8.10-05
#[tokio::test]
async fn no_page_runs_or_loads_anything_foreign() {
    let bank = Bank::start().await;
    for (name, page) in every_page(&bank).await {
        let html = page.header("content-type") == Some("text/html; charset=utf-8");
        let bare = [204, 303].contains(&page.status) || ASSETS.contains(&name);
        assert_eq!(html, !bare, "{name}: {:?}", page.headers);
        let scripts = page.text.matches("<script").count();
        let own = page.text.matches(OWN_SCRIPT).count();
        assert_eq!(scripts, own, "{name}");
        for forbidden in ["javascript:", " style=", " onclick", " onload", "https://"] {
            assert!(!page.text.contains(forbidden), "{name}: {forbidden}");
        }
    }
}

// AA-10.8-01
#[tokio::test]
async fn no_page_speaks_of_hosts_where_people_say_apps() {
    let bank = Bank::start().await;
    let mut has_an_app = false;
    for (name, page) in every_page(&bank).await {
        let is_page = page.header("content-type") == Some("text/html; charset=utf-8");
        if !is_page {
            continue;
        }
        let words = page
            .text
            .replace(&bank.issuer, "")
            .replace(&bank.address, "");
        let words = words.to_lowercase();
        assert!(!words.contains("host"), "{name}: {}", page.text);
        has_an_app |= words.contains("app");
    }
    assert!(has_an_app);
}

#[tokio::test]
async fn every_page_has_a_title_one_heading_and_a_label_for_each_field() {
    let bank = Bank::start().await;
    for (name, page) in every_page(&bank).await {
        if !page.text.starts_with("<!doctype html>") {
            continue;
        }
        assert!(page.text.contains("<html lang=\"en\">"), "{name}");
        assert!(page.text.contains(" · bank</title>"), "{name}");
        assert_eq!(page.text.matches("<h1").count(), 1, "{name}");
        let shown = |input: &&str| !input.contains("type=\"hidden\"");
        for input in page.text.split("<input ").skip(1).filter(shown) {
            let (_, id) = input
                .split_once("id=\"")
                .unwrap_or_else(|| panic!("{name}: {input}"));
            let (id, _) = id.split_once('"').unwrap();
            assert!(
                page.text.contains(&format!("<label for=\"{id}\"")),
                "{name}: {id}"
            );
        }
    }
}

#[tokio::test]
async fn forms_of_other_sites_are_refused_and_change_nothing() {
    let bank = Bank::start().await;
    let mut alice = Browser::signed_in(&bank, ALICE, Method::Passkey).await;
    let code = requested(&bank, &["check_balance"]).await;
    let consent = alice.get(&page_of(&code)).await;
    let (reference, shown) = (value_of(&consent, "reference"), value_of(&consent, "shown"));
    let item = value_of(&consent, "item");
    let approval = [
        ("reference", reference.as_str()),
        ("shown", &shown),
        ("item", &item),
        ("decision", "approve"),
    ];
    let foreign: [&[(&str, &str)]; 7] = [
        &[
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.example"),
        ],
        &[
            ("sec-fetch-site", "same-site"),
            ("origin", "https://sub.bank.example"),
        ],
        &[("sec-fetch-site", "cross-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "null"), ("sec-fetch-site", "same-origin")],
        &[
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "same-origin"),
        ],
    ];
    for headers in foreign {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| {
                (
                    if *name == "origin" {
                        "origin"
                    } else {
                        "sec-fetch-site"
                    },
                    (*value).to_owned(),
                )
            })
            .collect();
        for (path, fields) in [
            ("/device", &approval[..]),
            ("/logout", &[]),
            ("/login", &[]),
        ] {
            let answer = alice.post_from(path, &headers, fields).await;
            assert_eq!(answer.status, 403, "{path} {headers:?}");
            assert!(
                answer.text.contains("This form came from somewhere else"),
                "{}",
                answer.text
            );
            assert_eq!(answer.header("set-cookie"), None);
        }
    }
    // Neither signed out nor answered.
    assert_eq!(
        alice.approve(&consent, &["check_balance"]).await.status,
        200
    );
}

#[tokio::test]
async fn the_host_header_does_not_make_an_origin_ours() {
    let bank = Bank::start_with(&with_issuer("https://bank.example")).await;
    // The request goes to this address and says so in Host, as after a rebinding of a name.
    let origin = vec![("origin", format!("http://{}", bank.address))];
    let answer = Browser::new(&bank).post_from("/logout", &origin, &[]).await;
    assert_eq!(answer.status, 403);
    assert!(
        answer
            .text
            .contains("The address of this server is https://bank.example."),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn forms_of_this_server_are_taken() {
    let bank = Bank::start().await;
    let own = bank.issuer.clone();
    for headers in [
        vec![
            ("origin", own.clone()),
            ("sec-fetch-site", "same-origin".to_owned()),
        ],
        vec![("origin", own)],
        vec![("sec-fetch-site", "same-origin".to_owned())],
        // Not a browser, or a very old one, which the cookie's SameSite does not help either.
        vec![],
    ] {
        let answer = Browser::new(&bank)
            .post_from("/logout", &headers, &[])
            .await;
        assert_eq!(answer.status, 303, "{headers:?}");
    }
}

#[tokio::test]
async fn a_page_says_how_it_can_be_used() {
    let bank = Bank::start().await;
    let mut browser = Browser::new(&bank);
    let answer = browser.send("DELETE", "/device", &[], None).await;
    assert_eq!(
        (answer.status, answer.header("allow")),
        (405, Some("GET,HEAD,POST"))
    );
    let answer = browser.get("/logout").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    let answer = browser.send("HEAD", "/login", &[], None).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
}

#[tokio::test]
async fn assets_are_kept_until_they_change() {
    let bank = Bank::start().await;
    let mut browser = Browser::new(&bank);
    for (path, content_type) in [
        ("/assets/procura.css", "text/css; charset=utf-8"),
        ("/assets/logo.svg", "image/svg+xml"),
        ("/assets/passkey.js", "text/javascript; charset=utf-8"),
        ("/assets/live.js", "text/javascript; charset=utf-8"),
    ] {
        let first = browser.get(path).await;
        assert_eq!(
            (first.status, first.header("content-type")),
            (200, Some(content_type))
        );
        let etag = first.header("etag").unwrap().to_owned();
        let again = browser
            .send("GET", path, &[("if-none-match", etag)], None)
            .await;
        assert_eq!((again.status, again.text.as_str()), (304, ""));
        let other = browser
            .send(
                "GET",
                path,
                &[("if-none-match", "\"old\"".to_owned())],
                None,
            )
            .await;
        assert_eq!(other.status, 200);
    }
}

#[tokio::test]
async fn under_a_path_every_link_stays_under_it() {
    let bank = Bank::start_with(&with_issuer("https://example.com/bank")).await;
    let mut browser = Browser::signed_in(&bank, ALICE, Method::Password).await;
    for path in [
        "/bank",
        "/bank/login",
        "/bank/device",
        "/bank/device?code=BCDF-GHJK",
        "/bank/logout",
        "/bank/activity",
        "/bank/apps/x",
    ] {
        let page = browser.get(path).await;
        let mut links = Vec::new();
        for attribute in ["href=\"", "action=\"", "src=\""] {
            let parts = page.text.split(attribute).skip(1);
            links.extend(parts.map(|rest| rest.split_once('"').unwrap().0));
        }
        assert!(links.len() >= 3, "{path}: {}", page.text);
        for link in links {
            assert!(
                link == "/bank"
                    || link.starts_with("/bank/")
                    || link.starts_with("/bank?")
                    || link == "#main",
                "{path}: {link}"
            );
        }
    }
    let answer = Browser::new(&bank).get("/bank/device?code=WDJB-MJHT").await;
    assert_eq!(
        answer.header("location"),
        Some("/bank/login?next=%2Fbank%2Fdevice%3Fcode%3DWDJB-MJHT")
    );
    let headers = [
        ("content-type", FORM.to_owned()),
        ("origin", "https://example.com".to_owned()),
    ];
    let answer = browser.send("POST", "/bank/logout", &headers, None).await;
    assert_eq!(answer.header("location"), Some("/bank/login?signed_out"));
}

const ASSETS: [&str; 3] = ["style", "logo", "script"];
/// The only scripts there are: files of this server.
const OWN_SCRIPT: &str = "<script type=\"module\" src=\"/assets/";
